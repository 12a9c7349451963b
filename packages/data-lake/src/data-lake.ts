import type * as glue from "@pulumi/aws/glue";
import type * as pulumi from "@pulumi/pulumi";
import {
  alarm,
  type BucketRef,
  type DeepInput,
  type GlueTableRef,
  SecureBucket,
  scheduleStateMachine,
  TributaryComponent,
  tagsFor,
} from "@tributary/core";
import { lakeFormationTags, type PlatformContract, tableName } from "@tributary/model";
import type { DataLakeArgs, RawZoneRef } from "./args";
import { dataLakeDefaults } from "./defaults";
import { normalize, type ResolvedDataLake } from "./normalize";
import { makeCatalog } from "./resources/catalog";
import { type JobContext, makeJob, makeSecurityConfiguration } from "./resources/jobs";
import { makePipeline } from "./resources/pipeline";
import { qualityMetrics, qualityPrefix, uploadScripts } from "./resources/scripts";
import { makeWorkgroup, resultsPrefix } from "./resources/workgroup";
import { peopleToMatch, rawEvents, type Zone } from "./tables";
import type { LakeStep } from "./tables/lake-plan";

/** The `lake` part of the platform's contract, as Inputs. */
export type LakeContract = DeepInput<PlatformContract["lake"]>;

/** Raw children, for what our arguments do not offer. */
export type DataLakeNodes = Readonly<Record<string, pulumi.Resource>>;

/**
 * Three zones on S3 (raw as received and kept, clean, curated), the Glue catalog over them, an Athena workgroup, and the
 * nightly pipeline that makes clean from raw and curated from clean by SQL. Everything after raw can be made again.
 */
export class DataLake extends TributaryComponent {
  /** Where Ingestion delivers. */
  readonly rawZone: RawZoneRef;
  /** The `lake` part of the platform's contract. */
  readonly contract: LakeContract;
  readonly workgroupName: pulumi.Output<string>;
  readonly nightlyPipelineArn: pulumi.Output<string>;
  /** Whom to match: `matching.input` of IdentityResolution. Only with `peopleToMatch: true`. */
  readonly peopleToMatch: GlueTableRef | undefined;
  /** What is kept for a while only: results of queries, scratch files, and below `matching/` the output of matching jobs. */
  readonly workspace: BucketRef;
  readonly nodes: DataLakeNodes;

  constructor(name: string, args: DataLakeArgs, opts?: pulumi.ComponentResourceOptions) {
    super("DataLake", name, opts);
    const resolved = normalize(name, args);
    const { foundation, databases, transform } = resolved;
    const tags = tagsFor(foundation, this.module, "personal");
    const buckets = this.#makeBuckets(name, resolved);
    const { tables, steps } = resolved.plan;
    const catalog = makeCatalog(
      name,
      {
        plan: resolved.plan,
        databaseNames: databases,
        buckets,
        breakingChanges: resolved.breakingChanges,
        onDelete: resolved.onDelete,
        tags,
      },
      this.child(),
    );
    const { workgroup } = makeWorkgroup(
      name,
      {
        bucket: buckets.workspace,
        keyArn: foundation.keyArn,
        cutoffBytes: resolved.queryCutoffBytes,
        databases,
        forceDestroy: resolved.onDelete === "destroy",
        tags,
        transform: transform.workgroup,
      },
      this.child(),
    );
    const context: JobContext = {
      foundation,
      place: this.place,
      databases,
      tables,
      buckets,
      securityConfiguration: makeSecurityConfiguration(name, foundation.keyArn, this.child()),
      workers: resolved.workers,
      timeoutMinutes: resolved.timeoutMinutes,
      tags,
      transform: transform.job,
    };
    const clean = this.#makeJob(name, "clean", ["raw", "clean"], steps.clean, "Every event once, typed", context);
    const curate = this.#makeJob(
      name,
      "curate",
      ["clean", "curated"],
      steps.curate,
      "Events, orders and customers for analysis",
      context,
    );
    const machine = makePipeline(
      `${name}-nightly`,
      {
        foundation,
        place: this.place,
        module: this.module,
        jobs: [
          { state: "Clean", job: clean },
          { state: "Curate", job: curate },
        ],
        tags,
      },
      this.child(),
    );
    alarm(
      `${name}-rows-rejected`,
      {
        foundation,
        module: this.module,
        description: `${name}: rows break quality rules of their tables. They are in clean.rejected_rows and curated.rejected_rows, with the rule; the report is in the workspace bucket under ${qualityPrefix}.`,
        ...qualityMetrics(name),
        metric: "RowsRejected",
        statistic: "Sum",
        above: 0,
        periodSeconds: 300,
      },
      this.child(),
    );
    const schedule =
      resolved.schedule === undefined
        ? undefined
        : scheduleStateMachine(
            `${name}-nightly-schedule`,
            { foundation, machine, schedule: resolved.schedule },
            this.child(),
          );

