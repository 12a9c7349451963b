import { join } from "node:path";
import type * as sfn from "@pulumi/aws/sfn";
import * as pulumi from "@pulumi/pulumi";
import {
  type FoundationRef,
  grantBucketRead,
  grantTableActions,
  handlerBundle,
  LambdaFunction,
  type Place,
  type SegmentsRef,
  type Statement,
  standardStateMachine,
  tagsFor,
} from "@tributary/core";
import type { ResolvedActivation } from "../normalize";
import { type ComputedStores, grantSettle, settleEnvironment } from "./computed-stores";
import { segmentsDefinition } from "./segment-states";

/**
 * What imports segments by SQL: a state machine that asks the lake for their members, and the function that brings the
 * audiences to that. The lake's nightly pipeline runs it after the segments are made.
 */
export function makeSegmentImport(
  name: string,
  args: {
    readonly foundation: FoundationRef;
    readonly place: Place;
    readonly module: string;
    readonly segments: SegmentsRef;
    readonly stores: ComputedStores;
    readonly resolved: ResolvedActivation;
  },
  opts: pulumi.CustomResourceOptions,
): { readonly importer: LambdaFunction; readonly machine: sfn.StateMachine } {
  const { foundation, place, module, segments, stores, resolved } = args;
  const { members, workgroup } = segments;
  const importer = new LambdaFunction(
    `${name}-segment-importer`,
    {
      foundation,
      bundle: handlerBundle(join(__dirname, ".."), "segment-importer"),
      calls: ["dynamodb", "s3"],
      description: "Brings the audiences that are segments by SQL to what the lake says.",
      environment: settleEnvironment(stores),
      config: resolved.computed,
      memoryMb: 1024,
      timeoutSeconds: 900,
    },
    opts,
  );
  // What was begun is noted beside the facts.
  grantSettle(importer, stores, { facts: ["dynamodb:UpdateItem"] });
  grantTableActions(importer, stores.memberships.ref, "members", ["dynamodb:Query"]);
  grantBucketRead(importer, workgroup.results, workgroup.resultsPrefix);
  const names = resolved.sqlAudiences.map((segment) => `'${segment}'`).join(", ");
  const machine = standardStateMachine(
    `${name}-segments`,
    {
      foundation,
      module,
      tags: tagsFor(foundation, module, "personal"),
      definition: segmentsDefinition({
        partition: place.partition,
        workgroup: workgroup.name,
        query: pulumi.interpolate`SELECT segment, profile_id FROM "${members.database}"."${members.table}" WHERE segment IN (${names})`,
        importerArn: importer.arn,
      }),
      statements: [
        { sid: "Import", actions: ["lambda:InvokeFunction"], resources: [importer.arn] },
        // Its own state is encrypted.
        { sid: "State", actions: ["kms:Decrypt", "kms:GenerateDataKey"], resources: [foundation.keyArn] },
        ...askStatements(place, segments),
      ],
      notice: true,
      failure: "audiences by SQL are as of the last good import.",
    },
    opts,
  );
  return { importer, machine };
}

/** What asking the lake takes: Athena reads the table and writes its answer in the name of who asks. */
function askStatements(place: Place, { members, workgroup }: SegmentsRef): Statement[] {
  const { results, resultsPrefix } = workgroup;
  const glue = pulumi.interpolate`arn:${place.partition}:glue:${place.region}:${place.accountId}`;
  return [
    {
      sid: "Ask",
      actions: ["athena:StartQueryExecution", "athena:GetQueryExecution", "athena:StopQueryExecution"],
      resources: [workgroup.arn],
    },
    {
      sid: "ReadCatalog",
      actions: ["glue:GetDatabase", "glue:GetTable", "glue:GetPartitions"],
      resources: [
        pulumi.interpolate`${glue}:catalog`,
        pulumi.interpolate`${glue}:database/${members.database}`,
        pulumi.interpolate`${glue}:table/${members.database}/${members.table}`,
      ],
    },
    {
      sid: "ReadFiles",
      actions: ["s3:GetObject"],
      resources: [pulumi.interpolate`${members.bucket.arn}/${members.prefix}*`],
    },
    {
      sid: "ListFiles",
      actions: ["s3:ListBucket"],
      resources: [members.bucket.arn],
      conditions: { StringLike: { "s3:prefix": [members.prefix, `${members.prefix}*`] } },
    },
    {
      sid: "WriteAnswer",
      actions: ["s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"],
      resources: [pulumi.interpolate`${results.arn}/${resultsPrefix}*`],
    },
    {
      sid: "AnswersBucket",
      actions: ["s3:GetBucketLocation", "s3:ListBucketMultipartUploads"],
      resources: [results.arn],
    },
    {
      sid: "Keys",
      actions: ["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"],
      resources: [results.keyArn, members.bucket.keyArn],
    },
  ];
}
