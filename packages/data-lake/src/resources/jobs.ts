import * as cloudwatch from "@pulumi/aws/cloudwatch";
import * as glue from "@pulumi/aws/glue";
import * as pulumi from "@pulumi/pulumi";
import type { Place, SecureBucket, Statement, Transform } from "@tributary/core";
import {
  alarm,
  applyTransform,
  type FoundationRef,
  grantBucketDelete,
  grantBucketRead,
  grantBucketWrite,
  grantStatements,
  ServiceRole,
} from "@tributary/core";
import type { LakeTable } from "@tributary/model";
import type { UnreadableAction } from "../args";
import { dataLakeDefaults } from "../defaults";
import type { Zone } from "../tables";
import { catalogArns, icebergPrefix } from "./catalog";
import type { JobScripts } from "./scripts";
import {
  bookmarksPrefix,
  icebergCatalog,
  qualityMetrics,
  qualityPrefix,
  scriptsPrefix,
  unreadablePrefix,
} from "./scripts";

/** What all jobs of a lake share. */
export interface JobContext {
  readonly foundation: FoundationRef;
  readonly place: Place;
  readonly databases: Readonly<Record<Zone, string>>;
  readonly tables: readonly LakeTable[];
  /** Tables that are Iceberg. */
  readonly iceberg: ReadonlySet<string>;
  readonly buckets: Readonly<Record<Zone | "workspace", SecureBucket>>;
  readonly securityConfiguration: glue.SecurityConfiguration;
  /** What becomes of raw files that cannot be read. */
  readonly unreadable: UnreadableAction;
  readonly workers: number;
  readonly timeoutMinutes: number;
  readonly tags: Record<string, string>;
  readonly transform: Transform<glue.JobArgs> | undefined;
}

export interface JobArgs {
  /** `clean`, `curate`. */
  readonly job: string;
  readonly from: Zone;
  readonly to: Zone;
  readonly scripts: JobScripts;
  readonly description: string;
}

/** Encrypts what a job writes, logs and remembers with the foundation's key. */
export function makeSecurityConfiguration(
  name: string,
  keyArn: pulumi.Input<string>,
  opts: pulumi.CustomResourceOptions,
): glue.SecurityConfiguration {
  return new glue.SecurityConfiguration(
    name,
    {
      encryptionConfiguration: {
        s3Encryption: { s3EncryptionMode: "SSE-KMS", kmsKeyArn: keyArn },
        cloudwatchEncryption: { cloudwatchEncryptionMode: "SSE-KMS", kmsKeyArn: keyArn },
        jobBookmarksEncryption: { jobBookmarksEncryptionMode: "CSE-KMS", kmsKeyArn: keyArn },
      },
    },
    opts,
  );
}

/** A Glue job with its own role, which reads one zone and writes one. */
export function makeJob(
  name: string,
  args: JobArgs,
  context: JobContext,
  opts: pulumi.CustomResourceOptions,
): { readonly job: glue.Job; readonly role: ServiceRole } {
  const { foundation, tags } = context;
  const fullName = `${name}-${args.job}`;
  const role = new ServiceRole(fullName, { service: "glue.amazonaws.com", foundation }, opts);
  const logGroup = new cloudwatch.LogGroup(
    fullName,
    { kmsKeyId: foundation.keyArn, retentionInDays: foundation.logRetentionDays, tags },
    opts,
  );
  grantJob(role, logGroup, args, context);
  const defaults: glue.JobArgs = {
    roleArn: role.arn,
    command: { name: "glueetl", pythonVersion: "3", scriptLocation: args.scripts.driver },
    description: args.description,
    glueVersion: dataLakeDefaults.glueVersion,
    workerType: dataLakeDefaults.workerType,
    numberOfWorkers: context.workers,
    // Spare capacity at a third off: nobody waits for a nightly job.
    executionClass: "FLEX",
    timeout: context.timeoutMinutes,
    maxRetries: 0,
    jobRunQueuingEnabled: false,
    executionProperty: { maxConcurrentRuns: 1 },
    defaultArguments: {
      "--manifest": args.scripts.manifest,
      "--extra-py-files": args.scripts.library,
      "--enable-glue-datacatalog": "true",
      "--enable-metrics": "true",
      "--enable-observability-metrics": "true",
      "--enable-continuous-cloudwatch-log": "true",
      "--continuous-log-logGroup": logGroup.name,
      "--job-bookmark-option": "job-bookmark-disable",
      "--TempDir": pulumi.interpolate`s3://${context.buckets.workspace.name}/scratch/${args.job}/`,
      ...(args.to === "curated" && context.iceberg.size > 0 ? icebergArguments(context) : {}),
    },
    tags,
  };
  const job = new glue.Job(
    fullName,
    {
      ...applyTransform(defaults, context.transform),
      roleArn: role.arn,
      securityConfiguration: context.securityConfiguration.name,
    },
    opts,
  );
  if (setsAside(args, context)) {
    alarm(
      `${fullName}-files-set-aside`,
      {
        foundation,
        module: "data-lake",
        description: `${fullName}: files of the raw zone cannot be read, so their rows are missing. They are in the raw bucket under ${unreadablePrefix}, each with the reason beside it: mend them, put them back, and their days are made again.`,
        ...qualityMetrics(name),
        metric: "FilesSetAside",
        statistic: "Sum",
        above: 0,
        periodSeconds: 300,
      },
      opts,
    );
  }
  return { job, role };
}

