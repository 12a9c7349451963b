import { z } from "zod";
import type { Deployment } from "../deployment";
import { noOptions, type Registered } from "../registration";
import { plainObject } from "../values";
import { signed, unknownWire, type Wire, type WireObject } from "../wire";
import type { RemoteComponent, RemoteRequest } from "./index";
import { type PlannedSubnet, planSubnets, subnetSpec } from "./subnet-layout";

const argsSchema = z.object({
  availabilityZoneCidrMask: z.number().nullish(),
  availabilityZoneNames: z.array(z.string()).nullish(),
  cidrBlock: z.string().nullish(),
  numberOfAvailabilityZones: z.number().int().min(1).nullish(),
  natGateways: z
    .object({
      strategy: z.enum(["None", "Single", "OnePerAz"]),
      elasticIpAllocationIds: z.array(z.unknown()).nullish(),
    })
    .nullish(),
  subnetSpecs: z.array(subnetSpec).nullish(),
  subnetStrategy: z.enum(["Legacy", "Auto", "Exact", "AutoMerge"]).nullish(),
  vpcEndpointSpecs: z.array(z.looseObject({ serviceName: z.string() })).nullish(),
});
type VpcArgs = z.infer<typeof argsSchema>;

/** Arguments that are the network's own, handed through. */
const passedThrough = [
  ...["assignGeneratedIpv6CidrBlock", "enableDnsHostnames", "enableDnsSupport", "enableNetworkAddressUsageMetrics"],
  ...[
    "instanceTenancy",
    "ipv6CidrBlock",
    "ipv6CidrBlockNetworkBorderGroup",
    "ipv6IpamPoolId",
    "ipv6NetmaskLength",
    "region",
  ],
];

/**
 * `awsx.ec2.Vpc` as its plugin makes it: the same children under the same names and parents (network, internet gateway,
 * a subnet with route table and association per zone and spec, NAT gateways with their addresses by strategy, endpoints).
 */
export const awsxVpc: RemoteComponent = async (request, deployment) => {
  const parsed = argsSchema.safeParse(plainObject(request.inputs));
  if (!parsed.success) throw new Error(`${request.urn}: ${z.prettifyError(parsed.error)}`);
  return await new VpcBuilder(request, parsed.data, deployment).build();
};

interface Child extends Registered {
  readonly type: string;
}

class VpcBuilder {
  private readonly made: Record<string, Child[]> = {};
  private readonly tags: WireObject;

  constructor(
    private readonly request: RemoteRequest,
    private readonly args: VpcArgs,
    private readonly deployment: Deployment,
  ) {
    this.tags = (request.inputs.tags as WireObject | undefined) ?? {};
  }

  async build(): Promise<WireObject> {
    const { name, urn } = this.request;
    if (this.args.subnetStrategy === "AutoMerge" || this.request.inputs.ipv4IpamPoolId) {
      throw new Error(
        `NotSupportedLocally: ${urn} uses ${this.args.subnetStrategy === "AutoMerge" ? "the AutoMerge strategy" : "an IPAM pool"}; ` +
          `give the subnets with the strategies Auto or Exact and a cidrBlock for the local stack`,
      );
    }
    const zones = await this.zones();
    const strategy = this.args.subnetStrategy ?? "Legacy";
    const cidrBlock = this.args.cidrBlock ?? "10.0.0.0/16";
    const specs = this.args.subnetSpecs ?? undefined;
    const zoneMask = this.args.availabilityZoneCidrMask ?? undefined;
    const plan = planSubnets({ vpcName: name, cidrBlock, zones: zones.length, zoneMask, specs, strategy });
    const own = Object.fromEntries(
      passedThrough.flatMap((key) => (this.request.inputs[key] === undefined ? [] : [[key, this.request.inputs[key]]])),
    ) as WireObject;
    const vpc = await this.child("aws:ec2/vpc:Vpc", name, urn, { ...own, cidrBlock, tags: this.tagged(name) });
    const gateway = await this.child(
      "aws:ec2/internetGateway:InternetGateway",
      name,
      vpc.urn,
      { vpcId: idOf(vpc), tags: this.tagged(name) },
      [vpc],
    );
    await this.subnets(plan, zones, vpc, gateway);
    for (const spec of this.args.vpcEndpointSpecs ?? []) await this.endpoint(spec.serviceName, vpc);
    return this.outputs(vpc, gateway, plan);
  }

