import * as appautoscaling from "@pulumi/aws/appautoscaling";
import type * as dynamodb from "@pulumi/aws/dynamodb";
import * as pulumi from "@pulumi/pulumi";

/** Bounds of provisioned capacity, in capacity units; the same for the table and each of its indexes. */
export interface ProvisionedCapacity {
  readonly read: { readonly min: number; readonly max: number };
  readonly write: { readonly min: number; readonly max: number };
}

/** Percent of the capacity that autoscaling aims to have in use. */
const targetUtilization = 70;

/** Scales the table and each index between the bounds. */
export function autoscale(
  name: string,
  table: dynamodb.Table,
  indexes: readonly { readonly name: string }[],
  capacity: ProvisionedCapacity,
  opts: pulumi.CustomResourceOptions,
): void {
  const scaled = [
    { name, resourceId: pulumi.interpolate`table/${table.name}`, kind: "table" },
    ...indexes.map((index) => ({
      name: `${name}-${index.name}`,
      resourceId: pulumi.interpolate`table/${table.name}/index/${index.name}`,
      kind: "index",
    })),
  ];
  for (const one of scaled) {
    for (const direction of ["Read", "Write"] as const) {
      const bounds = direction === "Read" ? capacity.read : capacity.write;
      const target = new appautoscaling.Target(
        `${one.name}-${direction.toLowerCase()}`,
        {
          serviceNamespace: "dynamodb",
          resourceId: one.resourceId,
          scalableDimension: `dynamodb:${one.kind}:${direction}CapacityUnits`,
          minCapacity: bounds.min,
          maxCapacity: bounds.max,
        },
        opts,
      );
      new appautoscaling.Policy(
        `${one.name}-${direction.toLowerCase()}`,
        {
          policyType: "TargetTrackingScaling",
          serviceNamespace: target.serviceNamespace,
          resourceId: target.resourceId,
          scalableDimension: target.scalableDimension,
          targetTrackingScalingPolicyConfiguration: {
            targetValue: targetUtilization,
            predefinedMetricSpecification: { predefinedMetricType: `DynamoDB${direction}CapacityUtilization` },
          },
        },
        opts,
      );
    }
  }
}
