import { runStack } from "@tributary/testing";
import { SecureStream, type StreamCapacity } from "../src";
import { foundation } from "./support";

/** The alarms of a stream by logical name. */
async function alarmsOf(capacity: StreamCapacity, transform?: { shardCount: number }) {
  const { graph } = await runStack(async () => {
    new SecureStream("s", { foundation, dataClass: "personal", capacity, ...(transform ? { transform } : {}) });
    return {};
  });
  const alarms = graph
    .byType("aws:cloudwatch/metricAlarm:MetricAlarm")
    .map(({ name, inputs }) => [name, inputs] as const);
  return {
    stream: graph.find("aws:kinesis/stream:Stream", "s").inputs,
    alarms: new Map<string, Record<string, unknown>>(alarms),
  };
}

test("provisioned: alarms on use before the limits, by shards and percent, each with the remedy", async () => {
  const { stream, alarms } = await alarmsOf({ shards: 4, alarmAtPercent: 70 });
  expect(stream).toMatchObject({ shardCount: 4, streamModeDetails: { streamMode: "PROVISIONED" } });
  expect([...alarms.keys()].sort()).toEqual([
    "s-bytes-near-limit",
    "s-readers-lag",
    "s-reads-refused",
    "s-records-near-limit",
    "s-writes-refused",
  ]);
  // 4 shards × 1,000 records a second × 60 s × 70 %; 4 × 1 MiB × 60 s × 70 %.
  expect(alarms.get("s-records-near-limit")).toMatchObject({
    metricName: "IncomingRecords",
    statistic: "Sum",
    threshold: 168_000,
    period: 60,
  });
  expect(alarms.get("s-bytes-near-limit")).toMatchObject({ metricName: "IncomingBytes", threshold: 176_160_768 });
  expect(alarms.get("s-bytes-near-limit")?.alarmDescription).toContain("capacity: { shards: 8 }");
  expect(alarms.get("s-writes-refused")?.alarmDescription).toContain("more than 4 shards are needed");
});

test("the shards that a transform sets count", async () => {
  const { alarms } = await alarmsOf({ shards: 1 }, { shardCount: 2 });
  expect(alarms.get("s-records-near-limit")).toMatchObject({ threshold: 96_000 });
});

test("on demand: no limit that use could be held against, and another remedy", async () => {
  const { stream, alarms } = await alarmsOf("on-demand");
  expect(stream.shardCount).toBeUndefined();
  expect(stream).toMatchObject({ streamModeDetails: { streamMode: "ON_DEMAND" } });
  expect([...alarms.keys()].sort()).toEqual(["s-readers-lag", "s-reads-refused", "s-writes-refused"]);
  expect(alarms.get("s-writes-refused")?.alarmDescription).toContain("catches up by itself");
});
