import * as cloudwatch from "@pulumi/aws/cloudwatch";
import type * as sfn from "@pulumi/aws/sfn";
import type { Resource } from "@pulumi/pulumi";
import * as pulumi from "@pulumi/pulumi";
import {
  failureNotice,
  grantStatements,
  ruleDeadLetters,
  ServiceRole,
  standardStateMachine,
  tagsFor,
} from "@tributary/core";
import type { DatabaseSnapshotsSource } from "./database-snapshots";
import type { SourceContext } from "./source";

/** What RDS announces of an automated snapshot that is there, and of an export that failed. */
const announced = {
  instance: { detailType: "RDS DB Snapshot Event", created: "RDS-EVENT-0091" },
  cluster: { detailType: "RDS DB Cluster Snapshot Event", created: "RDS-EVENT-0169" },
} as const;

/** A rule on the snapshots of the database, and a state machine that has each exported to the source's folder. */
export function makeSnapshotExport(args: DatabaseSnapshotsSource, context: SourceContext): Record<string, Resource> {
  const { name, id, foundation, module, opts } = context;
  const label = `${name}-${id}-snapshots`;
  const tags = tagsFor(foundation, module);
  const machine = makeMachine(label, args, context, tags);
  const { detailType, created } = announced[args.of];
  const rule = new cloudwatch.EventRule(
    label,
    {
      description: `Automated snapshots of the database of source ${id}`,
      eventPattern: pulumi.jsonStringify({
        source: ["aws.rds"],
        "detail-type": [detailType],
        detail: { EventID: [created], SourceIdentifier: [{ prefix: pulumi.interpolate`rds:${args.database}-` }] },
      }),
      tags,
    },
    opts,
  );
  const deadLetters = ruleDeadLetters(label, rule, foundation, opts);
  const starter = new ServiceRole(`${label}-start`, { service: "events.amazonaws.com", foundation }, opts);
  const policy = grantStatements(starter, "run", [{ actions: ["states:StartExecution"], resources: [machine.arn] }]);
  new cloudwatch.EventTarget(
    label,
    { rule: rule.name, arn: machine.arn, roleArn: starter.arn, deadLetterConfig: { arn: deadLetters.arn } },
    pulumi.mergeOptions(opts, { dependsOn: [policy] }),
  );
  failureNotice(
    `${label}-failed`,
    {
      foundation,
      module,
      description: `A snapshot of the database of source ${id} could not be exported; the event says why.`,
      pattern: pulumi.jsonStringify({
        source: ["aws.rds"],
        // Export task failed, of a snapshot and of a cluster's.
        detail: {
          EventID: ["RDS-EVENT-0159", "RDS-EVENT-0162"],
          SourceIdentifier: [{ prefix: pulumi.interpolate`rds:${args.database}-` }],
        },
      }),
    },
    opts,
  );
  return { rule, machine };
}

function makeMachine(
  label: string,
  { tables }: DatabaseSnapshotsSource,
  context: SourceContext,
  tags: Record<string, string>,
): sfn.StateMachine {
  const { id, foundation, module, landing, place, opts } = context;
  const { bucket, folder } = landing();
  const exporter = new ServiceRole(`${label}-export`, { service: "export.rds.amazonaws.com", foundation }, opts);
  const objects = pulumi.interpolate`${bucket.arn}/${folder(id)}*`;
  const write = grantStatements(exporter, "write", [
    { actions: ["s3:PutObject", "s3:GetObject", "s3:DeleteObject"], resources: [objects] },
    { actions: ["s3:ListBucket", "s3:GetBucketLocation"], resources: [bucket.arn] },
    { actions: ["kms:Decrypt", "kms:GenerateDataKey", "kms:DescribeKey"], resources: [foundation.keyArn] },
  ]);
  const snapshots = (kind: string) =>
    pulumi.interpolate`arn:${place.partition}:rds:${place.region}:${place.accountId}:${kind}:*`;
  return standardStateMachine(
    label,
    {
      foundation,
      module,
      tags,
      statements: [
        {
          sid: "Export",
          actions: ["rds:StartExportTask"],
          resources: [snapshots("snapshot"), snapshots("cluster-snapshot")],
        },
        {
          sid: "AsExporter",
          actions: ["iam:PassRole"],
          resources: [exporter.arn],
          conditions: { StringEquals: { "iam:PassedToService": "export.rds.amazonaws.com" } },
        },
        // The export takes the key for as long as it runs.
        {
          sid: "Key",
          actions: ["kms:CreateGrant", "kms:DescribeKey", "kms:Decrypt", "kms:GenerateDataKey"],
          resources: [foundation.keyArn],
        },
      ],
      failure: `the export of a snapshot of source ${id} was not started; the execution says why.`,
      dependsOn: [write],
      definition: pulumi.jsonStringify({
        Comment: "Has a snapshot exported to the landing bucket",
        StartAt: "Export",
        States: {
          Export: {
            Type: "Task",
            Resource: pulumi.interpolate`arn:${place.partition}:states:::aws-sdk:rds:startExportTask`,
            Parameters: {
              // At most 60 characters, another for each snapshot.
              "ExportTaskIdentifier.$": "States.Format('tributary-{}', States.UUID())",
              "SourceArn.$": "$.detail.SourceArn",
              S3BucketName: bucket.name,
              S3Prefix: folder(id).replace(/\/$/, ""),
              IamRoleArn: exporter.arn,
              KmsKeyId: foundation.keyArn,
              ExportOnly: Object.keys(tables),
            },
            // Five exports run at a time in an account: the sixth waits.
            Retry: [{ ErrorEquals: ["States.ALL"], IntervalSeconds: 60, MaxAttempts: 8, BackoffRate: 2 }],
            Catch: [{ ErrorEquals: ["States.ALL"], ResultPath: "$.error", Next: "Failed" }],
            Next: "Started",
          },
          Started: { Type: "Succeed" },
          Failed: { Type: "Fail", ErrorPath: "$.error.Error", CausePath: "$.error.Cause" },
        },
      }),
    },
    opts,
  );
}