  private async zones(): Promise<string[]> {
    const { availabilityZoneNames: names, numberOfAvailabilityZones: count } = this.args;
    if (names?.length && count)
      throw new Error(`${this.request.urn}: give availabilityZoneNames or numberOfAvailabilityZones, not both`);
    if (names?.length) return names;
    const answer = await this.deployment.invoke("aws:index/getAvailabilityZones:getAvailabilityZones", {
      state: "available",
    });
    const all = (answer?.names ?? []) as string[];
    const wanted = count ?? 3;
    if (all.length < wanted)
      throw new Error(`${this.request.urn}: the Region has ${all.length} availability zones, not ${wanted}`);
    return all.slice(0, wanted);
  }

  /** Public subnets of a zone first: private ones route through the NAT gateway that lies there. */
  private async subnets(
    plan: readonly PlannedSubnet[],
    zones: readonly string[],
    vpc: Child,
    gateway: Child,
  ): Promise<void> {
    const types = new Set(plan.map(({ spec }) => spec.type));
    const nat = this.args.natGateways?.strategy ?? (types.has("Public") && types.has("Private") ? "OnePerAz" : "None");
    if (nat !== "None" && !types.has("Public")) {
      throw new Error(`${this.request.urn}: NAT gateways need a public subnet in each zone`);
    }
    const gateways: Child[] = [];
    for (const [zone, zoneName] of zones.entries()) {
      const here = plan.filter((subnet) => subnet.zone === zone && subnet.spec.type !== "Unused");
      const publicFirst = [...here].sort((a, b) => Number(b.spec.type === "Public") - Number(a.spec.type === "Public"));
      for (const planned of publicFirst) {
        const { subnet, routeTable } = await this.subnet(planned, zoneName, vpc);
        if (planned.spec.type === "Public") {
          await this.route(planned.name, routeTable, { gatewayId: idOf(gateway) }, [gateway]);
          const wanted = nat === "OnePerAz" ? zone + 1 : nat === "Single" ? 1 : 0;
          if (gateways.length < wanted) gateways.push(await this.natGateway(zone, subnet));
        }
        const natGateway = nat === "Single" ? gateways[0] : gateways[zone];
        if (planned.spec.type === "Private" && natGateway) {
          await this.route(planned.name, routeTable, { natGatewayId: idOf(natGateway) }, [natGateway]);
        }
      }
    }
  }

  private async subnet(
    { spec, name, cidrBlock }: PlannedSubnet,
    zone: string,
    vpc: Child,
  ): Promise<{ subnet: Child; routeTable: Child }> {
    const tags = { ...this.tagged(name), SubnetType: spec.type, ...(spec.tags as WireObject | null | undefined) };
    const subnet = await this.child(
      "aws:ec2/subnet:Subnet",
      name,
      vpc.urn,
      {
        vpcId: idOf(vpc),
        availabilityZone: zone,
        mapPublicIpOnLaunch: spec.type === "Public",
        cidrBlock,
        ...(spec.assignIpv6AddressOnCreation ? { assignIpv6AddressOnCreation: true } : {}),
        tags,
      },
      [vpc],
    );
    this.remember(spec.type, subnet);
    const routeTable = await this.child("aws:ec2/routeTable:RouteTable", name, subnet.urn, { vpcId: idOf(vpc), tags }, [
      vpc,
      subnet,
    ]);
    await this.child(
      "aws:ec2/routeTableAssociation:RouteTableAssociation",
      name,
      routeTable.urn,
      { routeTableId: idOf(routeTable), subnetId: idOf(subnet) },
      [routeTable, subnet],
    );
    return { subnet, routeTable };
  }

  private async route(name: string, routeTable: Child, target: WireObject, needs: Child[]): Promise<void> {
    const inputs = { routeTableId: idOf(routeTable), destinationCidrBlock: "0.0.0.0/0", ...target };
    await this.child("aws:ec2/route:Route", name, routeTable.urn, inputs, [routeTable, ...needs]);
  }