    this.rawZone = {
      bucket: buckets.raw.ref,
      database: catalog.databases.raw.name,
      eventsTable: catalog.tables.get("raw.events")?.name ?? rawEvents.name,
    };
    this.workgroupName = workgroup.name;
    this.nightlyPipelineArn = machine.arn;
    this.workspace = buckets.workspace.ref;
    this.peopleToMatch = resolved.peopleToMatch
      ? {
          label: `${name}-people-to-match`,
          database: catalog.databases.clean.name,
          table: catalog.tables.get("clean.people_to_match")?.name ?? peopleToMatch.name,
          bucket: buckets.clean.ref,
          prefix: `${peopleToMatch.name}/`,
          columns: peopleToMatch.columns.map((column) => column.name),
        }
      : undefined;
    this.contract = {
      databases: {
        raw: catalog.databases.raw.name,
        clean: catalog.databases.clean.name,
        curated: catalog.databases.curated.name,
      },
      buckets: { raw: buckets.raw.name, clean: buckets.clean.name, curated: buckets.curated.name },
      workgroup: workgroup.name,
      pipelines: { nightly: machine.arn },
      dataClasses: Object.fromEntries(tables.map((table) => [tableName(table), lakeFormationTags(table)])),
    };
    this.nodes = {
      rawBucket: buckets.raw.bucket,
      cleanBucket: buckets.clean.bucket,
      curatedBucket: buckets.curated.bucket,
      workspaceBucket: buckets.workspace.bucket,
      workgroup,
      cleanJob: clean,
      curateJob: curate,
      nightlyPipeline: machine,
      ...(schedule === undefined ? {} : { nightlySchedule: schedule }),
    };
    this.registerOutputs({
      rawBucketName: buckets.raw.name,
      cleanBucketName: buckets.clean.name,
      curatedBucketName: buckets.curated.name,
      workgroupName: this.workgroupName,
      nightlyPipelineArn: this.nightlyPipelineArn,
    });
  }

  #makeJob(
    name: string,
    job: "clean" | "curate",
    [from, to]: readonly [Zone, Zone],
    steps: readonly LakeStep[],
    description: string,
    context: JobContext,
  ): glue.Job {
    const scripts = uploadScripts(
      name,
      {
        job,
        steps,
        tables: context.tables,
        databases: context.databases,
        bucket: context.buckets.workspace,
        keyArn: context.foundation.keyArn,
        tags: context.tags,
      },
      this.child(),
    );
    return makeJob(name, { job, from, to, scripts, description }, context, this.child()).job;
  }

  #makeBuckets(name: string, resolved: ResolvedDataLake): Record<Zone | "workspace", SecureBucket> {
    const { foundation, onDelete, transform } = resolved;
    const zone = (what: Zone, noncurrentDays: number): SecureBucket =>
      new SecureBucket(
        `${name}-${what}`,
        {
          foundation,
          dataClass: "personal",
          onDelete,
          lifecycle: {
            noncurrentDays,
            ...(what === "raw" ? {} : { expirePrefixes: { "rejected_rows/": dataLakeDefaults.rejectedDays } }),
          },
          transform: transform[`${what}Bucket`],
        },
        this.child(),
      );
    return {
      raw: zone("raw", dataLakeDefaults.rawNoncurrentDays),
      clean: zone("clean", dataLakeDefaults.noncurrentDays),
      curated: zone("curated", dataLakeDefaults.noncurrentDays),
      workspace: new SecureBucket(
        `${name}-workspace`,
        {
          foundation,
          dataClass: "personal",
          onDelete,
          lifecycle: {
            noncurrentDays: dataLakeDefaults.noncurrentDays,
            expirePrefixes: {
              [resultsPrefix]: dataLakeDefaults.resultDays,
              "scratch/": dataLakeDefaults.scratchDays,
              [qualityPrefix]: dataLakeDefaults.rejectedDays,
              ...(resolved.peopleToMatch ? { "matching/": dataLakeDefaults.matchingDays } : {}),
            },
          },
          transform: transform.workspaceBucket,
        },
        this.child(),
      ),
    };
  }
}
