import * as cloudwatch from "@pulumi/aws/cloudwatch";
import * as scheduler from "@pulumi/aws/scheduler";
import * as transfer from "@pulumi/aws/transfer";
import type { Resource } from "@pulumi/pulumi";
import * as pulumi from "@pulumi/pulumi";
import { DeadLetterQueue, failureNotice, grantStatements, ServiceRole, tagsFor } from "@tributary/core";
import type { SftpPullArgs } from "./sftp";
import { listingsFolder, makeDirectoryMachine } from "./sftp-directories";
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
      resources: [
        pulumi.interpolate`${bucket.arn}/${folder(id)}*`,
        ...(args.directories ? [pulumi.interpolate`${bucket.arn}/${listingsFolder(id)}/*`] : []),
      ],
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
  const nodes: Record<string, Resource> = { connector };
  if (args.paths) {
    nodes.schedule = makeSchedule(pull, args.schedule, context, {
      // A universal target: the call itself, without a function in between.
      arn: "arn:aws:scheduler:::aws-sdk:transfer:startFileTransfer",
      action: "transfer:StartFileTransfer",
      on: connector.arn,
      input: {
        ConnectorId: connector.id,
        RetrieveFilePaths: args.paths,
        LocalDirectoryPath: pulumi.interpolate`/${bucket.name}/${folder(id).replace(/\/$/, "")}`,
      },
    });
  }
  if (args.directories) {
    const { machine, ledger } = makeDirectoryMachine(pull, args.directories, connector, context);
    nodes.machine = machine;
    nodes.ledger = ledger.table;
    nodes.directorySchedule = makeSchedule(`${pull}-directories`, args.schedule, context, {
      arn: machine.arn,
      action: "states:StartExecution",
      on: machine.arn,
      input: {},
    });
  }
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
  return nodes;
}

/** What a schedule starts: the target, and the one call that its role may make. */
interface Started {
  readonly arn: pulumi.Input<string>;
  readonly action: string;
  readonly on: pulumi.Input<string>;
  readonly input: object;
}

function makeSchedule(
  name: string,
  scheduleExpression: string,
  { foundation, opts }: SourceContext,
  { arn, action, on, input }: Started,
): scheduler.Schedule {
  const deadLetters = new DeadLetterQueue(`${name}-dead-letters`, { foundation, of: `schedule ${name}` }, opts);
  const role = new ServiceRole(`${name}-start`, { service: "scheduler.amazonaws.com", foundation }, opts);
  const policy = grantStatements(role, "run", [
    { sid: "Start", actions: [action], resources: [on] },
    { sid: "DeadLetter", actions: ["sqs:SendMessage"], resources: [deadLetters.arn] },
    { sid: "Key", actions: ["kms:Decrypt", "kms:GenerateDataKey"], resources: [foundation.keyArn] },
  ]);
  return new scheduler.Schedule(
    name,
    {
      scheduleExpression,
      flexibleTimeWindow: { mode: "OFF" },
      kmsKeyArn: foundation.keyArn,
      target: {
        arn,
        roleArn: role.arn,
        input: pulumi.jsonStringify(input),
        retryPolicy: { maximumRetryAttempts: 10, maximumEventAgeInSeconds: 3600 },
        deadLetterConfig: { arn: deadLetters.arn },
      },
    },
    pulumi.mergeOptions(opts, { dependsOn: [policy] }),
  );
}
