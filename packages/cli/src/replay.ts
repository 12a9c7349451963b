import type { RuntimeHandle } from "@tributary/local";
import {
  type CollectedRecord,
  type CustomerEvent,
  collectItem,
  isRejection,
  type JsonObject,
  type PlatformContract,
  parseItem,
  type QuarantinedRecord,
  replayItem,
} from "@tributary/model";
import { sendBatches } from "./collector-client";
import { Effector, type Effects } from "./effects";
import { type QuarantineFilter, quarantineObjects } from "./quarantine";
import { processorOf, type Rehearsed, rehearse } from "./rehearsal";

/**
 * What a replay does with a record: `new` (it becomes events that are not there yet), `already-there` (it was replayed
 * before, or sent again by its client), `dropped` (by the callback, with its reason), `kept` (it would only be quarantined
 * again, or cannot be sent), `unknown` (the processor did not answer: it is sent, and what it becomes is seen then).
 */
export type Verdict = "new" | "already-there" | "dropped" | "kept" | "unknown";

export interface PlannedRecord {
  readonly record: QuarantinedRecord;
  /** The source that it is replayed under. */
  readonly source: string;
  readonly verdict: Verdict;
  /** Of `kept` and `dropped`. */
  readonly why?: string;
  /** Events that it becomes and that are not there. */
  readonly events: readonly CustomerEvent[];
  /** What is sent to the collector. */
  readonly item?: JsonObject;
}

export interface ReplayOptions {
  readonly filter: QuarantineFilter;
  /** Another source than the one that the records came from. */
  readonly as?: string;
}

export interface ReplayPlan {
  readonly records: readonly PlannedRecord[];
  /** Keys of the objects, and ids of the records in them; `whole` where nothing else lies there. */
  readonly objects: readonly { readonly key: string; readonly ids: readonly string[]; readonly whole: boolean }[];
}

type Sendable = { readonly item: JsonObject; readonly collected: CollectedRecord };

/** The record's item and what the collector would make of it; or why it stays where it is. */
function sendable(record: QuarantinedRecord, source: string, platform: PlatformContract): Sendable | string {
  const replay = replayItem(record);
  if (!replay.ok) return replay.why;
  if (platform.ingestion.writeKeys[source] === undefined) return `no source "${source}": name one with --as`;
  const meta = { sourceId: source, receivedAt: new Date().toISOString() };
  const parsed = parseItem(replay.item, {}, meta);
  if (isRejection(parsed)) return `${parsed.reason}: it would be rejected again`;
  const collected = collectItem(replay.item, {}, meta, () => new Uint8Array());
  if (collected.type === "rejected") return `${collected.reason}: it would be rejected again`;
  return { item: replay.item, collected };
}

async function judged(
  planned: Pick<PlannedRecord, "record" | "source"> & { readonly item: JsonObject },
  answer: Rehearsed,
  effector: Effector,
): Promise<PlannedRecord> {
  if (answer.kind === "later") return { ...planned, verdict: "unknown", events: [] };
  if (answer.kind === "dropped") return { ...planned, verdict: "dropped", why: answer.reason, events: [] };
  if (answer.kind === "quarantine") {
    return { ...planned, verdict: "kept", why: `${answer.reason}: it would be quarantined again`, events: [] };
  }
  const events: CustomerEvent[] = [];
  for (const { id, fingerprint, event } of answer.items) {
    const there = await effector.stored(id);
    if (there === undefined) events.push(event);
    else if (there !== fingerprint) {
      const why = "message-id-reused: another event is there under its id";
      return { ...planned, verdict: "kept", why, events: [] };
    }
  }
  return { ...planned, verdict: events.length > 0 ? "new" : "already-there", events };
}

