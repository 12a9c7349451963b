import type { Resource } from "../../kernel";
import { isRecord, text, texts } from "../support";

/** Where a function's calls come from, as far as the stack's network resources tell. */
export type Origin =
  | { readonly kind: "internet" }
  /** In a VPC of the stack: through the endpoint, or (without one) past it. */
  | { readonly kind: "vpc"; readonly vpcId: string; readonly endpointId?: string }
  /** In a VPC that the stack only adopted: taken to go through whichever endpoint the resource expects. */
  | { readonly kind: "adopted" };

export interface NetworkIndex {
  /** `service` as in an IAM action: `dynamodb`, `s3`, `kinesis`… */
  originOf(functionName: string, service: string): Origin;
}

/** VPC endpoint services that are not named like the IAM prefix. */
const endpointNames: Readonly<Record<string, string>> = { kinesis: "kinesis-streams", cloudwatch: "monitoring" };

export function networkIndex(resources: readonly Resource[]): NetworkIndex {
  const subnetsOf = new Map<string, string[]>();
  const vpcOf = new Map<string, string>();
  const endpoints: { readonly vpcId: string; readonly service: string; readonly id: string }[] = [];
  for (const { type, inputs, outputs, id } of resources) {
    if (type === "aws:lambda/function:Function" && isRecord(inputs.vpcConfig)) {
      const name = text(outputs.name) ?? text(inputs.name);
      const subnets = texts(inputs.vpcConfig.subnetIds);
      if (name && subnets.length > 0) subnetsOf.set(name, subnets);
    } else if (type === "aws:ec2/subnet:Subnet" && text(inputs.vpcId)) {
      vpcOf.set(id, String(inputs.vpcId));
    } else if (type === "aws:ec2/vpcEndpoint:VpcEndpoint" && text(inputs.vpcId)) {
      const service = (text(inputs.serviceName) ?? "").split(".").slice(3).join(".");
      endpoints.push({ vpcId: String(inputs.vpcId), service, id });
    }
  }
  return {
    originOf(functionName, service) {
      const subnets = subnetsOf.get(functionName);
      if (!subnets) return { kind: "internet" };
      const vpcId = subnets.map((subnet) => vpcOf.get(subnet)).find((found) => found !== undefined);
      if (!vpcId) return { kind: "adopted" };
      const wanted = endpointNames[service] ?? service;
      const endpoint = endpoints.find((entry) => entry.vpcId === vpcId && entry.service === wanted);
      return { kind: "vpc", vpcId, ...(endpoint && { endpointId: endpoint.id }) };
    },
  };
}
