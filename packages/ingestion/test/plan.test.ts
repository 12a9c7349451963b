import {
  type CollectedRecord,
  collectItem,
  type QuarantinedRecord,
  readPlan,
  type StoredEvent,
} from "@tributary/model";
import { metrics } from "@tributary/runtime";
import { z } from "zod";
import { files, http, type IngestionArgs, ingestionFaults, normalize, trackingPlan } from "../src";
import { planGate } from "../src/domain/plan";
import { processBatch } from "../src/domain/process";

const key = "arn:aws:kms:us-east-1:000000000000:key/k";
const given: IngestionArgs = {
  foundation: {
    ...{ keyArn: key, alarmTopicArn: "arn:aws:sns:us-east-1:000000000000:alarms", environment: "test" },
    ...{ logRetentionDays: 30, tags: { Project: "test" } },
  },
  rawZone: { bucket: { name: "raw", arn: "arn:aws:s3:::raw", keyArn: key }, database: "raw", eventsTable: "events" },
  sources: { web: http() },
};
const paid = trackingPlan({ track: { Paid: { properties: z.object({ total: z.int() }) } } });

describe("the argument", () => {
  test("every kind of source takes a plan; each becomes plain JSON by source id", () => {
    const sources = { web: http({ plan: paid }), shop: files({ plan: paid }), crm: http() };
    expect(ingestionFaults({ ...given, sources })).toEqual([]);
    const { plans } = normalize({ ...given, sources }, { project: "p", stack: "s", name: "cdp" });
    expect(Object.keys(plans ?? {})).toEqual(["web", "shop"]);
    expect(JSON.parse(JSON.stringify(plans?.web))).toEqual(readPlan(paid).plan);
    expect(normalize(given, { project: "p", stack: "s", name: "cdp" }).plans).toBeUndefined();
  });

  test("its faults are told with the others, by path", () => {
    const plan = { track: { Paid: { properties: { type: "objekt" } } }, onViolation: "block" };
    const sources = { web: http({ plan: plan as never, writeKey: "short" }), shop: http({ plan: 7 as never }) };
    expect(ingestionFaults({ ...given, sources }).map(({ path }) => path)).toEqual([
      "sources.web.writeKey",
      "sources.web.plan.onViolation",
      "sources.web.plan.track.Paid.properties.type",
      "sources.shop.plan",
    ]);
  });
});

describe("the processor", () => {
  const receivedAt = "2026-11-23T09:00:00.000Z";
  const collected = (sourceId: string, messageId: string, total: unknown, event = "Paid"): CollectedRecord => {
    const item = { type: "track", event, userId: "ann@example.com", messageId, properties: { total } };
    return collectItem(item, {}, { sourceId, receivedAt }, () => Buffer.alloc(0));
  };

  async function run(definition: object, records: readonly CollectedRecord[]) {
    const table = new Map<string, StoredEvent>();
    const quarantine: QuarantinedRecord[] = [];
    const printed: string[] = [];
    const counters = metrics("processor", { print: (line) => printed.push(line) });
    const parts = {
      store: {
        putNew: async (item: StoredEvent) => {
          const there = table.get(item.id);
          if (there) return there.fingerprint === item.fingerprint ? ("duplicate" as const) : ("reused" as const);
          table.set(item.id, item);
          return "stored" as const;
        },
      },
      quarantine: {
        put: async (_: string, body: string) =>
          void quarantine.push(
            ...body
              .trim()
              .split("\n")
              .map((line) => JSON.parse(line)),
          ),
      },
    };
    const plan = readPlan(definition).plan;
    if (!plan) throw new Error("no plan");
    const batch = records.map((record, index) => ({
      ...{ shardId: "s", sequenceNumber: `${index}`, partitionKey: "p", arrivedAt: Date.parse(receivedAt) },
      data: Buffer.from(JSON.stringify(record)),
    }));
    const all = { ...parts, plans: planGate({ web: plan }, counters), retentionDays: 30, metrics: counters };
    const dispositions = await processBatch(batch, all);
    // A delivery again, as Kinesis does after a failure elsewhere in the batch.
    await processBatch(batch, { ...all, plans: undefined });
    counters.flush();
    return { table, quarantine, printed, dispositions };
  }

  test("quarantines with reason, stage and original; counts by source and outcome; says nothing of the person", async () => {
    const { quarantine, printed, dispositions, table } = await run(paid, [
      collected("web", "1", 1),
      collected("web", "2", "twelve"),
      collected("shop", "2", "twelve"),
    ]);
    expect(dispositions.map(({ kind }) => kind)).toEqual(["ok", "ok", "ok"]);
    expect(quarantine).toMatchObject([{ reason: "plan-violation", stage: "plan", sourceId: "web" }]);
    expect(JSON.parse(quarantine[0]?.original ?? "")).toMatchObject({
      messageId: "2",
      properties: { total: "twelve" },
    });
    expect(table.has("shop#2")).toBe(true);
    const counted = printed.map((line) => JSON.parse(line)).find((line) => "PlanViolations" in line);
    expect(counted).toMatchObject({ PlanViolations: 1, source: "web", outcome: "quarantined" });
    expect(printed.join()).not.toMatch(/ann@|twelve/);
  });

  test("a flagged event is, without the plan, a repeat and no other event", async () => {
    const { table, quarantine } = await run({ ...paid, onViolation: "forward-with-flag" }, [
      collected("web", "1", "x"),
    ]);
    expect([table.size, quarantine]).toEqual([1, []]);
    expect(JSON.parse(table.get("web#1")?.event ?? "{}").context.protocols.violations).toHaveLength(1);
  });

  test("an unplanned event that is left out is counted as dropped", async () => {
    const { printed } = await run({ ...paid, unplannedEvents: "omit" }, [collected("web", "1", 1, "Lost")]);
    const lines = printed.map((line) => JSON.parse(line));
    expect(lines.find((line) => "EventsDropped" in line)).toMatchObject({
      EventsDropped: 1,
      reason: "unplanned-event",
    });
  });
});
