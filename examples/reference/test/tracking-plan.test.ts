import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { bringUp, platformOf, quarantinedRecords } from "@tributary/cli";
import {
  type CustomerEvent,
  type PlatformContract,
  planTypes,
  type QuarantinedRecord,
  readPlan,
} from "@tributary/model";
import * as ts from "typescript";
import { z } from "zod";
import { dataFolder, eventually, run } from "./support/command";

/** A source's tracking plan, on a platform that runs, and by the commands that know it. The program is `fixtures/tracking-plan`. */

const program = join(__dirname, "fixtures", "tracking-plan");
const root = join(__dirname, "..", "..", "..");
const data = dataFolder();
afterAll(() => data.remove());

const track = (messageId: string, event: string, properties: object) => ({
  ...{ type: "track", messageId, userId: "ann", timestamp: "2026-11-20T10:00:00.000Z" },
  ...{ event, properties },
});
const order = { order_id: "o-1", total: 1250, currency: "GBP" };

test("the page shows the plan that is tried here", () => {
  const page = readFileSync(join(root, "docs", "tracking-plan.md"), "utf8");
  expect(page).toContain(readFileSync(join(program, "web-plan.ts"), "utf8"));
});

describe("on a platform that runs", () => {
  let runtime: Awaited<ReturnType<typeof bringUp>>["runtime"];
  let platform: PlatformContract;

  beforeAll(async () => {
    ({ runtime } = await bringUp({ data: data.path, program, stack: "dev" }));
    platform = await platformOf(runtime);
  }, 60_000);
  afterAll(() => runtime?.close());

  async function send(source: string, batch: readonly object[]): Promise<void> {
    const { collectorUrl, writeKeys } = platform.ingestion;
    const response = await fetch(`${collectorUrl}/v1/batch`, {
      method: "POST",
      headers: { authorization: `Basic ${Buffer.from(`${writeKeys[source]}:`).toString("base64")}` },
      body: JSON.stringify({ batch }),
    });
    expect(response.status).toBe(200);
    await runtime.quiesce();
  }

  async function stored(source: string, messageId: string): Promise<CustomerEvent | undefined> {
    const { Item } = await runtime.call<{ Item?: { event: { S: string } } }>("dynamodb", "GetItem", {
      TableName: platform.ingestion.eventsTableName,
      Key: { id: { S: `${source}#${messageId}` } },
    });
    return Item && (JSON.parse(Item.event.S) as CustomerEvent);
  }

  async function quarantined(): Promise<QuarantinedRecord[]> {
    const records: QuarantinedRecord[] = [];
    for await (const { record } of quarantinedRecords(runtime, platform)) records.push(record);
    return records;
  }

  test("each violation ends as its event's rule says; a source without a plan takes anything", async () => {
    await send("web", [
      track("good", "Order Completed", order),
      track("broken", "Order Completed", { ...order, total: 12.5 }),
      track("flagged", "Product Viewed", { product_id: 7, price: 1, colour: "red" }),
      track("omitted", "Signed Up", { method: "fax", age: 40 }),
      track("unplanned", "Order Lost", {}),
    ]);
    await send("server", [track("free", "Order Completed", { total: "twelve" })]);
    expect(await stored("web", "good")).toMatchObject({ properties: order, context: {} });
    expect(await stored("server", "free")).toMatchObject({ properties: { total: "twelve" } });
    expect(await stored("web", "broken")).toBeUndefined();
    const records = await quarantined();
    expect(records).toMatchObject([
      {
        ...{ reason: "plan-violation", stage: "plan", sourceId: "web" },
        detail: "properties.total must be integer, is number; mend the producer, or widen the plan and replay",
      },
    ]);
    expect(JSON.parse(records[0]?.original ?? "")).toMatchObject({ messageId: "broken", properties: { total: 12.5 } });
    const flagged = await stored("web", "flagged");
    expect(flagged).toMatchObject({ properties: { product_id: 7, price: 1 } });
    expect(flagged?.context.protocols).toEqual({
      violations: [{ field: "properties.product_id", rule: "type", description: "must be string", found: "number" }],
      omitted: ["properties.colour"],
    });
    const omitted = await stored("web", "omitted");
    expect(omitted).toMatchObject({
      properties: { age: 40 },
      context: { protocols: { omitted: ["properties.method"] } },
    });
    expect((await stored("web", "unplanned"))?.context.protocols).toMatchObject({
      violations: [{ field: "event", rule: "unplanned-event" }],
    });
  });

  test("sent again, under a plan that is wider by now, nothing is doubled; the replay of the quarantine succeeds", async () => {
    await runtime.up({ programDir: program, config: { wide: "true" } });
    platform = await platformOf(runtime);
    await send("web", [track("flagged", "Product Viewed", { product_id: 7, price: 1, colour: "red" })]);
    expect(await quarantined()).toHaveLength(1);
    const { code, stderr } = await run(["quarantine", "replay", "--reason", "plan-violation", "--data", data.path]);
    expect([code, stderr]).toEqual([0, expect.any(String)]);
    await eventually(async () => await stored("web", "broken"));
    expect(await stored("web", "broken")).toMatchObject({ properties: { total: 12.5 } });
    expect(await quarantined()).toEqual([]);
  }, 60_000);
});

