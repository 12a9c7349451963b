import { createHash } from "node:crypto";
import * as cloudwatch from "@pulumi/aws/cloudwatch";
import * as transfer from "@pulumi/aws/transfer";
import type { Resource } from "@pulumi/pulumi";
import * as pulumi from "@pulumi/pulumi";
import { failureNotice, grantStatements, ServiceRole, tagsFor } from "@tributary/core";
import type { SftpServerArgs } from "./sftp";
import type { SourceContext } from "./source";

/** Ciphers and key exchanges of 2025 (post-quantum hybrid ones among them); AWS's default is of 2018. */
const securityPolicyName = "TransferSecurityPolicy-2025-03";

/** A Transfer Family server, if none is given, and its users, each at home in the source's folder and nowhere else. */
export function makeSftpServer(args: SftpServerArgs, context: SourceContext): Record<string, Resource> {
  const { name, id, foundation, module, opts } = context;
  const server = args.existing === undefined ? makeServer(context) : undefined;
  const serverId = server?.id ?? pulumi.output(args.existing ?? "");
  const { bucket, folder } = context.landing();
  const home = `${name}-${id}-sftp-user`;
  const role = new ServiceRole(home, { service: "transfer.amazonaws.com", foundation }, opts);
  const objects = pulumi.interpolate`${bucket.arn}/${folder(id)}*`;
  const policy = grantStatements(role, "home", [
    // Clients rename what they have sent: that is a copy and a removal.
    { sid: "Files", actions: ["s3:PutObject", "s3:GetObject", "s3:DeleteObject"], resources: [objects] },
    {
      sid: "Folder",
      actions: ["s3:ListBucket"],
      resources: [bucket.arn],
      conditions: { StringLike: { "s3:prefix": [folder(id), `${folder(id)}*`, folder(id).slice(0, -1)] } },
    },
    { sid: "Place", actions: ["s3:GetBucketLocation"], resources: [bucket.arn] },
    { sid: "Key", actions: ["kms:Decrypt", "kms:GenerateDataKey"], resources: [foundation.keyArn] },
  ]);
  const tags = tagsFor(foundation, module, "personal");
  const users = Object.entries(args.users).map(([userName, { publicKeys }]) => {
    const user = new transfer.User(
      `${name}-${id}-${userName}`,
      {
        serverId,
        userName,
        role: role.arn,
        homeDirectoryType: "LOGICAL",
        homeDirectoryMappings: [
          { entry: "/", target: pulumi.interpolate`/${bucket.name}/${folder(id).replace(/\/$/, "")}` },
        ],
        tags,
      },
      pulumi.mergeOptions(opts, { dependsOn: [policy] }),
    );
    for (const body of publicKeys) {
      const print = createHash("sha256").update(body).digest("hex").slice(0, 8);
      new transfer.SshKey(
        `${name}-${id}-${userName}-${print}`,
        { serverId, userName: user.userName, body },
        pulumi.mergeOptions(opts, { dependsOn: [user] }),
      );
    }
    return [`user-${userName}`, user] as const;
  });
  return { ...(server ? { server } : {}), ...Object.fromEntries(users) };
}

function makeServer({ name, id, foundation, module, opts }: SourceContext): transfer.Server {
  const server = `${name}-${id}-sftp`;
  const tags = tagsFor(foundation, module);
  const logGroup = new cloudwatch.LogGroup(
    server,
    {
      namePrefix: "/aws/transfer/",
      kmsKeyId: foundation.keyArn,
      retentionInDays: foundation.logRetentionDays,
      tags,
    },
    opts,
  );
  const role = new ServiceRole(`${server}-log`, { service: "transfer.amazonaws.com", foundation }, opts);
  const policy = grantStatements(role, "write", [
    {
      actions: ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
      resources: [pulumi.interpolate`${logGroup.arn}:*`],
    },
  ]);
  const made = new transfer.Server(
    server,
    {
      domain: "S3",
      protocols: ["SFTP"],
      endpointType: "PUBLIC",
      identityProviderType: "SERVICE_MANAGED",
      securityPolicyName,
      loggingRole: role.arn,
      structuredLogDestinations: [pulumi.interpolate`${logGroup.arn}:*`],
      s3StorageOptions: { directoryListingOptimization: "ENABLED" },
      tags: tagsFor(foundation, module, "personal"),
    },
    pulumi.mergeOptions(opts, { dependsOn: [policy] }),
  );
  failureNotice(
    `${server}-failed`,
    {
      foundation,
      module,
      description: `An upload to the SFTP server of source ${id} failed; the event says whose and why.`,
      pattern: pulumi.jsonStringify({
        source: ["aws.transfer"],
        "detail-type": ["SFTP Server File Upload Failed"],
        detail: { "server-id": [made.id] },
      }),
    },
    opts,
  );
  return made;
}
