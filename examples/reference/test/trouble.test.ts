import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { bringUp, planReplay, platformOf, quarantinedRecords, replay, withEffects } from "@tributary/cli";
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

const readLogs = () => log("");

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
    // What the callback said may be about a person: it is in quarantine, and in no log.
    expect(readLogs()).not.toContain("the basket is not made for this");
  });

  test("an onEvent that never comes back: its neighbours are applied and the shard moves on, within seconds", async () => {
    const before = await storedEvents();
    const track = (index: number) => ({
      type: "track",
      messageId: `loop-${index}`,
      userId: `u${index % 3}`,
      event: index === 20 ? "Endless Loop" : "Order Completed",
    });
    const began = Date.now();
    expect(await send("batch", { batch: Array.from({ length: 40 }, (_, index) => track(index)) })).toBe(200);
    await eventually(async () => ((await storedEvents()) === before + 39 ? true : undefined), 40_000);
    const record = await eventually(async () => {
      for await (const found of quarantinedRecords(runtime, platform, { reason: "callback-error" }))
        if (found.record.original.includes("loop-20")) return found.record;
      return undefined;
    });
    expect(record.detail).toBe("onEvent did not come back within 5 s (an endless loop?)");
    // Five seconds of patience; 60 more for each halving of the batch it would be by the function's timeout.
    expect(Date.now() - began).toBeLessThan(30_000);
    expect(await send("track", { messageId: "behind", userId: "u1", event: "Order Completed" })).toBe(200);
    await eventually(async () => ((await storedEvents()) === before + 40 ? true : undefined));
  }, 60_000);

  test("a batch that fails to the end of its retries: listed, rehearsed and replayed once", async () => {
    await runtime.up({ programDir: program, config: { without, retries: "1", crmUrl: crmUrl() } });
    const before = await storedEvents();
    expect(await send("identify", { messageId: "late-1", userId: "ann", traits: { name: "Anna", age: 41 } })).toBe(200);
    expect(await send("track", { messageId: "late-2", userId: "zoe", event: "Kaboom" })).toBe(200);
    const filter = { reason: "processing-failed" };
    const found = await eventually(async () => {
      for await (const each of quarantinedRecords(runtime, platform, filter)) return each;
      return undefined;
    });
    expect(found.key).toMatch(/^aws\/lambda\//);
    expect(found.record).toMatchObject({ stage: "processor", sourceId: "web" });
    expect(found.record.detail).toMatch(/RetryAttemptsExhausted after 2 tries/);
    expect(await storedEvents()).toBe(before);

    await runtime.up({ programDir: program, config: { crmUrl: crmUrl() } });
    const rehearsed = await withEffects(runtime, platform, await planReplay(runtime, platform, { filter }));
    const first = rehearsed.find(({ record }) => record.original.includes("late-1"));
    expect(first).toMatchObject({ verdict: "new", source: "web", events: [{ messageId: "late-1", type: "identify" }] });
    expect(first?.effects).toEqual([
      {
        identifiers: ["user_id:ann"],
        profiles: [expect.any(String)],
        changes: expect.arrayContaining([
          { identifier: "user_id:ann", trait: "name", from: "Ann", to: "Anna" },
          { identifier: "user_id:ann", trait: "age", from: undefined, to: 41 },
        ]),
      },
    ]);
    expect(await storedEvents()).toBe(before); // Nothing was written.

    const again = async () => await replay(runtime, platform, await planReplay(runtime, platform, { filter }));
    expect(await again()).toMatchObject({ replayed: 1, alreadyThere: 0, kept: 0 });
    await runtime.quiesce();
    expect(await storedEvents()).toBe(before + 1);
    expect(await again()).toMatchObject({ replayed: 0, kept: 0 });
    // Back in quarantine by hand: what is there is told, and not sent again.
    const { quarantineBucket: Bucket } = platform.ingestion;
    await runtime.call("s3", "CopyObject", { Bucket, Key: found.key, CopySource: `${Bucket}/replayed/${found.key}` });
    expect(await again()).toMatchObject({ replayed: 0, alreadyThere: 1, kept: 0 });
    expect(await storedEvents()).toBe(before + 1);
    // Archived when it was first collected; the replay adds no row.
    await runtime.quiesce();
    const { rows } = await runtime.query("select count(*) from raw.events where message_id = 'late-1'");
    expect(rows.flat().map(Number)).toEqual([1]);

    // The callback of the deployed processor answers: a record that it would only throw on again stays where it is.
    const broken = await planReplay(runtime, platform, { filter: { reason: "callback-error" } });
    const kaboom = broken.records.find(({ record }) => record.original.includes("boom-1"));
    expect(kaboom).toMatchObject({ verdict: "kept", why: expect.stringMatching(/^callback-error/) });
  }, 90_000);

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

async function isFree(port: number): Promise<boolean> {
  const probe = createServer();
  const free = await new Promise<boolean>((resolve) =>
    probe.once("error", () => resolve(false)).listen(port, "127.0.0.1", () => resolve(true)),
  );
  await new Promise((resolve) => probe.close(resolve));
  return free;
}

describe("a program that cannot come up, told all at once", () => {
  const fresh = dataFolder();
  const stranger = createServer();
  let taken: number;
  let outcome: Awaited<ReturnType<typeof run>>;

  beforeAll(async () => {
    // A port in use behind one that is free.
    do {
      if (stranger.listening) await new Promise((resolve) => stranger.close(resolve));
      await new Promise<void>((resolve) => stranger.listen(0, "127.0.0.1", resolve));
      taken = (stranger.address() as AddressInfo).port;
    } while (!(await isFree(taken - 1)));
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
