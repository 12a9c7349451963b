import type * as glue from "@pulumi/aws/glue";
import type * as iam from "@pulumi/aws/iam";
import type * as scheduler from "@pulumi/aws/scheduler";
import type * as sfn from "@pulumi/aws/sfn";
import type * as pulumi from "@pulumi/pulumi";
import {
  alarm,
  type BucketRef,
  type DeepInput,
  type GlueTableRef,
  type SegmentsRef,
  scheduleStateMachine,
  TributaryComponent,
  tagsFor,
  validate,
} from "@tributary/core";
import { lakeFormationTags, type PlatformContract, tableName } from "@tributary/model";
import type { DataLakeArgs, NightlyArgs, RawZoneRef } from "./args";
import { normalize, normalizeNightly, type ResolvedNightly } from "./normalize";
import { makeBuckets } from "./resources/buckets";
import { makeCatalog } from "./resources/catalog";
import { type JobContext, makeJob, makeSecurityConfiguration } from "./resources/jobs";
import { makeOptimizers } from "./resources/optimizers";
import { makePipeline, type PipelineArgs } from "./resources/pipeline";
import { grantReader, type ReadContext } from "./resources/reader";
import { qualityMetrics, qualityPrefix, uploadScripts } from "./resources/scripts";
import { makeSegmentsRef } from "./resources/segments";
import { makeServing } from "./resources/serving";
import { makeWorkgroup } from "./resources/workgroup";
import type { ReaderArgs } from "./serving/args";
import { readerFaults } from "./serving/faults";
import { type JobName, peopleToMatch, rawEvents, type Zone } from "./tables";
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
  readonly workgroupName: pulumi.Output<string>;
  /** Whom to match: `matching.input` of IdentityResolution. Only with `peopleToMatch: true`. */
  readonly peopleToMatch: GlueTableRef | undefined;
  /** The segments by SQL, for Activation's audiences: `segments` of Activation. Only where there are some. */
  readonly segments: SegmentsRef | undefined;
  /** What is kept for a while only: results of queries, scratch files, and below `matching/` the output of matching jobs. */
  readonly workspace: BucketRef;
  readonly #name: string;
  readonly #reading: ReadContext;
  readonly #contractWith: (pipelines: Readonly<Record<string, pulumi.Output<string>>>) => LakeContract;
  readonly #nodes: DataLakeNodes;
  readonly #pipeline: PipelineArgs;
  #nightly: { readonly machine: sfn.StateMachine; readonly schedule: scheduler.Schedule | undefined } | undefined;
  /** Whether the pipeline was left to `runNightly`. */
  readonly #later: boolean;

  constructor(name: string, args: DataLakeArgs, opts?: pulumi.ComponentResourceOptions) {
    super("DataLake", name, opts);
    const resolved = normalize(name, args);
    const { foundation, databases, transform } = resolved;
    const tags = tagsFor(foundation, this.module, "personal");
    const buckets = makeBuckets(name, resolved, this.child());
    const { tables, steps } = resolved.plan;
    this.#name = name;
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
    makeOptimizers(name, { resolved, place: this.place, bucket: buckets.curated, catalog }, this.child());
    const { workgroup } = makeWorkgroup(
      name,
      {
        bucket: buckets.workspace,
        keyArn: foundation.keyArn,
        cutoffBytes: resolved.queryCutoffBytes,
        databases,
        readable: resolved.viewPlan.readable,
        forceDestroy: resolved.onDelete === "destroy",
        tags,
        transform: transform.workgroup,
      },
      this.child(),
    );
    this.#reading = {
      place: this.place,
      databases,
      buckets,
      plan: resolved.viewPlan,
      iceberg: resolved.plan.iceberg,
      keyArn: foundation.keyArn,
      workgroupArn: workgroup.arn,
      workspaceName: buckets.workspace.name,
    };
    const serving = makeServing(
      name,
      { resolved, module: this.module, catalog, reading: this.#reading, workgroupName: workgroup.name, tags },
      this.child(),
    );
    for (const [reader, given] of Object.entries(resolved.readers)) this.grantTableRead(reader, given);
    const context: JobContext = {
      foundation,
      place: this.place,
      databases,
      tables,
      iceberg: resolved.plan.iceberg,
      buckets,
      securityConfiguration: makeSecurityConfiguration(name, foundation.keyArn, this.child()),
      unreadable: resolved.unreadable,
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
    // What it makes depends on the time too: windows pass.
    const traits =
      steps.traits.length === 0
        ? undefined
        : this.#makeJob(name, "traits", ["clean", "curated"], steps.traits, "Computed traits and segments", context);
    this.#pipeline = {
      foundation,
      place: this.place,
      module: this.module,
      jobs: [
        { state: "Clean", job: clean },
        { state: "Curate", job: curate },
        ...(traits === undefined ? [] : [{ state: "Traits" as const, job: traits, everyNight: true }]),
      ],
      serve: serving.serve,
      land: { raw: buckets.raw.ref, workspace: buckets.workspace.ref, plan: resolved.plan },
      tags,
    };
    this.#later = resolved.nightly === "later";
    if (resolved.nightly !== "later") this.#makeNightly(resolved.nightly);
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
    this.rawZone = {
      bucket: buckets.raw.ref,
      database: catalog.databases.raw.name,
      eventsTable: catalog.tables.get("raw.events")?.name ?? rawEvents.name,
    };
    this.workgroupName = workgroup.name;
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
    this.segments = makeSegmentsRef(
      `${name}-segments`,
      { resolved, database: catalog.databases.curated.name, buckets, tags },
      this.child(),
    );
    this.#contractWith = (pipelines) => ({
      pipelines,
      databases: {
        raw: catalog.databases.raw.name,
        clean: catalog.databases.clean.name,
        curated: catalog.databases.curated.name,
      },
      buckets: { raw: buckets.raw.name, clean: buckets.clean.name, curated: buckets.curated.name },
      workgroup: workgroup.name,
      dataClasses: Object.fromEntries(tables.map((table) => [tableName(table), lakeFormationTags(table)])),
    });
    this.#nodes = {
      rawBucket: buckets.raw.bucket,
      cleanBucket: buckets.clean.bucket,
      curatedBucket: buckets.curated.bucket,
      workspaceBucket: buckets.workspace.bucket,
      workgroup,
      ...serving.nodes,
      cleanJob: clean,
      curateJob: curate,
      ...(traits === undefined ? {} : { traitsJob: traits }),
    };
    this.registerOutputs({
      rawBucketName: buckets.raw.name,
      cleanBucketName: buckets.clean.name,
      curatedBucketName: buckets.curated.name,
      workgroupName: this.workgroupName,
      ...(this.nightlyPipelineArn && { nightlyPipelineArn: this.nightlyPipelineArn }),
    });
  }

  /** The nightly state machine; undefined while it is left for later. */
  get nightlyPipelineArn(): pulumi.Output<string> | undefined {
    return this.#nightly?.machine.arn;
  }

  /** The `lake` part of the platform's contract; without a pipeline while that is left for later. */
  get contract(): LakeContract {
    return this.#contractWith(this.#nightly ? { nightly: this.#nightly.machine.arn } : {});
  }

  /** The raw children. */
  get nodes(): DataLakeNodes {
    const { machine, schedule } = this.#nightly ?? {};
    return {
      ...this.#nodes,
      ...(machine && { nightlyPipeline: machine }),
      ...(schedule && { nightlySchedule: schedule }),
    };
  }

  /**
   * Makes the nightly pipeline of a lake with `nightly: "later"`, once what it runs is there: matching needs the lake, and the
   * pipeline needs matching.
   *
   * ```ts
   * lake.runNightly({ schedule: { expression: "cron(0 3 * * ? *)" }, match: identities.matchPipeline });
   * ```
   * @throws where the pipeline is there already, and `InputPropertiesError` with every fault of the arguments
   */
  runNightly(args: NightlyArgs): void {
    if (this.#nightly !== undefined) {
      const why = this.#later
        ? "runNightly was called before: call it once, with everything"
        : `it was made by the constructor: give the constructor nightly: "later", and runNightly everything else`;
      throw new Error(`DataLake "${this.#name}" has its nightly pipeline already; ${why}.`);
    }
    this.#makeNightly(normalizeNightly(this.#name, args));
  }

  #makeNightly({ schedule, match, steps }: ResolvedNightly): void {
    const name = `${this.#name}-nightly`;
    const { foundation } = this.#pipeline;
    const machine = makePipeline(name, { ...this.#pipeline, match, steps }, this.child());
    this.#nightly = {
      machine,
      schedule: schedule && scheduleStateMachine(`${name}-schedule`, { foundation, machine, schedule }, this.child()),
    };
  }

  /**
   * Lets a role that exists query exactly some tables and views in the workgroup, and read their files. The argument
   * `readers` is the same.
   * @param label what the policy is called after, such as `notebooks`
   */
  grantTableRead(label: string, reader: ReaderArgs): iam.RolePolicy {
    validate(`DataLake "${this.#name}".grantTableRead`, readerFaults(label, reader, this.#reading.plan));
    return grantReader(`${this.#name}-reader-${label}`, reader, this.#reading, this.child());
  }

  #makeJob(
    name: string,
    job: JobName,
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
        iceberg: context.iceberg,
        databases: context.databases,
        bucket: context.buckets.workspace,
        rawBucket: context.buckets.raw,
        unreadable: context.unreadable,
        keyArn: context.foundation.keyArn,
        tags: context.tags,
      },
      this.child(),
    );
    return makeJob(name, { job, from, to, scripts, description }, context, this.child()).job;
  }
}
