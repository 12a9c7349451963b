import type * as cloudwatch from "@pulumi/aws/cloudwatch";
import * as iam from "@pulumi/aws/iam";
import * as pulumi from "@pulumi/pulumi";
import type { Place } from "./component";
import type { FoundationRef } from "./foundation";
import type { Statement } from "./policy";
import { policyDocument, serviceTrust } from "./policy";
import type { QueueRef } from "./refs";

interface FunctionRoleArgs {
  readonly foundation: FoundationRef;
  readonly place: Place;
  readonly logGroup: cloudwatch.LogGroup;
  readonly deadLetters: QueueRef;
  readonly inNetwork: boolean;
  readonly tags: Record<string, string>;
}

/** A role for one AWS service, with the foundation's permissions boundary; nobody else's resources may assume it. */
export function serviceRole(
  name: string,
  args: {
    readonly service: pulumi.Input<string>;
    readonly foundation: FoundationRef;
    readonly place: Place;
    readonly tags: Record<string, string>;
  },
  opts: pulumi.CustomResourceOptions,
): iam.Role {
  return new iam.Role(
    name,
    {
      assumeRolePolicy: serviceTrust(args.service, args.place.accountId),
      ...(args.foundation.permissionsBoundaryArn === undefined
        ? {}
        : { permissionsBoundary: args.foundation.permissionsBoundaryArn }),
      tags: args.tags,
    },
    opts,
  );
}

/** A function's role with what every function needs: its log group, tracing, its dead letters, its network interface. */
export function functionRole(
  name: string,
  args: FunctionRoleArgs,
  opts: pulumi.CustomResourceOptions,
): { readonly role: iam.Role; readonly policy: iam.RolePolicy } {
  const role = serviceRole(name, { ...args, service: "lambda.amazonaws.com" }, opts);
  const policy = new iam.RolePolicy(
    `${name}-base`,
    { role: role.name, policy: policyDocument(baseStatements(args)) },
    opts,
  );
  return { role, policy };
}

function baseStatements(args: FunctionRoleArgs): Statement[] {
  return [
    {
      sid: "Log",
      actions: ["logs:CreateLogStream", "logs:PutLogEvents"],
      resources: [pulumi.interpolate`${args.logGroup.arn}:*`],
    },
    {
      sid: "Trace",
      actions: ["xray:PutTraceSegments", "xray:PutTelemetryRecords"],
      resources: ["*"],
    },
    { sid: "DeadLetter", actions: ["sqs:SendMessage"], resources: [args.deadLetters.arn] },
    { sid: "Key", actions: ["kms:Decrypt", "kms:GenerateDataKey"], resources: [args.foundation.keyArn] },
    ...(args.inNetwork
      ? [
          {
            sid: "NetworkInterface",
            actions: [
              "ec2:CreateNetworkInterface",
              "ec2:DescribeNetworkInterfaces",
              "ec2:DescribeSubnets",
              "ec2:DeleteNetworkInterface",
              "ec2:AssignPrivateIpAddresses",
              "ec2:UnassignPrivateIpAddresses",
            ],
            resources: ["*"],
          },
        ]
      : []),
  ];
}