  private async natGateway(zone: number, subnet: Child): Promise<Child> {
    const name = `${this.request.name}-${zone + 1}`;
    const given = this.args.natGateways?.elasticIpAllocationIds?.[zone];
    let allocation: Wire = typeof given === "string" ? given : unknownWire;
    const needs = [subnet];
    if (given === undefined || given === null) {
      const address = await this.child("aws:ec2/eip:Eip", name, subnet.urn, { tags: this.tagged(name) }, [subnet]);
      allocation = idOf(address);
      needs.push(address);
    }
    return await this.child(
      "aws:ec2/natGateway:NatGateway",
      name,
      subnet.urn,
      { subnetId: idOf(subnet), allocationId: allocation, tags: this.tagged(name) },
      needs,
    );
  }

  private async endpoint(serviceName: string, vpc: Child): Promise<void> {
    const specs = (this.request.inputs.vpcEndpointSpecs ?? []) as WireObject[];
    const spec = specs.find((candidate) => candidate.serviceName === serviceName) ?? {};
    await this.child("aws:ec2/vpcEndpoint:VpcEndpoint", serviceName, vpc.urn, { ...spec, vpcId: idOf(vpc) }, [vpc]);
  }

  private tagged(name: string): WireObject {
    return { Name: name, ...this.tags };
  }

  private async child(
    type: string,
    name: string,
    parent: string,
    inputs: WireObject,
    needs: Child[] = [],
  ): Promise<Child> {
    const byId = new Map(needs.filter(({ id }) => id !== "").map(({ id, urn }) => [id, urn]));
    const propertyDependencies = Object.entries(inputs).flatMap(([key, value]) => {
      const urn = typeof value === "string" ? byId.get(value) : undefined;
      return urn ? [[key, [urn]] as const] : [];
    });
    const provider = this.request.provider;
    const registered = await this.deployment.register({
      type,
      name,
      parent,
      custom: true,
      remote: false,
      inputs,
      propertyDependencies: Object.fromEntries(propertyDependencies),
      options: { ...noOptions, dependsOn: needs.map(({ urn }) => urn), ...(provider ? { provider } : {}) },
      transforms: [],
    });
    const child = { ...registered, type };
    this.remember(type, child);
    return child;
  }

  private remember(type: string, child: Child): void {
    const siblings = this.made[type] ?? [];
    this.made[type] = siblings;
    siblings.push(child);
  }

  private outputs(vpc: Child, gateway: Child, plan: readonly PlannedSubnet[]): WireObject {
    const references = (type: string): Wire[] => (this.made[type] ?? []).map(reference);
    const ids = (kind: string): Wire[] => (this.made[kind] ?? []).map(idOf);
    return {
      vpc: reference(vpc),
      vpcId: idOf(vpc),
      internetGateway: reference(gateway),
      subnets: references("aws:ec2/subnet:Subnet"),
      publicSubnets: references("Public"),
      privateSubnets: references("Private"),
      isolatedSubnets: references("Isolated"),
      publicSubnetIds: ids("Public"),
      privateSubnetIds: ids("Private"),
      isolatedSubnetIds: ids("Isolated"),
      routeTables: references("aws:ec2/routeTable:RouteTable"),
      routeTableAssociations: references("aws:ec2/routeTableAssociation:RouteTableAssociation"),
      routes: references("aws:ec2/route:Route"),
      natGateways: references("aws:ec2/natGateway:NatGateway"),
      eips: references("aws:ec2/eip:Eip"),
      vpcEndpoints: references("aws:ec2/vpcEndpoint:VpcEndpoint"),
      subnetLayout: layout(plan),
    };
  }
}

function idOf({ id }: Registered): Wire {
  return id === "" ? unknownWire : id;
}

function reference({ urn, id }: Child): WireObject {
  return signed("resource", { urn, id });
}

/** The specs with the blocks that they got, one per zone, as awsx reports them. */
function layout(plan: readonly PlannedSubnet[]): Wire[] {
  const specs = plan.filter(({ zone }) => zone === 0);
  return specs.map(({ spec }, index) => {
    const cidrBlocks = plan
      .filter((_, position) => position % specs.length === index)
      .map(({ cidrBlock }) => cidrBlock);
    const cidrMask = Number(cidrBlocks[0]?.split("/")[1]);
    return {
      type: spec.type,
      cidrMask,
      size: 2 ** (32 - cidrMask),
      cidrBlocks,
      ...(spec.name ? { name: spec.name } : {}),
    };
  });
}
