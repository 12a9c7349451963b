import type { RuntimeHandle } from "@tributary/local";
import { isRejection, type PlatformContract, parseItem, type QuarantinedRecord, replayItem } from "@tributary/model";
import { sendBatches } from "./collector-client";

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

interface ObjectPage {
  readonly Contents?: { readonly Key?: string }[];
  readonly NextContinuationToken?: string;
}

const layout = /^dt=([^/]+)\/reason=([^/]+)\/source=([^/]+)\//;

/** Quarantined records that fit the filter, oldest day first; the same record quarantined twice comes once. */
export async function* quarantinedRecords(
  runtime: RuntimeHandle,
  platform: PlatformContract,
  filter: QuarantineFilter = {},
): AsyncGenerator<FoundRecord> {
  const bucket = platform.ingestion.quarantineBucket;
  const seen = new Set<string>();
  let token: string | undefined;
  do {
    const page: ObjectPage = await runtime.call("s3", "ListObjectsV2", {
      Bucket: bucket,
      Prefix: "dt=",
      ContinuationToken: token,
    });
    for (const { Key: key = "" } of page.Contents ?? []) {
      const [, day = "", reason = "", source = ""] = layout.exec(key) ?? [];
      if (filter.reason !== undefined && filter.reason !== reason) continue;
      if (filter.source !== undefined && filter.source !== source) continue;
      if ((filter.from !== undefined && day < filter.from) || (filter.to !== undefined && day > filter.to)) continue;
      const { Body } = await runtime.call<{ Body: Uint8Array }>("s3", "GetObject", { Bucket: bucket, Key: key });
      for (const line of Buffer.from(Body).toString("utf8").split("\n")) {
        if (line === "") continue;
        const record = JSON.parse(line) as QuarantinedRecord;
        if (seen.has(record.id)) continue;
        seen.add(record.id);
        yield { key, record };
      }
    }
    token = page.NextContinuationToken;
  } while (token);
}

export interface ReplayResult {
  /** Sent through the collector again and accepted by it. */
  readonly replayed: number;
  /** Still in quarantine. */
  readonly kept: number;
  /** Why records were kept, with their number. */
  readonly reasons: Readonly<Record<string, number>>;
}

/**
 * Sends quarantined records through the collector again, under the source that they came from (or `as`). What would be
 * rejected again stays where it is; an object all of whose records were accepted moves to `replayed/`. Safe to repeat:
 * a record keeps its message id, so a second replay is a duplicate.
 */
export async function replayRecords(
  runtime: RuntimeHandle,
  platform: PlatformContract,
  options: { readonly filter: QuarantineFilter; readonly as?: string },
): Promise<ReplayResult> {
  const reasons: Record<string, number> = {};
  const waiting = new Map<string, string[]>();
  const objects = new Map<string, { kept: number }>();
  let kept = 0;
  const keep = (key: string, why: string) => {
    reasons[why] = (reasons[why] ?? 0) + 1;
    kept += 1;
    const object = objects.get(key);
    if (object) object.kept += 1;
  };
  for await (const { key, record } of quarantinedRecords(runtime, platform, options.filter)) {
    if (!objects.has(key)) objects.set(key, { kept: 0 });
    const sourceId = options.as ?? record.sourceId;
    const replay = replayItem(record);
    if (!replay.ok) keep(key, replay.why);
    else if (platform.ingestion.writeKeys[sourceId] === undefined)
      keep(key, `no source "${sourceId}": name one with --as`);
    else {
      const parsed = parseItem(replay.item, {}, { sourceId, receivedAt: record.receivedAt });
      if (isRejection(parsed)) keep(key, `${parsed.reason}: it would be rejected again`);
      else waiting.set(sourceId, [...(waiting.get(sourceId) ?? []), JSON.stringify(replay.item)]);
    }
  }
  let replayed = 0;
  for (const [sourceId, items] of waiting) {
    const writeKey = platform.ingestion.writeKeys[sourceId] ?? "";
    replayed += (await sendBatches(items, { collectorUrl: platform.ingestion.collectorUrl, writeKey })).items;
  }
  const bucket = platform.ingestion.quarantineBucket;
  for (const [key, object] of objects) {
    if (object.kept > 0) continue;
    await runtime.call("s3", "CopyObject", {
      Bucket: bucket,
      Key: `replayed/${key}`,
      CopySource: `${bucket}/${encodeURI(key)}`,
    });
    await runtime.call("s3", "DeleteObject", { Bucket: bucket, Key: key });
  }
  return { replayed, kept, reasons };
}
