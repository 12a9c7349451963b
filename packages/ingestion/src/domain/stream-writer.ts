import { createHash } from "node:crypto";
import { type CollectedRecord, quarantinedRecord, quarantineKey } from "@tributary/model";

/** Kinesis limits: records and bytes of a PutRecords call, bytes of a record with its key, characters of a key. */
const maxRecords = 500;
const maxCallBytes = 5 * 1024 * 1024;
const maxRecordBytes = 1024 * 1024;
const maxKeyLength = 256;

export interface StreamEntry {
  readonly data: Uint8Array;
  readonly partitionKey: string;
}

/** The event stream. Answers an error code for each entry that was refused, undefined for each that is durable. */
export interface StreamPort {
  /** Bytes of a record with its key, where it is less than Kinesis takes. */
  readonly maxRecordBytes?: number;
  put(entries: readonly StreamEntry[]): Promise<readonly (string | undefined)[]>;
}

/** The quarantine bucket. Resolves when the object is durable. */
export interface QuarantinePort {
  put(key: string, body: string): Promise<void>;
}

/** The stream did not take everything in time: the client must send again. */
export class NotDurable extends Error {
  override readonly name = "NotDurable";

  constructor(
    message: string,
    /** Whether the stream took nothing at all because too much came: it is overloaded, not one shard of it. */
    readonly overloaded = false,
  ) {
    super(message);
  }
}

const throttled = /Throughput|Throttl|LimitExceeded/;

/** The person's identifier, so that a shard sees a person's events in the order they came in; hashed where it is too long. */
export function partitionKeyOf(record: CollectedRecord): string {
  const key = record.user_id ?? record.anonymous_id ?? record.message_id;
  return key.length <= maxKeyLength ? key : createHash("sha256").update(key).digest("hex");
}

function* calls(entries: readonly StreamEntry[]): Generator<StreamEntry[]> {
  let call: StreamEntry[] = [];
  let bytes = 0;
  for (const entry of entries) {
    const size = entry.data.length + Buffer.byteLength(entry.partitionKey);
    if (call.length === maxRecords || bytes + size > maxCallBytes) {
      yield call;
      call = [];
      bytes = 0;
    }
    call.push(entry);
    bytes += size;
  }
  if (call.length > 0) yield call;
}

export interface WriterOptions {
  /** Tries of one call, with 50, 100, 200, … ms between them. @default 5 */
  readonly attempts?: number;
  readonly sleep?: (milliseconds: number) => Promise<void>;
}

async function putCall(stream: StreamPort, entries: readonly StreamEntry[], options: WriterOptions): Promise<void> {
  const { attempts = 5, sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms)) } = options;
  let left = entries;
  let code: string | undefined;
  for (let attempt = 0; attempt < attempts; attempt++) {
    if (attempt > 0) await sleep(50 * 2 ** (attempt - 1));
    const codes = await stream.put(left);
    code = codes.find((found) => found !== undefined) ?? code;
    left = left.filter((_, index) => codes[index] !== undefined);
    if (left.length === 0) return;
  }
  const message = `${left.length} of ${entries.length} records were not taken by the stream (${code})`;
  throw new NotDurable(message, left.length === entries.length && throttled.test(code ?? ""));
}

/**
 * Makes records durable: on the stream, and what is too large for it straight in quarantine. Resolves only when all of
 * them are; throws `NotDurable` where the stream keeps refusing some (those that it took are deduplicated when the client
 * sends all again).
 */
export async function writeRecords(
  records: readonly CollectedRecord[],
  stream: StreamPort,
  quarantine: QuarantinePort,
  options: WriterOptions = {},
): Promise<void> {
  const entries: StreamEntry[] = [];
  const work: Promise<void>[] = [];
  for (const record of records) {
    const entry = { data: Buffer.from(JSON.stringify(record)), partitionKey: partitionKeyOf(record) };
    if (entry.data.length + Buffer.byteLength(entry.partitionKey) <= (stream.maxRecordBytes ?? maxRecordBytes))
      entries.push(entry);
    else work.push(quarantineOversized(record, quarantine));
  }
  for (const call of calls(entries)) work.push(putCall(stream, call, options));
  const outcomes = await Promise.allSettled(work);
  const failed = outcomes.find((outcome) => outcome.status === "rejected");
  if (failed) throw failed.reason;
}

async function quarantineOversized(record: CollectedRecord, quarantine: QuarantinePort): Promise<void> {
  // An event is below the limit, so this is a rejected one, or a body that is none: it has its reason.
  const entry = quarantinedRecord(record, {
    reason: (record.reason ?? "event-too-large") as "event-too-large",
    detail: record.detail ?? "too large for the event stream",
    stage: "collector",
  });
  await quarantine.put(quarantineKey(entry, `collector-${entry.id}`), `${JSON.stringify(entry)}\n`);
}
