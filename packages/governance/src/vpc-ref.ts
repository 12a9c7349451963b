import * as pulumi from "@pulumi/pulumi";
import type { ExistingNetworkArgs } from "./args";

/** What `vpcRef` reads of a VPC component, such as an `awsx.ec2.Vpc` (which this package does not depend on). */
export interface VpcLike {
  readonly vpcId: pulumi.Input<string>;
  readonly privateSubnetIds: pulumi.Input<pulumi.Input<string>[]>;
  /** Subnets without any route out; awsx makes these instead of private ones when asked to. */
  readonly isolatedSubnetIds?: pulumi.Input<pulumi.Input<string>[]>;
  readonly routeTables: pulumi.Input<pulumi.Input<{ readonly id: pulumi.Input<string> }>[]>;
}

/**
 * A VPC component as `network.existing`: its private and isolated subnets, and its route tables.
 * @param reach what else the network reaches: `{ internet: true }` with NAT gateways, `{ interfaceEndpoints: ["sqs"] }`
 * @example new Governance("cdp", { environment: "dev", network: { existing: vpcRef(vpc) } })
 */
export function vpcRef(
  vpc: VpcLike,
  reach: Pick<ExistingNetworkArgs, "interfaceEndpoints" | "internet"> = {},
): ExistingNetworkArgs {
  const subnetIds = pulumi
    .all([vpc.privateSubnetIds, vpc.isolatedSubnetIds ?? []])
    .apply(([privateIds, isolatedIds]) => [...privateIds, ...isolatedIds]);
  const routeTableIds = pulumi.output(vpc.routeTables).apply((tables) => tables.map((table) => table.id));
  return { vpcId: vpc.vpcId, subnetIds, routeTableIds, ...reach };
}