/** Names, forms and references that are hard to write as types. */
function oddPlan() {
  const { plan, faults } = readPlan({
    track: {
      'it\'s "odd" */': { description: "a */ b\nc", properties: z.object({ "a-b": z.tuple([z.string(), z.int()]) }) },
    },
    page: {
      Home: { properties: z.object({ path: z.string() }) },
      "*": { properties: z.object({ title: z.string().optional() }) },
    },
    group: {
      traits: {
        type: "object",
        $defs: {
          node: { type: "object", properties: { leaf: { type: ["string", "null"] }, next: { $ref: "#/$defs/node" } } },
        },
        properties: { seats: { anyOf: [{ type: "integer" }, { const: "many" }] }, tree: { $ref: "#/$defs/node" } },
      },
    },
  });
  if (!plan) throw new Error(JSON.stringify(faults));
  return plan;
}

describe("the commands", () => {
  const file = (name: string, lines: readonly unknown[]) => {
    const path = join(data.path, name);
    mkdirSync(data.path, { recursive: true });
    writeFileSync(path, lines.map((line) => `${typeof line === "string" ? line : JSON.stringify(line)}\n`).join(""));
    return path;
  };
  const plan = join(data.path, "web-plan.json");
  const sample = () =>
    file("sample.jsonl", [
      track("1", "Order Completed", order),
      { batch: [track("2", "Order Completed", { ...order, total: 12.5, voucher: "X" })] },
      track("3", "Order completed", {}),
      "not json",
    ]);

  test("plan show writes the program's plan; plan check tells what would be refused, and where", async () => {
    expect(await run(["plan", "show", "--program", program, "--source", "web", "--out", plan])).toMatchObject({
      code: 0,
    });
    const { code, stdout, stderr } = await run(["plan", "check", sample(), "--plan", plan, "--json"]);
    expect([code, stderr]).toEqual([1, "1 of 3 events would be quarantined.\n"]);
    expect(JSON.parse(stdout)).toMatchObject({
      events: 3,
      outcomes: { accepted: 1, flagged: 1, quarantined: 1 },
      planned: [{ event: 'track "Order Completed"', seen: 2, violating: 1 }, {}, {}, {}],
      violations: [
        { field: "properties.total", rule: "type", found: { number: 1 }, lines: [expect.stringMatching(/jsonl:2$/)] },
      ],
      unplannedEvents: [{ event: 'track "Order completed"', suggestion: 'did you mean "Order Completed"?' }],
      unplannedProperties: [{ field: "properties.voucher", events: 1 }],
      unreadable: { lines: 1 },
    });
    const raw = (source_id: string, total: unknown) => ({
      ...{ source_id, type: "track", message_id: "m" },
      payload: JSON.stringify(track("m", "Order Completed", { ...order, total })),
    });
    const exported = file("export.jsonl", [raw("web", 1), raw("web", "2"), raw("server", "3")]);
    const checked = await run(["plan", "check", exported, "--plan", plan, "--source", "web"]);
    expect(checked).toMatchObject({ code: 1, stderr: "1 of 2 events would be quarantined.\n" });
    const good = file("good.jsonl", [track("1", "Order Completed", order)]);
    expect(await run(["plan", "check", good, "--plan", plan, "--strict"])).toMatchObject({ code: 0 });
  }, 60_000);

  test("plan diff fails on what narrows, naming the change and the events that would break", async () => {
    const next = JSON.parse(readFileSync(plan, "utf8"));
    next.track["Order Completed"].properties.properties.currency.enum = ["GBP"];
    const narrow = file("narrow.json", [next]);
    const euro = file("euro.jsonl", [track("1", "Order Completed", { ...order, currency: "EUR" })]);
    const failed = await run(["plan", "diff", plan, narrow, "--sample", euro, sample(), "--json"]);
    expect(failed.code).toBe(1);
    expect(failed.stderr).toBe(
      "1 change narrows the plan; 1 of 4 events of the sample would break. Events that were taken may be refused: take both for a while (a union of the types, an optional property), or name the new event otherwise.\n",
    );
    expect(JSON.parse(failed.stdout)).toMatchObject({
      passes: false,
      changes: [{ kind: "narrowing", event: 'track "Order Completed"', path: "properties.currency", rule: "enum" }],
      sample: { broken: 1, findings: [{ field: "properties.currency", lines: [`${euro}:1`] }] },
    });
    const widened = await run(["plan", "diff", narrow, plan, "--sample", euro]);
    expect(widened).toMatchObject({ code: 0, stdout: expect.stringMatching(/widening.*Order Completed.*currency/) });
  }, 60_000);

  test("plan types: a client of another maker, typed by the plan", async () => {
    const { stdout } = await run(["plan", "types", "--plan", plan]);
    const use = (call: string) => `import { Analytics } from "@segment/analytics-node";
import { planned } from "./planned";
const analytics = planned(new Analytics({ writeKey: "k" }));
${call}
void analytics.closeAndFlush();
`;
    const right = `analytics.track<"Order Completed">({ userId: "u", event: "Order Completed", properties: { order_id: "1", total: 2, currency: "GBP" } });
analytics.track({ anonymousId: "a", event: "Signed Up" });
analytics.identify({ userId: "u", traits: { email: "ann@example.com" } });`;
    const wrong: readonly (readonly [string, RegExp])[] = [
      [
        `analytics.track({ userId: "u", event: "Order Completed", properties: { order_id: "1", total: 2, currency: "USD" } });`,
        /USD/,
      ],
      [`analytics.track({ userId: "u", event: "Order Completed" });`, /properties/],
      [`analytics.track({ userId: "u", event: "Order completed", properties: {} });`, /Order completed/],
      [`analytics.track({ event: "Signed Up" });`, /Id/],
      [`analytics.identify({ userId: "u", traits: { email: 7 } });`, /number/],
    ];
    const files = new Map([
      [join(root, "planned.ts"), stdout],
      [join(root, "right.ts"), use(right)],
    ]);
    files.set(join(root, "odd.ts"), planTypes(oddPlan()));
    files.set(
      join(root, "oddly.ts"),
      `import { planned } from "./odd";
const client = planned({ track() {}, page() {}, group() {} });
client.page({ userId: "u", name: "Home", properties: { path: "/" } });
client.page({ userId: "u", name: "Any", properties: { title: "t" } });
client.page({ userId: "u", properties: { title: "t" } });
client.track({ userId: "u", event: "Anything", properties: { x: 1 } });
client.group({ userId: "u", groupId: "g", traits: { seats: 3, tree: { leaf: "l" } } });
`,
    );
    for (const [index, [call]] of wrong.entries()) files.set(join(root, `wrong${index}.ts`), use(call));
    const options: ts.CompilerOptions = {
      ...{ strict: true, noEmit: true, skipLibCheck: true, exactOptionalPropertyTypes: true, types: ["node"] },
      ...{
        target: ts.ScriptTarget.ES2022,
        module: ts.ModuleKind.Node16,
        moduleResolution: ts.ModuleResolutionKind.Node16,
      },
    };
    const host = ts.createCompilerHost(options);
    const { readFile, fileExists, getSourceFile } = host;
    host.fileExists = (path) => files.has(path) || fileExists(path);
    host.readFile = (path) => files.get(path) ?? readFile(path);
    host.getSourceFile = (path, language, ...rest) => {
      const text = files.get(path);
      return text === undefined ? getSourceFile(path, language, ...rest) : ts.createSourceFile(path, text, language);
    };
    const compiled = ts.createProgram([...files.keys()], options, host);
    const faults = (name: string) =>
      ts
        .getPreEmitDiagnostics(compiled, compiled.getSourceFile(join(root, name)))
        .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n"));
    expect(faults("planned.ts")).toEqual([]);
    expect(faults("right.ts")).toEqual([]);
    expect(faults("odd.ts")).toEqual([]);
    expect(faults("oddly.ts")).toEqual([]);
    for (const [index, [, message]] of wrong.entries()) expect(faults(`wrong${index}.ts`).join("\n")).toMatch(message);
  }, 60_000);
});
