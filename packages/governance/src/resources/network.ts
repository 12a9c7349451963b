import * as ec2 from "@pulumi/aws/ec2";
import { getAvailabilityZonesOutput } from "@pulumi/aws/getAvailabilityZones";
import type * as pulumi from "@pulumi/pulumi";
import type { Callee, NetworkRef, Place } from "@tributary/core";
import type { EndpointService } from "../args";
import { governanceDefaults } from "../defaults";
import type { ResolvedNetwork } from "../normalize";
import { makeGatewayEndpoints, makeInterfaceEndpoints } from "./endpoints";

/** The network as the functions use it, and what was made for it. */
export interface MadeNetwork {
  readonly ref: NetworkRef;
  readonly nodes: Readonly<Record<string, pulumi.Resource>>;
}

interface NetworkContext {
  readonly place: Place;
  readonly tags: Record<string, string>;
}

/** Adopts or creates the network. */
export function makeNetwork(
  name: string,
  network: ResolvedNetwork,
  context: NetworkContext,
  opts: pulumi.CustomResourceOptions,
): MadeNetwork | undefined {
  if (network.kind === "none") return undefined;
  return network.kind === "existing" ? adopt(name, network, context, opts) : create(name, network, context, opts);
}

function adopt(
  name: string,
  network: Extract<ResolvedNetwork, { kind: "existing" }>,
  context: NetworkContext,
  opts: pulumi.CustomResourceOptions,
): MadeNetwork {
  const { existing } = network;
  const gateways =
    existing.routeTableIds === undefined
      ? undefined
      : makeGatewayEndpoints(name, { ...context, vpcId: existing.vpcId, routeTableIds: existing.routeTableIds }, opts);
  const group =
    existing.securityGroupIds === undefined ? functionGroup(name, existing.vpcId, context.tags, opts) : undefined;
  const securityGroupIds = existing.securityGroupIds ?? (group === undefined ? [] : [group.id]);
  const endpoints = makeInterfaceEndpoints(
    name,
    {
      ...context,
      vpcId: existing.vpcId,
      services: network.interfaceEndpoints,
      subnetIds: existing.subnetIds,
      callers: securityGroupIds,
    },
    opts,
  );
  const dynamodbEndpointId = existing.dynamodbEndpointId ?? gateways?.dynamodb.id;
  return {
    ref: {
      vpcId: existing.vpcId,
      subnetIds: existing.subnetIds,
      securityGroupIds,
      ...(dynamodbEndpointId === undefined ? {} : { dynamodbEndpointId }),
      reaches: reached(network.interfaceEndpoints, existing.internet ?? false),
    },
    nodes: {
      ...(gateways === undefined ? {} : { s3Endpoint: gateways.s3, dynamodbEndpoint: gateways.dynamodb }),
      ...(group === undefined ? {} : { securityGroup: group }),
      ...endpoints,
    },
  };
}

function create(
  name: string,
  network: Extract<ResolvedNetwork, { kind: "create" }>,
  context: NetworkContext,
  opts: pulumi.CustomResourceOptions,
): MadeNetwork {
  const { tags } = context;
  const vpc = new ec2.Vpc(
    name,
    { cidrBlock: network.cidrBlock, enableDnsSupport: true, enableDnsHostnames: true, tags },
    opts,
  );
  // Adopting the default group without rules: nothing that forgets its own group gets in or out.
  new ec2.DefaultSecurityGroup(`${name}-default`, { vpcId: vpc.id, ingress: [], egress: [], tags }, opts);
  const routeTable = new ec2.RouteTable(`${name}-private`, { vpcId: vpc.id, tags }, opts);
  const zones = getAvailabilityZonesOutput(
    { state: "available" },
    opts.parent === undefined ? {} : { parent: opts.parent },
  );
  const subnets = subnetBlocks(network.cidrBlock, governanceDefaults.availabilityZones).map((cidrBlock, index) => {
    const subnet = new ec2.Subnet(
      `${name}-private-${index + 1}`,
      {
        vpcId: vpc.id,
        cidrBlock,
        availabilityZone: zones.names.apply((names) => zoneAt(names, index)),
        mapPublicIpOnLaunch: false,
        tags,
      },
      opts,
    );
    new ec2.RouteTableAssociation(
      `${name}-private-${index + 1}`,
      { subnetId: subnet.id, routeTableId: routeTable.id },
      opts,
    );
    return subnet;
  });
  const gateways = makeGatewayEndpoints(name, { ...context, vpcId: vpc.id, routeTableIds: [routeTable.id] }, opts);
  const group = functionGroup(name, vpc.id, tags, opts);
  const subnetIds = subnets.map((subnet) => subnet.id);
  const endpoints = makeInterfaceEndpoints(
    name,
    { ...context, vpcId: vpc.id, services: network.interfaceEndpoints, subnetIds, callers: [group.id] },
    opts,
  );
  return {
    ref: {
      vpcId: vpc.id,
      subnetIds,
      securityGroupIds: [group.id],
      dynamodbEndpointId: gateways.dynamodb.id,
      reaches: reached(network.interfaceEndpoints, false),
    },
    nodes: {
      vpc,
      s3Endpoint: gateways.s3,
      dynamodbEndpoint: gateways.dynamodb,
      securityGroup: group,
      ...endpoints,
    },
  };
}

/** Functions are never called through the network, so nothing comes in; they speak TLS, so nothing else goes out. */
function functionGroup(
  name: string,
  vpcId: pulumi.Input<string>,
  tags: Record<string, string>,
  opts: pulumi.CustomResourceOptions,
): ec2.SecurityGroup {
  return new ec2.SecurityGroup(
    `${name}-functions`,
    {
      vpcId,
      description: "Functions: nothing in, TLS out",
      ingress: [],
      egress: [{ protocol: "tcp", fromPort: 443, toPort: 443, cidrBlocks: ["0.0.0.0/0"] }],
      tags,
    },
    opts,
  );
}

function reached(endpoints: readonly EndpointService[], internet: boolean): Callee[] {
  const everywhere: Callee[] = ["dynamodb", "s3", "kinesis", "sqs", "secretsmanager", "internet"];
  return internet ? everywhere : ["dynamodb", "s3", ...endpoints];
}

function zoneAt(names: readonly string[], index: number): string {
  const zone = names[index];
  if (zone === undefined) {
    throw new Error(
      `The region has ${names.length} availability zone(s) for this account; the network needs ${index + 1}.`,
    );
  }
  return zone;
}

/** The first sixteenths of a block: room for more subnets later. `10.42.0.0/16` → `10.42.0.0/20`, `10.42.16.0/20`. */
export function subnetBlocks(cidrBlock: string, count: number): string[] {
  const [address = "", prefixText = ""] = cidrBlock.split("/");
  const prefix = Number(prefixText) + 4;
  const base = address.split(".").reduce((so, octet) => so * 256 + Number(octet), 0);
  return Array.from({ length: count }, (_, index) => {
    const start = base + index * 2 ** (32 - prefix);
    const octets = [24, 16, 8, 0].map((shift) => Math.floor(start / 2 ** shift) % 256);
    return `${octets.join(".")}/${prefix}`;
  });
}
