import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { bringUp, platformOf, quarantinedRecords } from "@tributary/cli";
import type { PlatformContract, QuarantinedRecord } from "@tributary/model";
import { dataFolder, eventually, run } from "./support/command";

/**
 * What users break, on a platform that runs: a role that lacks a statement, an `onEvent` and a `map` that throw, callbacks
 * that capture what cannot be embedded. The program is `fixtures/trouble`.
 */

const program = join(__dirname, "fixtures", "trouble");
const data = dataFolder();
let runtime: Awaited<ReturnType<typeof bringUp>>["runtime"];
let platform: PlatformContract;

const received: { profileId: string; payload: { name: string } }[] = [];
const crm = createServer(async (request, response) => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  received.push(JSON.parse(Buffer.concat(chunks).toString("utf8")));
  response.end();
});
const crmUrl = () => `http://127.0.0.1:${(crm.address() as AddressInfo).port}/crm`;

/** The processor may not put events: the one statement that lets it is taken out. */
const without = "cdp-processor-put-events dynamodb:PutItem";

beforeAll(async () => {
  await new Promise<void>((resolve) => crm.listen(0, "127.0.0.1", resolve));
  const up = await bringUp({ data: data.path, program, stack: "dev", config: { without, crmUrl: crmUrl() } });
  runtime = up.runtime;
  platform = await platformOf(runtime);
}, 60_000);

afterAll(async () => {
  await runtime?.close();
  crm.close();
  data.remove();
});

async function send(path: string, item: object): Promise<number> {
  const { collectorUrl, writeKeys } = platform.ingestion;
  const response = await fetch(`${collectorUrl}/v1/${path}`, {
    method: "POST",
    headers: { authorization: `Basic ${Buffer.from(`${writeKeys.web}:`).toString("base64")}` },
    body: JSON.stringify(item),
  });
  return response.status;
}

/** What the function whose logical name begins so printed. */
function log(prefix: string): string {
  const folder = join(data.path, "logs");
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) => file.includes(prefix));
  return files
    .filter((file) => file.endsWith(".log"))
    .map((file) => readFileSync(join(folder, file), "utf8"))
    .join("");
}

async function storedEvents(): Promise<number> {
  const { Count } = await runtime.call<{ Count: number }>("dynamodb", "Scan", {
    TableName: platform.ingestion.eventsTableName,
    Select: "COUNT",
  });
  return Count;
}

describe("a platform in trouble", () => {
  test("a call that the role does not allow is denied in AWS's words; with the statement back, nothing was lost", async () => {
    expect(await send("identify", { userId: "ann", traits: { name: "Ann" } })).toBe(200);
    const denial = await eventually(async () =>
      /AccessDeniedException[\s\S]*?not authorized to perform: [^"]*/.exec(log("cdp-processor"))?.at(0),
    );
    expect(denial).toMatch(/User: arn:aws:sts::\d{12}:assumed-role\/cdp-processor[^/]*\/cdp-processor\S* is not/);
    expect(denial).toMatch(/perform: dynamodb:PutItem on resource: arn:aws:dynamodb:[^:]+:\d{12}:table\/cdp-events/);
    expect(denial).toMatch(/because no identity-based policy allows the dynamodb:PutItem action/);
    expect(await storedEvents()).toBe(0);

    const mended = await runtime.up({ programDir: program, config: { crmUrl: crmUrl() } });
    expect(mended.steps.filter(({ op }) => op !== "same")).toEqual([
      expect.objectContaining({ op: "update", urn: expect.stringMatching(/::cdp-processor-put-events$/) }),
    ]);
    await eventually(async () => ((await storedEvents()) === 1 ? true : undefined));
  }, 60_000);

  test("an onEvent that throws: the event is quarantined with stack and original, its neighbours are applied", async () => {
    const track = { type: "track", messageId: "boom-1", userId: "ann", event: "Kaboom" };
    expect(await send("batch", { batch: [track, { ...track, messageId: "fine-1", event: "Order Completed" }] })).toBe(
      200,
    );
    const record = await eventually(async () => {
      for await (const found of quarantinedRecords(runtime, platform)) return found.record;
      return undefined;
    });
    expect(record).toMatchObject({
      reason: "callback-error",
      stage: "onEvent",
      sourceId: "web",
      detail: "onEvent threw RangeError: the basket is not made for this",
    } satisfies Partial<QuarantinedRecord>);
    // The frames of the user's own functions, by name.
    expect(record.stack).toMatch(/RangeError: the basket is not made for this[\s\S]*at .*fragile/);
    expect(JSON.parse(record.original)).toMatchObject(track);
    await eventually(async () => ((await storedEvents()) === 2 ? true : undefined));
  });

  test("a map that throws: the message is in the dead letters with the reason, the next person is delivered", async () => {
    const consent = { consent: { categoryPreferences: { marketing: true } } };
    expect(await send("identify", { userId: "nobody", traits: { name: "Nobody" }, context: consent })).toBe(200);
    expect(await send("identify", { userId: "bob", traits: { name: "Bob" }, context: consent })).toBe(200);
    const { QueueUrls } = await runtime.call<{ QueueUrls: string[] }>("sqs", "ListQueues", {});
    const [deadLetters, ...more] = QueueUrls.filter((url) => /\/cdp-crm-dead/.test(url));
    expect(more).toEqual([]);
    const dead = await eventually(async () => {
      const { Messages } = await runtime.call<{
        Messages?: { Body: string; MessageAttributes?: { reason?: { StringValue?: string } } }[];
      }>("sqs", "ReceiveMessage", { QueueUrl: deadLetters, MessageAttributeNames: ["All"] });
      return Messages?.[0];
    });
    expect(dead.MessageAttributes?.reason?.StringValue).toMatch(
      /^map threw TypeError: Nobody has no name\n\s+at .*map/,
    );
    expect(JSON.parse(dead.Body)).toMatchObject({ audience: "named", profileId: expect.any(String) });
    await eventually(async () => received.at(0));
    expect(received.map(({ payload }) => payload)).toEqual([{ name: "Bob" }]);
  });
});

describe("a program that cannot come up, told all at once", () => {
  const fresh = dataFolder();
  const stranger = createServer();
  let taken: number;
  let outcome: Awaited<ReturnType<typeof run>>;

  beforeAll(async () => {
    await new Promise<void>((resolve) => stranger.listen(0, "127.0.0.1", resolve));
    taken = (stranger.address() as AddressInfo).port;
    const platform = ["--program", program, "--stack", "captured", "--data", fresh.path];
    // The AWS endpoint gets the base port, HTTP APIs the next ones.
    outcome = await run(["dev", "--exit", ...platform, "--port", String(taken - 1)]);
  }, 60_000);

  afterAll(() => {
    stranger.close();
    fresh.remove();
  });

  test("callbacks that capture what cannot be embedded: function, callback, variable and remedy", () => {
    expect(outcome.code).toBe(1);
    expect(outcome.stderr).toMatch(/Function "cdp-processor": Callback "onEvent" captures a Map \(in seen\)/);
    expect(outcome.stderr).toMatch(/Function "cdp-crm-deliver": Callback "map" captures a Map \(in seen\)/);
    expect(outcome.stderr).toMatch(/Make it inside the function/);
  });

  test("an HTTP API's port in use: which, whose and the remedy", () => {
    expect(outcome.stderr).toMatch(
      new RegExp(`Port ${taken}, which the HTTP API "cdp-collector\\S*" listens on, is in use[\\s\\S]*--port`),
    );
  });
});
