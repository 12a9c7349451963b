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
import { type CallbackOutcome, type CallbackPort, callbackOutcome } from "./callback";
import { unknownSource } from "./collect";
import type { PlanGate } from "./plan";
import type { QuarantinePort } from "./stream-writer";

/** The events table. Throws where the answer is not known (throttled, away, not allowed). */
export interface EventStore {
  /** `duplicate`: the same event is there; `reused`: another event is there under the id. */
  putNew(item: StoredEvent): Promise<"stored" | "duplicate" | "reused">;
}

export interface ProcessorParts {
  readonly store: EventStore;
  readonly quarantine: QuarantinePort;
  readonly onEvent?: CallbackPort | undefined;
  /** The sources' tracking plans. */
  readonly plans?: PlanGate | undefined;
  readonly retentionDays: number;
  readonly metrics: Metrics;
  /** Epoch milliseconds after which no further callback begins. @default never */
  readonly until?: number;
  /** People whose events are put at a time. @default 128 */
  readonly concurrency?: number;
}

/** DynamoDB's limit of an item, less its other attributes. */
const maxStoredBytes = 390 * 1024;

/** What is to be done about a record. */
export type Plan =
  | { readonly kind: "store"; readonly record: CollectedRecord; readonly items: readonly StoredEvent[] }
  | { readonly kind: "quarantine"; readonly entry: QuarantinedRecord }
  | { readonly kind: "dropped"; readonly reason: string }
  /** The callback could not be asked within this invocation. */
  | { readonly kind: "later" };

/** A record that is an event, before the callback saw it. */
interface Readable {
  readonly kind: "event";
  readonly record: CollectedRecord;
  readonly event: CustomerEvent;
  /** The event as its source's tracking plan let it through. */
  readonly planned: CustomerEvent;
}

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

function read(source: Pick<KinesisRecord, "data" | "arrivedAt">, plans: PlanGate | undefined): Readable | Plan {
  const record = readCollected(source.data);
  if (isRejection(record)) {
    const meta = { sourceId: unknownSource, receivedAt: isoTime(source.arrivedAt) };
    const unreadable = rejectedRecord(record, originalOf(source.data), meta);
    return quarantine(unreadable, "processor", record.reason, describe(record));
  }
  if (record.type === "rejected") return quarantine(record, "collector", reasonOf(record), record.detail ?? "");
  const event = eventOf(record);
  if (isRejection(event)) return quarantine(record, "processor", event.reason, describe(event));
  const planned = plans ? plans(event) : ({ kind: "event", event } as const);
  if (planned.kind === "dropped") return planned;
  if (planned.kind === "quarantine") return quarantine(record, "plan", planned.reason, planned.detail);
  return { kind: "event", record, event, planned: planned.event };
}

function afterCallback({ record, event }: Readable, outcome: CallbackOutcome, retentionDays: number): Plan {
  switch (outcome.kind) {
    case "dropped":
    case "later":
      return outcome;
    case "failed":
      return quarantine(record, "onEvent", "callback-error", outcome.detail, outcome.stack);
    case "events": {
      const stored = items(event, outcome.events, retentionDays);
      const large = stored.find((item) => Buffer.byteLength(item.event) > maxStoredBytes);
      if (!large) return { kind: "store", record, items: stored };
      const detail = `onEvent made an event of ${Buffer.byteLength(large.event)} bytes, ${maxStoredBytes} are the most`;
      return quarantine(record, "onEvent", "event-too-large", detail);
    }
  }
}

/** What is to be done about each record of a batch, in its order. Writes nothing. */
export async function planBatch(
  records: readonly Pick<KinesisRecord, "data" | "arrivedAt">[],
  parts: Pick<ProcessorParts, "onEvent" | "plans" | "retentionDays" | "until">,
): Promise<readonly Plan[]> {
  const readings = records.map((record) => read(record, parts.plans));
  const events = readings.filter((reading): reading is Readable => reading.kind === "event");
  const { onEvent, retentionDays, until = Number.POSITIVE_INFINITY } = parts;
  const answers = await onEvent?.run(
    events.map(({ planned }) => planned),
    until,
  );
  let next = 0;
  return readings.map((reading): Plan => {
    if (reading.kind !== "event") return reading;
    const answer = answers?.[next++];
    const outcome: CallbackOutcome = answer
      ? callbackOutcome(answer, reading.planned)
      : { kind: "events", events: [reading.planned] };
    return afterCallback(reading, outcome, retentionDays);
  });
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

interface Put {
  readonly item: StoredEvent;
  /** Of its record in the batch. */
  readonly index: number;
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
 * table. Puts run at the same time, a person's too: one after the other, a batch of one busy person would take as many
 * round trips as it has events, and nothing could tell, as folds go by event time and the table's own stream has no order
 * between two keys. The stream's order per person is what the user's callback gets.
 */
async function storeAll(plans: readonly Plan[], parts: ProcessorParts, outcome: Outcome): Promise<void> {
  const first = new Map<string, Put>();
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
  const plans = await planBatch(records, parts);
  const outcome = new Outcome(records.length);
  for (const [index, planned] of plans.entries()) {
    if (planned.kind === "quarantine") outcome.quarantined.push({ index, entry: planned.entry });
    else if (planned.kind === "dropped") parts.metrics.count("EventsDropped", 1, { reason: planned.reason });
    else if (planned.kind === "later") outcome.dispositions[index] = retry("no time is left for the callback");
  }
  await storeAll(plans, parts, outcome);
  await quarantineAll(records, parts, outcome);
  parts.metrics.count("RecordsRetried", outcome.dispositions.filter(({ kind }) => kind === "retry").length);
  return outcome.dispositions;
}
