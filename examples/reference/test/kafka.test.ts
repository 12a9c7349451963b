import { readFileSync } from "node:fs";
import { join } from "node:path";
import { LocalRuntime } from "@tributary/local";
import { dataFolder } from "./support/command";

/**
 * The event stream on MSK, deployed by the program of docs/sources/msk.md: the collector produces by Kafka's protocol to the
 * local broker under its own role, the processor reads Kafka's event, Firehose archives the topic.
 */

const data = dataFolder();
let runtime: LocalRuntime;
let contract: Record<string, string> & { writeKeys: Record<string, string> };

beforeAll(async () => {
  runtime = await LocalRuntime.open({ dataDir: data.path });
  await runtime.up({ programDir: join(__dirname, "fixtures", "kafka") });
  ({ contract } = (await runtime.status()).outputs as { contract: typeof contract });
}, 60_000);

afterAll(async () => {
  await runtime?.close();
  data.remove();
});

async function batch(items: readonly object[]): Promise<number> {
  const response = await fetch(`${contract.collectorUrl}/v1/batch`, {
    method: "POST",
    headers: { authorization: `Basic ${Buffer.from(`${contract.writeKeys.web}:`).toString("base64")}` },
    body: JSON.stringify({ batch: items }),
  });
  return response.status;
}

const track = (id: number) => ({
  type: "track",
  event: "Viewed",
  userId: `u${id % 50}`,
  messageId: `m${id}`,
  properties: { text: "x".repeat(2000) },
});

async function stored(): Promise<string[]> {
  const ids: string[] = [];
  let start: object | undefined;
  do {
    const page = await runtime.call<{ Items: { id: { S: string } }[]; LastEvaluatedKey?: object }>("dynamodb", "Scan", {
      TableName: contract.eventsTableName,
      ...(start ? { ExclusiveStartKey: start } : {}),
    });
    ids.push(...page.Items.map(({ id }) => id.S));
    start = page.LastEvaluatedKey;
  } while (start);
  return ids;
}

test("2,000 events, half of them twice, a megabyte at a time, are stored once each", async () => {
  const items = Array.from({ length: 2000 }, (_, id) => track(id));
  for (let at = 0; at < items.length; at += 500) expect(await batch(items.slice(at, at + 500))).toBe(200);
  for (let at = 0; at < 1000; at += 500) expect(await batch(items.slice(at, at + 500))).toBe(200);
  await runtime.quiesce();
  expect((await stored()).sort()).toEqual(items.map(({ messageId }) => `web#${messageId}`).sort());
}, 60_000);

test("what is no event is in quarantine with its partition and offset in the name; what is too large for a message, too", async () => {
  expect(await batch([{ type: "track", messageId: "bad", userId: "u" }])).toBe(200);
  expect(
    await batch([
      { type: "track", event: "e", userId: "u", messageId: "big", properties: { text: "y".repeat(1_100_000) } },
    ]),
  ).toBe(200);
  await runtime.quiesce();
  const { Contents = [] } = await runtime.call<{ Contents?: { Key: string }[] }>("s3", "ListObjectsV2", {
    Bucket: contract.quarantineBucket,
  });
  expect(Contents.map(({ Key }) => Key).sort()).toEqual([
    expect.stringMatching(/reason=event-too-large\/source=web\/collector-/),
    expect.stringMatching(/reason=invalid-event\/source=web\/events-\d-\d{16}\.jsonl$/),
  ]);
});

test("everything is in the raw zone once, read from the topic by Firehose", async () => {
  const { rows } = await runtime.query(
    "select count(*) as n, count(distinct message_id) as ids from raw.events where type = 'track'",
  );
  // The half that was sent twice, too.
  expect(rows.flat().map(Number)).toEqual([2000, 2000]);
});

test("the page shows this program", () => {
  const page = readFileSync(join(__dirname, "../../../docs/sources/msk.md"), "utf8");
  const program = readFileSync(join(__dirname, "fixtures", "kafka", "index.ts"), "utf8");
  expect(page).toContain(program.slice(program.indexOf("// Brokers stand"), program.lastIndexOf("\n});") + 4));
});