/**
 * What AWS documents for Iceberg tables of the Data Catalog: a catalog of its own beside Spark's, so that other tables are
 * read as before (https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-etl-format-iceberg.html).
 */
function icebergArguments({ buckets, foundation }: JobContext): Record<string, pulumi.Input<string>> {
  const catalog = `spark.sql.catalog.${icebergCatalog}`;
  const settings = [
    "spark.sql.extensions=org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions",
    `${catalog}=org.apache.iceberg.spark.SparkCatalog`,
    pulumi.interpolate`${catalog}.warehouse=s3://${buckets.curated.name}/${icebergPrefix}`,
    `${catalog}.catalog-impl=org.apache.iceberg.aws.glue.GlueCatalog`,
    `${catalog}.io-impl=org.apache.iceberg.aws.s3.S3FileIO`,
    `${catalog}.s3.sse.type=kms`,
    pulumi.interpolate`${catalog}.s3.sse.key=${foundation.keyArn}`,
  ];
  // One argument carries all: what follows the first is set off by --conf.
  return { "--datalake-formats": "iceberg", "--conf": pulumi.all(settings).apply((each) => each.join(" --conf ")) };
}

/** Whether a job moves raw files that it cannot read out of its way. */
const setsAside = ({ from }: JobArgs, { unreadable }: JobContext): boolean =>
  from === "raw" && unreadable === "setAside";

function grantJob(grantee: ServiceRole, logGroup: cloudwatch.LogGroup, args: JobArgs, context: JobContext): void {
  const { buckets, databases } = context;
  grantBucketRead(grantee, buckets[args.from].ref);
  // A job reads its own zone too: curate builds orders from the order lines that it has just written.
  grantBucketRead(grantee, buckets[args.to].ref);
  grantBucketWrite(grantee, buckets[args.to].ref);
  grantBucketDelete(grantee, buckets[args.to].ref);
  grantBucketRead(grantee, buckets.workspace.ref, scriptsPrefix);
  grantBucketWrite(grantee, buckets.workspace.ref, `${qualityPrefix}${args.job}/`);
  const bookmark = `${bookmarksPrefix}${args.job}.json`;
  grantBucketRead(grantee, buckets.workspace.ref, bookmark);
  grantBucketWrite(grantee, buckets.workspace.ref, bookmark);
  if (setsAside(args, context)) {
    grantBucketWrite(grantee, buckets.raw.ref, unreadablePrefix);
    grantBucketDelete(grantee, buckets.raw.ref);
  }
  grantBucketRead(grantee, buckets.workspace.ref, `scratch/${args.job}/`);
  grantBucketWrite(grantee, buckets.workspace.ref, `scratch/${args.job}/`);
  grantBucketDelete(grantee, buckets.workspace.ref, `scratch/${args.job}/`);
  grantStatements(grantee, "catalog-and-logs", [
    ...catalogStatements(context.place, databases[args.from], databases[args.to]),
    ...logStatements(context.place, logGroup),
  ]);
}

function catalogStatements(place: Place, from: string, to: string): Statement[] {
  return [
    {
      sid: "ReadCatalog",
      actions: [
        "glue:GetDatabase",
        "glue:GetTable",
        "glue:GetTables",
        "glue:GetPartition",
        "glue:GetPartitions",
        "glue:BatchGetPartition",
      ],
      // Spark asks for the database `default` when it starts.
      resources: catalogArns(place, [from, to, "default"]),
    },
    {
      sid: "KeepPartitions",
      actions: [
        "glue:BatchCreatePartition",
        "glue:BatchDeletePartition",
        "glue:BatchUpdatePartition",
        "glue:CreatePartition",
        "glue:DeletePartition",
        "glue:UpdatePartition",
        "glue:UpdateTable",
      ],
      resources: catalogArns(place, [from, to]),
    },
  ];
}

function logStatements(place: Place, logGroup: cloudwatch.LogGroup): Statement[] {
  return [
    {
      sid: "Log",
      actions: ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents", "logs:AssociateKmsKey"],
      resources: [
        pulumi.interpolate`${logGroup.arn}:*`,
        // Glue names the groups of its own output and errors.
        pulumi.interpolate`arn:${place.partition}:logs:${place.region}:${place.accountId}:log-group:/aws-glue/jobs/*`,
      ],
    },
    {
      sid: "Metrics",
      actions: ["cloudwatch:PutMetricData"],
      resources: ["*"],
      conditions: { StringEquals: { "cloudwatch:namespace": ["Glue", qualityMetrics("").namespace] } },
    },
  ];
}
