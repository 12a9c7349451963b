import { collectItem, failedBatchDay, failedBatchRecords, type QuarantinedRecord, replayItem } from "../src";

const receivedAt = "2026-11-20T09:00:00.000Z";
const at = "2026-11-23T09:00:00.000Z";
const collected = (raw: unknown) => collectItem(raw, {}, { sourceId: "web", receivedAt }, () => Buffer.alloc(0));
const good = collected({ type: "track", event: "e", userId: "u", messageId: "m1", timestamp: receivedAt });
const rejected = collected({ type: "track", event: "e", messageId: "m2" });
const base64 = (value: unknown) =>
  Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64");
const kinesis = (...data: unknown[]) => ({ Records: data.map((each) => ({ kinesis: { data: base64(each) } })) });
const frame = (payload: unknown) =>
  JSON.stringify({
    requestContext: { condition: "RetryAttemptsExhausted", approximateInvokeCount: 51 },
    KinesisBatchInfo: { shardId: "shardId-000000000000" },
    payload,
  });
const told = (records: readonly QuarantinedRecord[]) => records.map(({ reason, sourceId }) => `${reason} ${sourceId}`);

test.each<[string, unknown]>([
  ["text, as Lambda writes it", JSON.stringify(kinesis(good, rejected, "not ours"))],
  ["an object", kinesis(good, rejected, "not ours")],
  [
    "a batch of Kafka",
    {
      records: {
        "events-0": [{ value: base64(good) }, { value: base64(rejected) }],
        "events-1": [{ value: base64("not ours") }],
      },
    },
  ],
])("the records of a failed batch, its payload being %s", (_, payload) => {
  const records = failedBatchRecords(frame(payload), at);
  expect(told(records)).toEqual(["processing-failed web", "missing-identity web", "unreadable-record unknown"]);
  expect(records[0]).toMatchObject({ stage: "processor", receivedAt, original: good.payload });
  expect(records[0]?.detail).toMatch(/RetryAttemptsExhausted after 51 tries/);
  expect(records[2]).toMatchObject({ original: "not ours", receivedAt: at });
  // The same record has the same id in whichever batch it failed, and keeps its message id on its way back.
  expect(failedBatchRecords(frame(kinesis(good)), receivedAt)[0]?.id).toBe(records[0]?.id);
  expect(replayItem(records[0] as QuarantinedRecord)).toMatchObject({
    ok: true,
    item: { messageId: "m1", userId: "u" },
  });
});

test.each(["", "no JSON", "{}", '{"payload":"{}"}', '{"payload":{"Records":[{"dynamodb":{}}]}}', "[1]"])(
  "what is no batch of the event stream is kept whole: %s",
  (text) => {
    expect(failedBatchRecords(text, at)).toMatchObject([
      { reason: "unreadable-record", original: text, receivedAt: at },
    ]);
  },
);

test("the day of a failed batch is in its key", () => {
  expect(failedBatchDay("aws/lambda/uuid/shardId-000000000000/2026/11/23/2026-11-23T09.00.00-x")).toBe("2026-11-23");
  expect(failedBatchDay("aws/lambda/uuid")).toBeUndefined();
});
