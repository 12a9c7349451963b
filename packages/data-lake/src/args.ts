import type * as athena from "@pulumi/aws/athena";
import type * as glue from "@pulumi/aws/glue";
import type * as s3 from "@pulumi/aws/s3";
import type { Input } from "@pulumi/pulumi";
import type { BucketRef, FoundationRef, OnDelete, Transform } from "@tributary/core";

/** When the nightly pipeline starts by itself. */
export interface ScheduleArgs {
  /** An EventBridge Scheduler expression: `cron(0 3 * * ? *)`, `rate(1 day)`. */
  readonly expression: string;
  /** IANA time zone of a cron expression. @default "UTC" */
  readonly timezone?: string;
  /** @default true */
  readonly enabled?: boolean;
}

export interface DataLakeArgs {
  readonly foundation: FoundationRef;
  /** Before the names of the Glue databases `raw`, `clean`, `curated`: needed where two lakes share an account and region. @default "" */
  readonly databasePrefix?: string;
  /** Left out: the pipeline runs when somebody starts it. */
  readonly nightly?: { readonly schedule: ScheduleArgs };
  /** Makes the table `clean.people_to_match` each night, which AWS Entity Resolution reads: `matching.input` of IdentityResolution. @default false */
  readonly peopleToMatch?: boolean;
  /** Gigabytes that one Athena query may scan, at most. @default 100 (about $0.50) */
  readonly queryCutoffGb?: number;
  /** Glue workers (G.1X) of a job. @default 2 */
  readonly workers?: number;
  /** Minutes after which a Glue job is stopped. @default 120 */
  readonly timeoutMinutes?: number;
  /** @default "retain" */
  readonly onDelete?: OnDelete;
  readonly transform?: DataLakeTransforms;
}

/** Escape hatches, keyed as `nodes`. */
export interface DataLakeTransforms {
  readonly rawBucket?: Transform<s3.BucketArgs>;
  readonly cleanBucket?: Transform<s3.BucketArgs>;
  readonly curatedBucket?: Transform<s3.BucketArgs>;
  readonly workspaceBucket?: Transform<s3.BucketArgs>;
  readonly workgroup?: Transform<athena.WorkgroupArgs>;
  readonly job?: Transform<glue.JobArgs>;
}

/** Where Ingestion delivers: the raw zone's bucket and the table that its files are. */
export interface RawZoneRef {
  readonly bucket: BucketRef;
  readonly database: Input<string>;
  readonly eventsTable: Input<string>;
}
