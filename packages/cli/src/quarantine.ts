import type { RuntimeHandle } from "@tributary/local";
import type { PlatformContract, QuarantinedRecord } from "@tributary/model";

export interface QuarantineFilter {
  readonly reason?: string;
  readonly source?: string;
  /** First and last day, `YYYY-MM-DD`, inclusive. */
  readonly from?: string;
  readonly to?: string;
}

/** Where a record lies: its object, so that it can be marked as replayed. */
export interface FoundRecord {
  readonly key: string;
  readonly record: QuarantinedRecord;
}

interface ObjectPage {
  readonly Contents?: { readonly Key?: string }[];
  readonly NextContinuationToken?: string;
}

const layout = /(?:^|\/)dt=([^/]+)\/reason=([^/]+)\/source=([^/]+)\//;

/** Quarantined records that fit the filter, oldest day first. */
export async function* quarantinedRecords(
  runtime: RuntimeHandle,
  platform: PlatformContract,
  filter: QuarantineFilter = {},
): AsyncGenerator<FoundRecord> {
  const bucket = platform.ingestion.quarantineBucket;
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
      if (filter.source !== undefined && filter.source !== decodeURIComponent(source)) continue;
      if ((filter.from !== undefined && day < filter.from) || (filter.to !== undefined && day > filter.to)) continue;
      const { Body } = await runtime.call<{ Body: Uint8Array }>("s3", "GetObject", { Bucket: bucket, Key: key });
      for (const line of Buffer.from(Body).toString("utf8").split("\n")) {
        if (line !== "") yield { key, record: JSON.parse(line) as QuarantinedRecord };
      }
    }
    token = page.NextContinuationToken;
  } while (token);
}
