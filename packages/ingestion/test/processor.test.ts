import {
  type CollectedRecord,
  type CustomerEvent,
  collectBody,
  collectItem,
  type QuarantinedRecord,
  type StoredEvent,
  type TrackEvent,
} from "@tributary/model";
import { type Disposition, type KinesisRecord, metrics } from "@tributary/runtime";
import * as fc from "fast-check";
import type { CallbackAnswer, CallbackPort } from "../src/domain/callback";
import { processBatch } from "../src/domain/process";
import { partitionKeyOf } from "../src/domain/stream-writer";
import { drop, type OnEvent } from "../src/on-event";

const receivedAt = "2026-11-23T09:00:00.000Z";
const track = { type: "track", event: "e", userId: "u", messageId: "m", timestamp: "2026-11-23T08:00:00Z" };

const collected = (raw: unknown, at = receivedAt): CollectedRecord =>
  collectItem(raw, {}, { sourceId: "web", receivedAt: at }, () => Buffer.alloc(0));

function onShard(data: CollectedRecord | Buffer, sequence: number): KinesisRecord {
  return {
    shardId: "shardId-000000000000",
    sequenceNumber: String(sequence).padStart(8, "0"),
    partitionKey: Buffer.isBuffer(data) ? "p" : partitionKeyOf(data),
    data: Buffer.isBuffer(data) ? data : Buffer.from(JSON.stringify(data)),
    arrivedAt: Date.parse(receivedAt),
  };
}

/** A callback in this thread: what it does to a thread of its own is told in callback-thread.test.ts. */
function inThisThread(onEvent: OnEvent): CallbackPort {
  const answerOf = async (event: CustomerEvent): Promise<CallbackAnswer> => {
    try {
      const value = await onEvent(structuredClone(event), event);
      return { kind: "gave", value: value === undefined ? undefined : JSON.parse(JSON.stringify(value)) };
    } catch (thrown) {
      const { name, message, stack } = thrown instanceof Error ? thrown : new Error(String(thrown));
      return { kind: "threw", name, message, ...(stack === undefined ? {} : { stack }) };
    }
  };
  return { run: (events) => Promise.all(events.map(answerOf)) };
}

/** A processor over a table and a bucket in memory; `broken` says for which keys a write fails. */
function processor(options: { onEvent?: OnEvent; broken?: (key: string) => boolean } = {}) {
  const table = new Map<string, StoredEvent>();
  const objects = new Map<string, string>();
  const counted: Record<string, unknown>[] = [];
  const counters = metrics("processor", { print: (line) => counted.push(JSON.parse(line)) });
  const broken = options.broken ?? (() => false);
  const parts = {
    store: {
      async putNew(item: StoredEvent) {
        await new Promise((resolve) => setImmediate(resolve));
        if (broken(item.id)) throw Object.assign(new Error("slow down"), { name: "ThrottlingException" });
        const there = table.get(item.id);
        if (there) return there.fingerprint === item.fingerprint ? ("duplicate" as const) : ("reused" as const);
        table.set(item.id, item);
        return "stored" as const;
      },
    },
    quarantine: {
      async put(key: string, body: string) {
        if (broken(key)) throw new Error("bucket is away");
        objects.set(key, body);
      },
    },
    onEvent: options.onEvent && inThisThread(options.onEvent),
    retentionDays: 30,
    metrics: counters,
  };
  let sequence = 0;
  const run = async (...records: (CollectedRecord | Buffer)[]): Promise<readonly Disposition[]> => {
    const dispositions = await processBatch(
      records.map((record) => onShard(record, ++sequence)),
      parts,
    );
    counters.flush();
    return dispositions;
  };
  const quarantined = (): QuarantinedRecord[] =>
    [...objects.values()].flatMap((body) => body.trimEnd().split("\n")).map((line) => JSON.parse(line));
  const sum = (name: string) => counted.reduce((total, line) => total + Number(line[name] ?? 0), 0);
  const events = (): CustomerEvent[] => [...table.values()].map((item) => JSON.parse(item.event));
  return { run, table, objects, quarantined, sum, events, parts };
}

const kinds = (dispositions: readonly Disposition[]) => dispositions.map(({ kind }) => kind);

