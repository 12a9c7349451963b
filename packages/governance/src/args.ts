import type * as kms from "@pulumi/aws/kms";
import type * as sns from "@pulumi/aws/sns";
import type { Input } from "@pulumi/pulumi";
import type { Callee, KeyRef, OnDelete, Transform } from "@tributary/core";

/** AWS services that functions in the network may call through an interface endpoint, which bills by the hour. */
export type EndpointService = Extract<Callee, "kinesis" | "sqs" | "secretsmanager">;

interface NetworkReach {
  /**
   * Interface endpoints to make, one per service and availability zone, about $8 a month each. None by default: what
   * costs by the hour is asked for by name. DynamoDB and S3 need none (their gateway endpoints are free).
   * @default []
   */
  readonly interfaceEndpoints?: readonly EndpointService[];
}

/** A VPC that exists. Give the platform subnets of its own: the endpoints' policies are narrow. `vpcRef(vpc)` makes one of an `awsx.ec2.Vpc`. */
export interface ExistingNetworkArgs extends NetworkReach {
  readonly vpcId: Input<string>;
  /** Private subnets in at least two availability zones. */
  readonly subnetIds: Input<Input<string>[]>;
  /** Route tables of the subnets: S3 and DynamoDB gateway endpoints are added to them. */
  readonly routeTableIds?: Input<Input<string>[]>;
  /** The DynamoDB gateway endpoint that the route tables already have, instead of `routeTableIds`. */
  readonly dynamodbEndpointId?: Input<string>;
  /** Groups of the functions; left out: one without ingress is made. */
  readonly securityGroupIds?: Input<Input<string>[]>;
  /** The subnets route to the internet (by NAT). @default false */
  readonly internet?: boolean;
}

/** A small VPC: private subnets in two availability zones, no NAT, no internet. */
export interface CreateNetworkArgs extends NetworkReach {
  /** IPv4 block, /16 to /24. @default "10.42.0.0/16" */
  readonly cidrBlock?: string;
}

export type NetworkArgs = { readonly existing: ExistingNetworkArgs } | { readonly create: CreateNetworkArgs };

export interface GovernanceArgs {
  /** `dev`, `prod`…: lower case letters, digits, dashes. */
  readonly environment: string;
  /** Where functions that call DynamoDB run; left out: no VPC, and DynamoDB is guarded by IAM and TLS alone. */
  readonly network?: NetworkArgs;
  /** Customer managed key: an existing one, whose policy must allow what `keyStatements` lists, or a new one (default). */
  readonly encryption?: { readonly existing: KeyRef } | { readonly create: { readonly deletionWindowDays?: number } };
  /** Who is told when an alarm rises; the address has to confirm. Left out: the topic has no subscriber yet. */
  readonly alarms?: { readonly email: string };
  /** More tags for every resource; `Project` (default: the Pulumi project's name) may be among them. */
  readonly tags?: Readonly<Record<string, string>>;
  /** Tag `Tenant`: whose data it is; budgets filter by it. @default "default" */
  readonly tenant?: string;
  /** Tag `CostCenter`. @default the tag `Project` */
  readonly costCenter?: string;
  /** A monthly budget on the platform's tags, with notices at 80 %, at 100 %, and when 100 % is forecast. */
  readonly budget?: { readonly monthlyUsd: number; readonly email: string };
  /** One of CloudWatch's values. @default 90 */
  readonly logRetentionDays?: number;
  /** Permissions boundary of every role. */
  readonly permissionsBoundaryArn?: Input<string>;
  /** What happens to the key and the access logs. @default "retain" */
  readonly onDelete?: OnDelete;
  readonly transform?: GovernanceTransforms;
}

/** Escape hatches, keyed as `nodes`. */
export interface GovernanceTransforms {
  readonly key?: Transform<kms.KeyArgs>;
  readonly alarmTopic?: Transform<sns.TopicArgs>;
}
