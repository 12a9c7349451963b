import * as cloudwatch from "@pulumi/aws/cloudwatch";
import * as scheduler from "@pulumi/aws/scheduler";
import * as transfer from "@pulumi/aws/transfer";
import type { Resource } from "@pulumi/pulumi";
import * as pulumi from "@pulumi/pulumi";
import { DeadLetterQueue, grantStatements, ServiceRole, tagsFor } from "@tributary/core";
import { failureNotice } from "../resources/failure-notice";
import type { SftpPullArgs } from "./sftp";
import type { SourceContext } from "./source";

/** Of connectors; they have policies of their own. */
const securityPolicyName = "TransferSFTPConnectorSecurityPolicy-2024-03";

/** A connector to the partner's server, and a schedule that has it fetch the files. */
export function makeSftpPull(args: SftpPullArgs, context: SourceContext): Record<string, Resource> {
  const { name, id, foundation, module, place, opts } = context;
  const { bucket, folder } = context.landing();
  const pull = `${name}-${id}-sftp-pull`;
  const role = new ServiceRole(pull, { service: "transfer.amazonaws.com", foundation }, opts);
  const access = grantStatements(role, "fetch", [
    {
      sid: "Land",
      actions: ["s3:PutObject", "s3:GetObject"],
      resources: [pulumi.interpolate`${bucket.arn}/${folder(id)}*`],
    },
    { sid: "Place", actions: ["s3:GetBucketLocation"], resources: [bucket.arn] },
    { sid: "Credentials", actions: ["secretsmanager:GetSecretValue"], resources: [args.secretArn] },
    {
      sid: "Key",
      actions: ["kms:Decrypt", "kms:GenerateDataKey"],
      resources: [foundation.keyArn, ...(args.secretKeyArn === undefined ? [] : [args.secretKeyArn])],
    },
  ]);
  const logGroup = new cloudwatch.LogGroup(
    pull,
    {
      namePrefix: "/aws/transfer/",
      kmsKeyId: foundation.keyArn,
      retentionInDays: foundation.logRetentionDays,
      tags: tagsFor(foundation, module),
    },
    opts,
  );
  const logRole = new ServiceRole(`${pull}-log`, { service: "transfer.amazonaws.com", foundation }, opts);
  const logAccess = grantStatements(logRole, "write", [
    {
      actions: ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
      resources: [pulumi.interpolate`${logGroup.arn}:*`],
    },
  ]);
  const connector = new transfer.Connector(
    pull,
    {
      url: args.url,
      accessRole: role.arn,
      loggingRole: logRole.arn,
      securityPolicyName,
      sftpConfig: { userSecretId: args.secretArn, trustedHostKeys: [...args.hostKeys] },
      tags: tagsFor(foundation, module, "personal"),
    },
    pulumi.mergeOptions(opts, { dependsOn: [access, logAccess] }),
  );
  const schedule = makeSchedule(pull, args, connector, context);
  failureNotice(
    `${pull}-failed`,
    {
      foundation,
      module,
      description: `A file of source ${id} could not be fetched from the partner's SFTP server; the event says why.`,
      pattern: pulumi.jsonStringify({
        source: ["aws.transfer"],
        "detail-type": ["SFTP Connector File Retrieve Failed"],
        account: [place.accountId],
        detail: { "connector-id": [connector.id] },
      }),
    },
    opts,
  );
  return { connector, schedule };
}

function makeSchedule(
  pull: string,
  { paths, schedule }: SftpPullArgs,
  connector: transfer.Connector,
  { foundation, landing, id, opts }: SourceContext,
): scheduler.Schedule {
  const { bucket, folder } = landing();
  const deadLetters = new DeadLetterQueue(`${pull}-dead-letters`, { foundation, of: `schedule ${pull}` }, opts);
  const role = new ServiceRole(`${pull}-start`, { service: "scheduler.amazonaws.com", foundation }, opts);
  const policy = grantStatements(role, "run", [
    { sid: "Start", actions: ["transfer:StartFileTransfer"], resources: [connector.arn] },
    { sid: "DeadLetter", actions: ["sqs:SendMessage"], resources: [deadLetters.arn] },
    { sid: "Key", actions: ["kms:Decrypt", "kms:GenerateDataKey"], resources: [foundation.keyArn] },
  ]);
  return new scheduler.Schedule(
    pull,
    {
      scheduleExpression: schedule,
      flexibleTimeWindow: { mode: "OFF" },
      kmsKeyArn: foundation.keyArn,
      target: {
        // A universal target: the call itself, without a function in between.
        arn: "arn:aws:scheduler:::aws-sdk:transfer:startFileTransfer",
        roleArn: role.arn,
        input: pulumi.jsonStringify({
          ConnectorId: connector.id,
          RetrieveFilePaths: paths,
          LocalDirectoryPath: pulumi.interpolate`/${bucket.name}/${folder(id).replace(/\/$/, "")}`,
        }),
        retryPolicy: { maximumRetryAttempts: 10, maximumEventAgeInSeconds: 3600 },
        deadLetterConfig: { arn: deadLetters.arn },
      },
    },
    pulumi.mergeOptions(opts, { dependsOn: [policy] }),
  );
}
