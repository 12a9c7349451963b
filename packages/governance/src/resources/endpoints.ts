import * as ec2 from "@pulumi/aws/ec2";
import * as pulumi from "@pulumi/pulumi";
import type { Place, Statement } from "@tributary/core";
import { policyDocument } from "@tributary/core";
import type { EndpointService } from "../args";

interface EndpointArgs {
  readonly place: Place;
  readonly vpcId: pulumi.Input<string>;
  readonly tags: Record<string, string>;
}

/** Item calls of our functions, and the description that the SDK's tools make. */
const dynamodbActions = [
  "dynamodb:BatchGetItem",
  "dynamodb:BatchWriteItem",
  "dynamodb:ConditionCheckItem",
  "dynamodb:DeleteItem",
  "dynamodb:DescribeTable",
  "dynamodb:GetItem",
  "dynamodb:PartiQLInsert",
  "dynamodb:PutItem",
  "dynamodb:Query",
  "dynamodb:Scan",
  "dynamodb:UpdateItem",
];
const s3Actions = ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:ListBucket", "s3:PutObject"];

/** The free gateway endpoints for S3 and DynamoDB; through them, this account's principals reach this account's data. */
export function makeGatewayEndpoints(
  name: string,
  args: EndpointArgs & { readonly routeTableIds: pulumi.Input<pulumi.Input<string>[]> },
  opts: pulumi.CustomResourceOptions,
): { readonly s3: ec2.VpcEndpoint; readonly dynamodb: ec2.VpcEndpoint } {
  const { accountId, partition, region } = args.place;
  const gateway = (service: "s3" | "dynamodb", statement: Omit<Statement, "principals">): ec2.VpcEndpoint =>
    new ec2.VpcEndpoint(
      `${name}-${service}`,
      {
        vpcId: args.vpcId,
        vpcEndpointType: "Gateway",
        serviceName: pulumi.interpolate`com.amazonaws.${region}.${service}`,
        routeTableIds: args.routeTableIds,
        policy: policyDocument([{ ...statement, principals: "*" }]),
        tags: args.tags,
      },
      opts,
    );
  return {
    s3: gateway("s3", {
      sid: "OwnBuckets",
      actions: s3Actions,
      resources: [pulumi.interpolate`arn:${partition}:s3:::*`],
      conditions: { StringEquals: { "aws:PrincipalAccount": accountId, "aws:ResourceAccount": accountId } },
    }),
    dynamodb: gateway("dynamodb", {
      sid: "OwnTables",
      actions: dynamodbActions,
      resources: [pulumi.interpolate`arn:${partition}:dynamodb:${region}:${accountId}:table/*`],
      conditions: { StringEquals: { "aws:PrincipalAccount": accountId } },
    }),
  };
}

const interfaceServices: Readonly<
  Record<EndpointService, { readonly suffix: string; readonly actions: readonly string[]; readonly resource: string }>
> = {
  kinesis: { suffix: "kinesis-streams", actions: ["kinesis:PutRecord", "kinesis:PutRecords"], resource: "kinesis" },
  sqs: { suffix: "sqs", actions: ["sqs:SendMessage", "sqs:ChangeMessageVisibility"], resource: "sqs" },
  secretsmanager: {
    suffix: "secretsmanager",
    actions: ["secretsmanager:GetSecretValue"],
    resource: "secretsmanager",
  },
};

/** Interface endpoints, reachable from the functions' security group only. */
export function makeInterfaceEndpoints(
  name: string,
  args: EndpointArgs & {
    readonly services: readonly EndpointService[];
    readonly subnetIds: pulumi.Input<pulumi.Input<string>[]>;
    readonly callers: pulumi.Input<pulumi.Input<string>[]>;
  },
  opts: pulumi.CustomResourceOptions,
): Record<string, ec2.VpcEndpoint> {
  if (args.services.length === 0) return {};
  const group = new ec2.SecurityGroup(
    `${name}-endpoints`,
    {
      vpcId: args.vpcId,
      description: "Interface endpoints: TLS from the platform's functions",
      ingress: [{ protocol: "tcp", fromPort: 443, toPort: 443, securityGroups: args.callers }],
      tags: args.tags,
    },
    opts,
  );
  return Object.fromEntries(
    args.services.map((service) => [service, makeInterfaceEndpoint(name, service, group, args, opts)]),
  );
}

function makeInterfaceEndpoint(
  name: string,
  service: EndpointService,
  group: ec2.SecurityGroup,
  args: EndpointArgs & { readonly subnetIds: pulumi.Input<pulumi.Input<string>[]> },
  opts: pulumi.CustomResourceOptions,
): ec2.VpcEndpoint {
  const { accountId, partition, region } = args.place;
  const { suffix, actions, resource } = interfaceServices[service];
  return new ec2.VpcEndpoint(
    `${name}-${service}`,
    {
      vpcId: args.vpcId,
      vpcEndpointType: "Interface",
      serviceName: pulumi.interpolate`com.amazonaws.${region}.${suffix}`,
      privateDnsEnabled: true,
      subnetIds: args.subnetIds,
      securityGroupIds: [group.id],
      policy: policyDocument([
        {
          sid: "OwnResources",
          actions,
          principals: "*",
          resources: [pulumi.interpolate`arn:${partition}:${resource}:${region}:${accountId}:*`],
          conditions: { StringEquals: { "aws:PrincipalAccount": accountId } },
        },
      ]),
      tags: args.tags,
    },
    opts,
  );
}
