import * as iam from "@pulumi/aws/iam";
import * as pulumi from "@pulumi/pulumi";
import type { BucketRef, Place, Statement } from "@tributary/core";
import { policyDocument } from "@tributary/core";
import { tableName } from "@tributary/model";
import type { ReaderArgs } from "../serving/args";
import { readThrough, type ViewPlan } from "../serving/plan";
import { qualityReports } from "../serving/quality-reports";
import type { Zone } from "../tables";
import { tablePrefix } from "./catalog";
import { qualityPrefix } from "./scripts";
import { resultsPrefix } from "./workgroup";

/** What reading tables takes to know of a lake. */
export interface ReadContext {
  readonly place: Place;
  readonly databases: Readonly<Record<Zone, string>>;
  readonly buckets: Readonly<Record<Zone | "workspace", { readonly ref: BucketRef }>>;
  readonly plan: ViewPlan;
  /** Tables that are Iceberg, whose files lie apart. */
  readonly iceberg: ReadonlySet<string>;
  readonly keyArn: pulumi.Input<string>;
  readonly workgroupArn: pulumi.Input<string>;
  readonly workspaceName: pulumi.Output<string>;
}

/** Reading exactly these tables and views, their files included: no Athena, no other table. */
export function tableReadStatements(tables: readonly string[], context: ReadContext): Statement[] {
  const { place, databases, buckets, plan } = context;
  const catalog = pulumi.interpolate`arn:${place.partition}:glue:${place.region}:${place.accountId}`;
  const read = readThrough(tables, plan);
  const named = [...read.tables, ...read.views];
  const zonesOf = (names: readonly string[]): Zone[] => [...new Set(names.map((name) => name.split(".")[0] as Zone))];
  const places = read.tables.map((name) => {
    const [zone, table = ""] = name.split(".") as [Zone, string];
    return name === tableName(qualityReports)
      ? { bucket: buckets.workspace.ref, prefix: qualityPrefix }
      : { bucket: buckets[zone].ref, prefix: tablePrefix({ zone, name: table }, context.iceberg) };
  });
  const byBucket = new Map<BucketRef, string[]>();
  for (const { bucket, prefix } of places) byBucket.set(bucket, [...(byBucket.get(bucket) ?? []), prefix]);
  return [
    {
      sid: "ReadCatalog",
      actions: [
        "glue:GetDatabase",
        "glue:GetTable",
        "glue:GetPartition",
        "glue:GetPartitions",
        "glue:BatchGetPartition",
      ],
      resources: [
        pulumi.interpolate`${catalog}:catalog`,
        ...zonesOf(named).map((zone) => pulumi.interpolate`${catalog}:database/${databases[zone]}`),
        ...named.map((name) => {
          const [zone, table] = name.split(".") as [Zone, string];
          return pulumi.interpolate`${catalog}:table/${databases[zone]}/${table}`;
        }),
      ],
    },
    {
      sid: "ReadFiles",
      actions: ["s3:GetObject"],
      resources: places.map(({ bucket, prefix }) => pulumi.interpolate`${bucket.arn}/${prefix}*`),
    },
    ...[...byBucket].map(
      ([bucket, prefixes], index): Statement => ({
        sid: `ListFiles${index + 1}`,
        actions: ["s3:ListBucket"],
        resources: [bucket.arn],
        conditions: { StringLike: { "s3:prefix": prefixes.flatMap((prefix) => [prefix, `${prefix}*`]) } },
      }),
    ),
    { sid: "ReadKey", actions: ["kms:Decrypt", "kms:DescribeKey"], resources: [context.keyArn] },
  ];
}

/** Asking questions in the workgroup, and reading the answers. */
export function queryStatements(context: ReadContext): Statement[] {
  const { bucket, results } = { bucket: context.buckets.workspace.ref, results: resultsPrefix };
  return [
    {
      sid: "Query",
      actions: [
        "athena:StartQueryExecution",
        "athena:StopQueryExecution",
        "athena:GetQueryExecution",
        "athena:GetQueryResults",
        "athena:GetQueryResultsStream",
        "athena:GetWorkGroup",
        "athena:ListNamedQueries",
        "athena:GetNamedQuery",
        "athena:BatchGetNamedQuery",
      ],
      resources: [context.workgroupArn],
    },
    {
      sid: "Results",
      actions: ["s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"],
      resources: [pulumi.interpolate`${bucket.arn}/${results}*`],
    },
    {
      sid: "ResultsBucket",
      actions: ["s3:GetBucketLocation", "s3:ListBucketMultipartUploads"],
      resources: [bucket.arn],
    },
    { sid: "ResultsKey", actions: ["kms:GenerateDataKey"], resources: [context.keyArn] },
  ];
}

/** Lets a role that exists query some tables, and read their files. */
export function grantReader(
  name: string,
  reader: ReaderArgs,
  context: ReadContext,
  opts: pulumi.CustomResourceOptions,
): iam.RolePolicy {
  return new iam.RolePolicy(
    name,
    {
      role: reader.roleName,
      policy: policyDocument([...tableReadStatements(reader.tables, context), ...queryStatements(context)]),
    },
    opts,
  );
}