describe("each event once", () => {
  test("stored, repeated within a batch, repeated in a later one", async () => {
    const { run, table, sum, objects } = processor();
    expect(
      kinds(
        await run(
          collected(track),
          collected({ ...track, sentAt: receivedAt }),
          collected({ ...track, messageId: "m2" }),
        ),
      ),
    ).toEqual(["ok", "ok", "ok"]);
    await run(collected(track, "2026-11-24T09:00:00.000Z"));
    expect([...table.keys()]).toEqual(["web#m", "web#m2"]);
    expect([sum("EventsApplied"), sum("DuplicatesIgnored"), objects.size]).toEqual([2, 2, 0]);
  });

  test("an id used for another event is quarantined, within a batch and across batches", async () => {
    const { run, table, quarantined, sum } = processor();
    await run(collected(track), collected({ ...track, event: "other" }));
    await run(collected({ ...track, event: "third" }));
    expect(table.size).toBe(1);
    expect(quarantined().map(({ reason, original }) => [reason, JSON.parse(original).event])).toEqual([
      ["message-id-reused", "other"],
      ["message-id-reused", "third"],
    ]);
    expect([sum("EventsQuarantined"), sum("RecordsQuarantined")]).toEqual([2, 2]);
  });

  test("the same message id of two sources is two events", async () => {
    const { run, table } = processor();
    await run(collected(track), { ...collected(track), source_id: "shop" });
    expect([...table.keys()]).toEqual(["web#m", "shop#m"]);
  });
});

describe("quarantine", () => {
  test("what the collector rejected keeps its reason, detail and original", async () => {
    const { run, quarantined, objects, table } = processor();
    const malformed = collectBody("malformed-json", "the body is not JSON", Buffer.from([0x7b, 0xff]), {
      sourceId: "web",
      receivedAt,
    });
    await run(collected({ type: "track", messageId: "x" }), malformed, collected({ ...track, timestamp: "soon" }));
    expect(table.size).toBe(0);
    expect(quarantined().map(({ reason, stage }) => [reason, stage])).toEqual([
      ["missing-identity", "collector"],
      ["malformed-json", "collector"],
      ["invalid-event", "collector"],
    ]);
    expect(quarantined()[1]).toMatchObject({
      encoding: "base64",
      original: Buffer.from([0x7b, 0xff]).toString("base64"),
    });
    expect([...objects.keys()][0]).toBe(
      "dt=2026-11-23/reason=missing-identity/source=web/shardId-000000000000-00000001.jsonl",
    );
  });

  test("what the collector did not write is kept too", async () => {
    const { run, quarantined } = processor();
    await run(Buffer.from("not ours"), Buffer.from('{"type":"track"}'));
    expect(quarantined().map(({ reason, sourceId, original }) => [reason, sourceId, original])).toEqual([
      ["unreadable-record", "unknown", "not ours"],
      ["unreadable-record", "unknown", '{"type":"track"}'],
    ]);
  });

  test("one object for a day, reason and source; a batch that comes again overwrites it", async () => {
    const { objects, quarantined, parts } = processor();
    const batch = [
      collected({ messageId: "a" }),
      collected({ messageId: "b" }),
      collected({ type: "track", messageId: "c" }),
    ].map((record, index) => onShard(record, index + 1));
    await processBatch(batch, parts);
    await processBatch(batch, parts);
    expect([...objects.keys()]).toHaveLength(2);
    expect(quarantined().map(({ reason }) => reason)).toEqual(["invalid-event", "invalid-event", "missing-identity"]);
  });

  test("a record whose quarantine cannot be written is tried again", async () => {
    const { run } = processor({ broken: (key) => key.startsWith("dt=") });
    expect(kinds(await run(collected(track), collected({ messageId: "b" })))).toEqual(["ok", "retry"]);
  });
});

describe("failures of the table", () => {
  test("only what was not stored is tried again, and what repeats it with it", async () => {
    const { run, table, sum } = processor({ broken: (id) => id === "web#b" });
    const dispositions = await run(
      ...["a", "b", "c", "b"].map((messageId) => collected({ ...track, messageId, userId: messageId })),
    );
    expect(kinds(dispositions)).toEqual(["ok", "retry", "ok", "retry"]);
    expect(dispositions[1]).toMatchObject({ reason: "ThrottlingException: slow down" });
    expect([...table.keys()]).toEqual(["web#a", "web#c"]);
    expect([sum("EventsApplied"), sum("RecordsRetried")]).toEqual([2, 2]);
  });
});

