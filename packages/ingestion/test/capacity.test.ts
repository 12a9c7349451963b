import { readFileSync } from "node:fs";
import { join } from "node:path";
import { http, type IngestionArgs, ingestionFaults } from "../src";

const keyArn = "arn:aws:kms:us-east-1:000000000000:key/k";
const { foundation, rawZone, sources }: IngestionArgs = {
  foundation: {
    keyArn,
    alarmTopicArn: "arn:aws:sns:us-east-1:000000000000:alarms",
    environment: "test",
    logRetentionDays: 30,
    tags: { Project: "test" },
  },
  rawZone: { bucket: { name: "raw", arn: "arn:aws:s3:::raw", keyArn }, database: "raw", eventsTable: "events" },
  sources: { web: http() },
};

test("docs/sources/kinesis.md shows arguments that are right", () => {
  const shown: readonly IngestionArgs[] = [
    { foundation, rawZone, sources, capacity: { shards: 4, alarmAtPercent: 70 } },
    { foundation, rawZone, sources, capacity: "on-demand" },
  ];
  for (const args of shown) expect(ingestionFaults(args)).toEqual([]);
  const page = readFileSync(join(__dirname, "../../../docs/sources/kinesis.md"), "utf8");
  expect(page).toContain("{ foundation, rawZone, sources, capacity: { shards: 4, alarmAtPercent: 70 } }");
  expect(page).toContain('{ foundation, rawZone, sources, capacity: "on-demand" }');
});

test.each([
  [{ shards: 1, alarmAtPercent: 5 }, "capacity.alarmAtPercent: 5 must be a whole number from 10 to 100"],
  [{ shards: 1, alarmAtPercnt: 70 }, 'capacity.alarmAtPercnt: is no argument; did you mean "alarmAtPercent"?'],
  ["on demand", 'capacity: "on demand" must be "on-demand" or { shards: <number> }'],
])("capacity %j is told to be wrong", (capacity, expected) => {
  const faults = ingestionFaults({ foundation, rawZone, sources, capacity } as unknown as IngestionArgs);
  expect(faults.map(({ path, reason }) => `${path}: ${reason}`)).toEqual([expected]);
});
