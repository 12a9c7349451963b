import type * as athena from "@pulumi/aws/athena";
import type * as glue from "@pulumi/aws/glue";
import type * as s3 from "@pulumi/aws/s3";
import type { Input } from "@pulumi/pulumi";
import type { BucketRef, FoundationRef, OnDelete, StateMachineRef, Transform } from "@tributary/core";
import type { LakeTable, QualityRule, TableColumn } from "@tributary/model";
import type { ServingArgs } from "./serving/args";
import type { PipelineStep } from "./steps";
import type { TraitsArgs } from "./traits/args";

/** When the nightly pipeline starts by itself. */
export interface ScheduleArgs {
  /** An EventBridge Scheduler expression: `cron(0 3 * * ? *)`, `rate(1 day)`. */
  readonly expression: string;
  /** IANA time zone of a cron expression. @default "UTC" */
  readonly timezone?: string;
  /** @default true */
  readonly enabled?: boolean;
}

/** The nightly pipeline: when it starts, and what it does besides making the lake's tables. */
export interface NightlyArgs {
  /** Left out: the pipeline runs when somebody starts it. */
  readonly schedule?: ScheduleArgs;
  /** The pipeline that matches people, run between clean and curate: `identities.matchPipeline`, given by `runNightly`. */
  readonly match?: StateMachineRef | undefined;
  /** Steps of yours, each after one of the pipeline's places. */
  readonly steps?: readonly PipelineStep[];
}

/** A table of yours, beside those of every lake. */
export type OwnTable = Pick<LakeTable, "description" | "columns"> &
  Partial<Pick<LakeTable, "partitionBy" | "primaryKey" | "format" | "quality" | "order">> & {
    /** `partition`: a day's rows are made from the same day of the tables that it reads, so a night makes only the days that changed. @default "whole" */
    readonly incremental?: "whole" | "partition";
  };

/** A column of yours in a table that the pipeline makes. */
export interface OwnColumn extends TableColumn {
  /** What fills it: an expression of the table's other columns, such as `get_json_object(traits, '$.plan')`. Left out where you give the table's transform. */
  readonly sql?: string;
}

/** How the curated tables that the pipeline makes lie on S3. */
export type CuratedFormat = "parquet" | "iceberg";

/** What becomes of raw files that cannot be read. */
export type UnreadableAction = "stop" | "setAside";

export interface DataLakeArgs extends ServingArgs, TraitsArgs {
  readonly foundation: FoundationRef;
  /** Before the names of the Glue databases `raw`, `clean`, `curated`: needed where two lakes share an account and region. @default "" */
  readonly databasePrefix?: string;
  /** Left out: the pipeline runs when somebody starts it. `"later"`: it is made when the program calls `runNightly`, which can name what is made of the lake. */
  readonly nightly?: NightlyArgs | "later";
  /** Makes the table `clean.people_to_match` each night, which AWS Entity Resolution reads: `matching.input` of IdentityResolution. @default false */
  readonly peopleToMatch?: boolean;
  /** Tables of yours by zone and name: `{ "curated.visits": { description, columns } }`. Without a transform they are catalogued only. */
  readonly tables?: Readonly<Record<string, OwnTable>>;
  /** Columns more in tables that the pipeline makes: `{ "curated.people": [{ name: "plan", sql: "…", … }] }`. */
  readonly columns?: Readonly<Record<string, readonly OwnColumn[]>>;
  /** What makes a table, yours or ours: the path of a `.sql` file with one SELECT, or the SELECT. It runs each night, after the tables that it reads. */
  readonly transforms?: Readonly<Record<string, string>>;
  /** Quality rules more, by table: `{ "curated.orders": [rule.notNull("customer_id")] }`. */
  readonly quality?: Readonly<Record<string, readonly QualityRule[]>>;
  /** Tables whose columns may be dropped, renamed or retyped in this deployment: `["curated.visits"]`. @default none */
  readonly breakingChanges?: readonly string[];
  /** What becomes of raw files that cannot be read. `stop`: the pipeline stops, and tells each. `setAside`: they are moved below `unreadable/` of the raw bucket with the reason, the alarm goes off, and the pipeline goes on. @default "stop" */
  readonly unreadable?: UnreadableAction;
  /** How the curated tables that the pipeline makes lie on S3. `iceberg`: Apache Iceberg v2 on AWS, whose changes are one commit a table; the local runtime keeps them as Parquet. Changing it on a deployed lake replaces these catalog tables: they are empty until the next run has made them anew, and what only they hold is lost. @default "parquet" */
  readonly curatedFormat?: CuratedFormat;
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