describe("the user's callback", () => {
  const first = (events: CustomerEvent[]) => events[0] as TrackEvent;

  test("changes an event, but not its envelope", async () => {
    const { run, events, table } = processor({
      onEvent: async (event) =>
        ({
          ...event,
          messageId: "forged",
          sourceId: "other",
          receivedAt: "x",
          properties: { more: 1 },
        }) as CustomerEvent,
    });
    await run(collected({ ...track, sentAt: "2026-11-23T08:30:00Z" }));
    expect([...table.keys()]).toEqual(["web#m"]);
    expect(first(events())).toMatchObject({
      messageId: "m",
      sourceId: "web",
      receivedAt,
      properties: { more: 1 },
      timestamp: "2026-11-23T08:30:00.000Z",
      originalTimestamp: "2026-11-23T08:00:00.000Z",
      sentAt: "2026-11-23T08:30:00.000Z",
    });
  });

  test("makes several of one, the first with its id; a repeat makes no more", async () => {
    const { run, table, sum } = processor({
      onEvent: (event) => [event, { ...event, type: "track", event: "derived", properties: {} }],
    });
    await run(collected(track));
    await run(collected(track));
    expect([...table.keys()]).toEqual(["web#m", "web#m~1"]);
    expect([sum("EventsApplied"), sum("DuplicatesIgnored")]).toEqual([2, 2]);
  });

  test("drops by reason: counted, not stored", async () => {
    const { run, table, objects, sum } = processor({ onEvent: () => drop("bot") });
    expect(kinds(await run(collected(track)))).toEqual(["ok"]);
    expect([table.size, objects.size, sum("EventsDropped")]).toEqual([0, 0, 1]);
  });

  test("that is not the same at each call does not turn a repeat into another event", async () => {
    let calls = 0;
    const { run, table, objects } = processor({ onEvent: (event) => ({ ...event, context: { call: ++calls } }) });
    await run(collected(track));
    await run(collected(track));
    expect([table.size, objects.size]).toEqual([1, 0]);
  });

  test.each<[string, OnEvent, RegExp]>([
    [
      "throws",
      () => {
        throw new TypeError("no agent");
      },
      /onEvent threw TypeError: no agent/,
    ],
    ["rejects with no error", () => Promise.reject("text"), /onEvent threw Error: text/],
    ["forgets to return", (() => undefined) as unknown as OnEvent, /gave nothing back.*or drop\(reason\)/],
    ["returns an empty list", () => [], /gave an empty list back/],
    ["returns what is no event", (() => "x") as unknown as OnEvent, /gave string in place of an event/],
    [
      "returns a broken event",
      ((event: CustomerEvent) => ({ ...event, event: 5.5 })) as unknown as OnEvent,
      /an event that is none: event: must be text/,
    ],
    [
      "changes its argument, then throws",
      (event) => {
        Object.assign(event.context, { leaked: true });
        throw new Error("late");
      },
      /late/,
    ],
  ])("that %s: the event is quarantined with its original, and the others go on", async (_, onEvent, detail) => {
    const { run, table, quarantined } = processor({
      onEvent: (event, context) => (event.messageId === "good" ? event : onEvent(event, context)),
    });
    expect(kinds(await run(collected(track), collected({ ...track, messageId: "good" })))).toEqual(["ok", "ok"]);
    expect([...table.keys()]).toEqual(["web#good"]);
    expect(quarantined()).toHaveLength(1);
    expect(quarantined()[0]).toMatchObject({ reason: "callback-error", stage: "onEvent" });
    expect(quarantined()[0]?.detail).toMatch(detail);
    expect(JSON.parse(quarantined()[0]?.original ?? "")).toEqual(track);
    if (/threw/.test(quarantined()[0]?.detail ?? "")) expect(quarantined()[0]?.stack).toMatch(/Error/);
  });

  test("that makes an event too large for the table: quarantined", async () => {
    const { run, quarantined } = processor({
      onEvent: (event) => ({ ...event, context: { text: "x".repeat(400_000) } }),
    });
    await run(collected(track));
    expect(quarantined()[0]).toMatchObject({ reason: "event-too-large", stage: "onEvent" });
  });
});

test("in any order, any batches, any number of times: the same events are stored, and every reject is in quarantine", async () => {
  const originals = Array.from({ length: 12 }, (_, index) =>
    collected(
      index % 5 === 4
        ? { type: "track", messageId: `bad${index}` }
        : { ...track, messageId: `m${index}`, userId: `u${index % 3}` },
    ),
  );
  const undisturbed = processor();
  await undisturbed.run(...originals);
  const stored = (table: Map<string, StoredEvent>) =>
    [...table.values()].map(({ id, fingerprint }) => `${id} ${fingerprint}`).sort();
  const rejects = (records: QuarantinedRecord[]) => [...new Set(records.map(({ id }) => id))].sort();
  await fc.assert(
    fc.asyncProperty(
      fc.shuffledSubarray([...originals, ...originals], { minLength: 24 }),
      fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 24, maxLength: 24 }),
      fc.array(fc.boolean(), { minLength: 40, maxLength: 40 }),
      async (deliveries, sizes, failures) => {
        let call = 0;
        const { parts, table, quarantined } = processor({ broken: () => failures[call++] ?? false });
        let start = 0;
        for (const size of sizes) {
          let batch = deliveries.slice(start, start + size).map((record, index) => onShard(record, start + index));
          start += size;
          // As the event source mapping does it: again from the first record that failed.
          while (batch.length > 0) {
            const failed = (await processBatch(batch, parts)).findIndex(({ kind }) => kind !== "ok");
            batch = failed < 0 ? [] : batch.slice(failed);
          }
        }
        expect(stored(table)).toEqual(stored(undisturbed.table));
        expect(rejects(quarantined())).toEqual(rejects(undisturbed.quarantined()));
      },
    ),
    { numRuns: 100 },
  );
});
