import {
  type CollectedRecord,
  type CustomerEvent,
  describe,
  eventOf,
  fingerprint,
  isoTime,
  isRejection,
  originalOf,
  type QuarantinedRecord,
  type QuarantineReason,
  quarantinedRecord,
  quarantineKey,
  quarantineReasons,
  readCollected,
  rejectedRecord,
  type StoredEvent,
  storedEvent,
} from "@tributary/model";
import { type Disposition, type KinesisRecord, type Metrics, mapLimit, ok, retry } from "@tributary/runtime";
import type { OnEvent } from "../on-event";
import { runCallback } from "./callback";
import { unknownSource } from "./collect";
import type { QuarantinePort } from "./stream-writer";

/** The events table. Throws where the answer is not known (throttled, away, not allowed). */
export interface EventStore {
  /** `duplicate`: the same event is there; `reused`: another event is there under the id. */
  putNew(item: StoredEvent): Promise<"stored" | "duplicate" | "reused">;
}

export interface ProcessorParts {
  readonly store: EventStore;
  readonly quarantine: QuarantinePort;
  readonly onEvent?: OnEvent | undefined;
  readonly retentionDays: number;
  readonly metrics: Metrics;
  /** Puts at a time. @default 128 */
  readonly concurrency?: number;
}

/** DynamoDB's limit of an item, less its other attributes. */
const maxStoredBytes = 390 * 1024;

/** What is to be done about a record. */
type Plan =
  | { readonly kind: "store"; readonly record: CollectedRecord; readonly items: readonly StoredEvent[] }
  | { readonly kind: "quarantine"; readonly entry: QuarantinedRecord }
  | { readonly kind: "dropped"; readonly reason: string };

function quarantine(
  record: CollectedRecord,
  stage: string,
  reason: QuarantineReason,
  detail: string,
  stack?: string,
): Plan {
  const why = { reason, detail, stage, ...(stack === undefined ? {} : { stack }) };
  return { kind: "quarantine", entry: quarantinedRecord(record, why) };
}

function reasonOf(record: CollectedRecord): QuarantineReason {
  return quarantineReasons.find((reason) => reason === record.reason) ?? "invalid-event";
}

function items(event: CustomerEvent, answers: readonly CustomerEvent[], retentionDays: number): StoredEvent[] {
  // Of the event as it came, not of what the callback made of it: a callback that takes the time of day into an event
  // must not turn a repeat into another event.
  const print = fingerprint(event);
  return answers.map((answer) => storedEvent(answer, print, retentionDays));
}

async function plan(source: KinesisRecord, parts: ProcessorParts): Promise<Plan> {
  const record = readCollected(source.data);
  if (isRejection(record)) {
    const meta = { sourceId: unknownSource, receivedAt: isoTime(source.arrivedAt) };
    const unreadable = rejectedRecord(record, originalOf(source.data), meta);
    return quarantine(unreadable, "processor", record.reason, describe(record));
  }
  if (record.type === "rejected") return quarantine(record, "collector", reasonOf(record), record.detail ?? "");
  const event = eventOf(record);
  if (isRejection(event)) return quarantine(record, "processor", event.reason, describe(event));
  if (!parts.onEvent) return { kind: "store", record, items: items(event, [event], parts.retentionDays) };
  const outcome = await runCallback(parts.onEvent, event);
  switch (outcome.kind) {
    case "dropped":
      return outcome;
    case "failed":
      return quarantine(record, "onEvent", "callback-error", outcome.detail, outcome.stack);
    case "events": {
      const stored = items(event, outcome.events, parts.retentionDays);
      const large = stored.find((item) => Buffer.byteLength(item.event) > maxStoredBytes);
      if (!large) return { kind: "store", record, items: stored };
      const detail = `onEvent made an event of ${Buffer.byteLength(large.event)} bytes, ${maxStoredBytes} are the most`;
      return quarantine(record, "onEvent", "event-too-large", detail);
    }
  }
}

function reused(record: CollectedRecord): QuarantinedRecord {
  return quarantinedRecord(record, {
    reason: "message-id-reused",
    detail: `messageId: source ${record.source_id} used it for another event before; give each event its own`,
    stage: "processor",
  });
}

function failure(error: unknown): Disposition {
  return retry(error instanceof Error ? `${error.name}: ${error.message}` : String(error));
}

/** What became of the records of a batch, by index. */
class Outcome {
  readonly dispositions: Disposition[];
  readonly quarantined: { readonly index: number; readonly entry: QuarantinedRecord }[] = [];