/** What a replay would do with each record that fits. Writes nothing; the deployed processor answers for what it does. */
export async function planReplay(
  runtime: RuntimeHandle,
  platform: PlatformContract,
  options: ReplayOptions,
): Promise<ReplayPlan> {
  const objects: { key: string; ids: string[]; whole: boolean }[] = [];
  const kept: PlannedRecord[] = [];
  const asked: { record: QuarantinedRecord; source: string; item: JsonObject; collected: CollectedRecord }[] = [];
  const seen = new Set<string>();
  for await (const { key, records, whole } of quarantineObjects(runtime, platform, options.filter)) {
    objects.push({ key, ids: records.map(({ id }) => id), whole });
    for (const record of records) {
      if (seen.has(record.id)) continue;
      seen.add(record.id);
      const source = options.as ?? record.sourceId;
      const outcome = sendable(record, source, platform);
      if (typeof outcome === "string") kept.push({ record, source, verdict: "kept", why: outcome, events: [] });
      else asked.push({ record, source, ...outcome });
    }
  }
  const processor = asked.length > 0 ? await processorOf(runtime, platform) : undefined;
  const answers = processor
    ? await rehearse(
        runtime,
        processor,
        asked.map(({ collected }) => collected),
      )
    : [];
  const effector = new Effector(runtime, platform);
  const records: PlannedRecord[] = kept;
  for (const [index, { record, source, item }] of asked.entries()) {
    records.push(await judged({ record, source, item }, answers[index] ?? { kind: "later" }, effector));
  }
  return { records, objects };
}

/** A record of a dry run. */
export interface Rehearsal extends Omit<PlannedRecord, "item"> {
  /** By event, in the order of `events`. */
  readonly effects: readonly Effects[];
}

/** A plan with what its events would do to people. */
export async function withEffects(
  runtime: RuntimeHandle,
  platform: PlatformContract,
  plan: ReplayPlan,
): Promise<readonly Rehearsal[]> {
  const effector = new Effector(runtime, platform);
  const rehearsals: Rehearsal[] = [];
  for (const { item: _item, ...planned } of plan.records) {
    const effects: Effects[] = [];
    for (const event of planned.events) effects.push(await effector.effects(event));
    rehearsals.push({ ...planned, effects });
  }
  return rehearsals;
}

export interface ReplayResult {
  /** Sent through the collector again and accepted by it. */
  readonly replayed: number;
  /** Applied before: nothing was sent. */
  readonly alreadyThere: number;
  /** Still in quarantine. */
  readonly kept: number;
  /** Why records were kept, with their number. */
  readonly reasons: Readonly<Record<string, number>>;
}

/**
 * Carries a plan out: sends what is new through the collector, under the source that it came from. What is kept stays where
 * it is; an object all of whose records are applied moves to `replayed/`. Safe to repeat, and to break off: a record keeps
 * its message id, so a second replay is a duplicate.
 */
export async function replay(
  runtime: RuntimeHandle,
  platform: PlatformContract,
  plan: ReplayPlan,
): Promise<ReplayResult> {
  const waiting = new Map<string, string[]>();
  const reasons: Record<string, number> = {};
  const kept = new Set<string>();
  let alreadyThere = 0;
  for (const { record, source, verdict, item, why = "" } of plan.records) {
    if (verdict === "already-there") alreadyThere += 1;
    else if (verdict === "kept" || !item) {
      kept.add(record.id);
      reasons[why] = (reasons[why] ?? 0) + 1;
    } else {
      const items = waiting.get(source) ?? [];
      items.push(JSON.stringify(item));
      waiting.set(source, items);
    }
  }
  let replayed = 0;
  for (const [source, items] of waiting) {
    const writeKey = platform.ingestion.writeKeys[source] ?? "";
    replayed += (await sendBatches(items, { collectorUrl: platform.ingestion.collectorUrl, writeKey })).items;
  }
  const Bucket = platform.ingestion.quarantineBucket;
  for (const { key, ids, whole } of plan.objects) {
    if (!whole || ids.some((id) => kept.has(id))) continue;
    const CopySource = `${Bucket}/${encodeURI(key)}`;
    await runtime.call("s3", "CopyObject", { Bucket, Key: `replayed/${key}`, CopySource });
    await runtime.call("s3", "DeleteObject", { Bucket, Key: key });
  }
  return { replayed, alreadyThere, kept: kept.size, reasons };
}
