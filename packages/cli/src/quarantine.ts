import type { RuntimeHandle } from "@tributary/local";
import {
  failedBatchDay,
  failedBatchPrefix,
  failedBatchRecords,
  type PlatformContract,
  type QuarantinedRecord,
} from "@tributary/model";

export interface QuarantineFilter {
  readonly reason?: string;
  readonly source?: string;
  /** First and last day, `YYYY-MM-DD`, inclusive. */
  readonly from?: string;
  readonly to?: string;
}

/** A record and the object that it lies in. */
export interface FoundRecord {
  readonly key: string;
  readonly record: QuarantinedRecord;
}

/** An object of the quarantine bucket. */
export interface QuarantineObject {
  readonly key: string;
  /** What fits the filter. */
  readonly records: readonly QuarantinedRecord[];
  /** Whether that is all that lies in it. */
  readonly whole: boolean;
}

interface ObjectPage {
  readonly Contents?: { readonly Key?: string; readonly LastModified?: Date }[];
  readonly NextContinuationToken?: string;
}

const layout = /^dt=([^/]+)\/reason=([^/]+)\/source=([^/]+)\//;

/** Whether an object can hold what fits, by its key alone: what cannot is not read. */
function mayFit(key: string, { reason, source, from, to }: QuarantineFilter): boolean {
  const found = layout.exec(key);
  // A batch that the processor could not take: of any reason and source, received on the day of its end or before.
  if (!found) return from === undefined || (failedBatchDay(key) ?? from) >= from;
  const [, day = "", itsReason, itsSource] = found;
  if ((reason ?? itsReason) !== itsReason || (source ?? itsSource) !== itsSource) return false;
  return (from === undefined || day >= from) && (to === undefined || day <= to);
}

function fits(record: QuarantinedRecord, { reason, source, from, to }: QuarantineFilter): boolean {
  const day = record.receivedAt.slice(0, 10);
  return (
    (reason ?? record.reason) === record.reason &&
    (source ?? record.sourceId) === record.sourceId &&
    (from ?? day) <= day &&
    day <= (to ?? day)
  );
}

/**
 * The objects of the quarantine bucket that hold what fits the filter: those that the collector and the processor wrote,
 * oldest day first, then the batches that the processor could not take.
 */
export async function* quarantineObjects(
  runtime: RuntimeHandle,
  platform: PlatformContract,
  filter: QuarantineFilter = {},
): AsyncGenerator<QuarantineObject> {
  const bucket = platform.ingestion.quarantineBucket;
  for (const prefix of ["dt=", failedBatchPrefix]) {
    let token: string | undefined;
    do {
      const page: ObjectPage = await runtime.call("s3", "ListObjectsV2", {
        Bucket: bucket,
        Prefix: prefix,
        ContinuationToken: token,
      });
      for (const { Key: key = "", LastModified: at } of page.Contents ?? []) {
        if (!mayFit(key, filter)) continue;
        const { Body } = await runtime.call<{ Body: Uint8Array }>("s3", "GetObject", { Bucket: bucket, Key: key });
        const text = Buffer.from(Body).toString("utf8");
        const all = layout.test(key) ? linesOf(text) : failedBatchRecords(text, (at ?? new Date()).toISOString());
        const records = all.filter((record) => fits(record, filter));
        if (records.length > 0) yield { key, records, whole: records.length === all.length };
      }
      token = page.NextContinuationToken;
    } while (token);
  }
}

function linesOf(text: string): QuarantinedRecord[] {
  return text.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line) as QuarantinedRecord]));
}

/** Quarantined records that fit the filter; the same record quarantined twice comes once. */
export async function* quarantinedRecords(
  runtime: RuntimeHandle,
  platform: PlatformContract,
  filter: QuarantineFilter = {},
): AsyncGenerator<FoundRecord> {
  const seen = new Set<string>();
  for await (const { key, records } of quarantineObjects(runtime, platform, filter)) {
    for (const record of records) {
      if (seen.has(record.id)) continue;
      seen.add(record.id);
      yield { key, record };
    }
  }
}