  constructor(size: number) {
    this.dispositions = new Array<Disposition>(size).fill(ok);
  }

  fail(index: number, error: unknown): void {
    this.dispositions[index] = failure(error);
  }
}

/**
 * Stores the events of a batch, each id once: repeats within the batch are found here, those of earlier batches by the
 * table. Puts run at the same time; which of two different events under one id comes first is a matter of chance then, as
 * it is between two shards.
 */
async function storeAll(plans: readonly Plan[], parts: ProcessorParts, outcome: Outcome): Promise<void> {
  const first = new Map<string, { readonly item: StoredEvent; readonly index: number }>();
  const again: { readonly index: number; readonly same: boolean; readonly of: number }[] = [];
  for (const [index, planned] of plans.entries()) {
    if (planned.kind !== "store") continue;
    for (const item of planned.items) {
      const known = first.get(item.id);
      if (known) again.push({ index, same: known.item.fingerprint === item.fingerprint, of: known.index });
      else first.set(item.id, { item, index });
    }
  }
  const mark = (index: number) => {
    const planned = plans[index];
    if (planned?.kind !== "store" || outcome.quarantined.some((entry) => entry.index === index)) return;
    outcome.quarantined.push({ index, entry: reused(planned.record) });
  };
  let stored = 0;
  let duplicates = 0;
  await mapLimit([...first.values()], parts.concurrency ?? 128, async ({ item, index }) => {
    try {
      const result = await parts.store.putNew(item);
      if (result === "stored") stored++;
      else if (result === "duplicate") duplicates++;
      else mark(index);
    } catch (error) {
      outcome.fail(index, error);
    }
  });
  for (const { index, same, of } of again) {
    const decided = outcome.dispositions[of];
    // The one that it repeats will come again, and so must this one.
    if (decided && decided.kind !== "ok") outcome.dispositions[index] = decided;
    else if (same) duplicates++;
    else mark(index);
  }
  parts.metrics.count("EventsApplied", stored);
  parts.metrics.count("DuplicatesIgnored", duplicates);
}

/**
 * Writes the quarantined records of a batch, an object for each day, reason and source. Its name is made of the shard and
 * of the first record in it, so that a batch which is delivered again overwrites what it wrote before.
 */
async function quarantineAll(
  records: readonly KinesisRecord[],
  parts: ProcessorParts,
  outcome: Outcome,
): Promise<void> {
  const objects = new Map<string, { indexes: number[]; lines: string[]; key: string; entry: QuarantinedRecord }>();
  for (const { index, entry } of outcome.quarantined.sort((a, b) => a.index - b.index)) {
    const folder = quarantineKey(entry, "");
    const { shardId = "", sequenceNumber = "" } = records[index] ?? {};
    const object = objects.get(folder) ?? {
      indexes: [],
      lines: [],
      key: quarantineKey(entry, `${shardId}-${sequenceNumber}`),
      entry,
    };
    object.indexes.push(index);
    object.lines.push(`${JSON.stringify(entry)}\n`);
    objects.set(folder, object);
  }
  await mapLimit([...objects.values()], 16, async ({ indexes, lines, key, entry }) => {
    try {
      await parts.quarantine.put(key, lines.join(""));
      parts.metrics.count("EventsQuarantined", lines.length, { reason: entry.reason, stage: entry.stage });
      parts.metrics.count("RecordsQuarantined", lines.length);
    } catch (error) {
      for (const index of indexes) outcome.fail(index, error);
    }
  });
}

/**
 * Takes a batch of the event stream to the events table. Each record ends stored, ignored as a repeat, left out by the
 * user's callback, in quarantine with its reason, or to be tried again; any part of it can be repeated.
 */
export async function processBatch(
  records: readonly KinesisRecord[],
  parts: ProcessorParts,
): Promise<readonly Disposition[]> {
  const plans = await Promise.all(records.map((record) => plan(record, parts)));
  const outcome = new Outcome(records.length);
  for (const [index, planned] of plans.entries()) {
    if (planned.kind === "quarantine") outcome.quarantined.push({ index, entry: planned.entry });
    else if (planned.kind === "dropped") parts.metrics.count("EventsDropped", 1, { reason: planned.reason });
  }
  await storeAll(plans, parts, outcome);
  await quarantineAll(records, parts, outcome);
  parts.metrics.count("RecordsRetried", outcome.dispositions.filter(({ kind }) => kind === "retry").length);
  return outcome.dispositions;
}
