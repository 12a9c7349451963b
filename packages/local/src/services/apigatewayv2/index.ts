import { createHash } from "node:crypto";
import { arn, autoName, type Kernel, type Realiser, type Resource } from "../../kernel";
import { Authorizer } from "./authorizer";
import { parseApi, parseAuthorizer, parseIntegration, parseRoute, parseStage } from "./definitions";
import { Gateway } from "./gateway";
import { Ports } from "./ports";
import { compileRoute } from "./routing";

/** An identifier as API Gateway draws them, but derived from the URN, so that it stays the same. */
function idOf(urn: string): string {
  return BigInt(`0x${createHash("sha256").update(urn).digest("hex").slice(0, 16)}`)
    .toString(36)
    .padStart(10, "0")
    .slice(0, 10);
}

/** As the provider has it: the default stage's URL ends in a slash. */
const invokeUrl = (gateway: Gateway, stage: string) => `${gateway.url}/${stage === "$default" ? "" : stage}`;

/** Outputs that depend on the port change with it: the resource is known by the new ones from then on. */
function refresh(kernel: Kernel, resource: Resource, now: Record<string, unknown>): void {
  if (Object.entries(now).every(([name, value]) => resource.outputs[name] === value)) return;
  kernel.resources.set(resource.urn, { ...resource, outputs: { ...resource.outputs, ...now } });
}

/** HTTP APIs (API Gateway v2), each on a loopback port of its own. */
export function install(kernel: Kernel): Realiser[] {
  const gateways = new Map<string, Gateway>();
  const ports = new Ports(kernel);
  kernel.onClose(async () => {
    await Promise.all([...gateways.values()].map((gateway) => gateway.close()));
  });

  const open = async (urn: string, name: string): Promise<Gateway> => {
    const apiId = idOf(urn);
    let gateway = gateways.get(apiId);
    if (!gateway) {
      gateway = new Gateway(kernel, apiId);
      gateway.port = await ports.listen(gateway.server, urn, name);
      gateways.set(apiId, gateway);
    }
    return gateway;
  };
  const gatewayOf = (apiId: string): Gateway => {
    const gateway = gateways.get(apiId);
    if (!gateway) throw new Error(`the HTTP API ${apiId} is not there`);
    return gateway;
  };
  const find = (resource: Resource) => gateways.get(String(resource.inputs.apiId));
  const executionArn = (apiId: string) => arn(kernel.place, "execute-api", apiId);
  const apisArn = (path: string) => `arn:aws:apigateway:${kernel.place.region}::/apis/${path}`;

  const api: Realiser = {
    type: "aws:apigatewayv2/api:Api",
    replaceOn: ["protocolType"],
    async compute(resource) {
      const { name } = parseApi(resource.inputs);
      const gateway = await open(resource.urn, resource.name);
      const outputs = {
        name: name ?? autoName(resource.urn, resource.name, 128),
        apiEndpoint: gateway.url,
        arn: apisArn(gateway.apiId),
        executionArn: executionArn(gateway.apiId),
        ipAddressType: "ipv4",
        region: kernel.place.region,
        tagsAll: resource.inputs.tags ?? {},
      };
      return { id: gateway.apiId, outputs };
    },
    async attach(resource) {
      const gateway = await open(resource.urn, resource.name);
      gateway.api = { ...parseApi(resource.inputs), name: String(resource.outputs.name) };
      refresh(kernel, resource, { apiEndpoint: gateway.url });
    },
    async destroy(resource) {
      await gateways.get(resource.id)?.close();
      gateways.delete(resource.id);
      await ports.forget(resource.urn);
    },
  };

  const integration: Realiser = {
    type: "aws:apigatewayv2/integration:Integration",
    replaceOn: ["apiId", "integrationType"],
    compute(resource) {
      parseIntegration(resource.inputs);
      return {
        id: idOf(resource.urn),
        outputs: { integrationResponseSelectionExpression: "", region: kernel.place.region },
      };
    },
    attach(resource) {
      const definition = parseIntegration(resource.inputs);
      gatewayOf(definition.apiId).integrations.set(resource.id, definition);
    },
    detach: (resource) => void find(resource)?.integrations.delete(resource.id),
  };

  const route: Realiser = {
    type: "aws:apigatewayv2/route:Route",
    replaceOn: ["apiId"],
    compute(resource) {
      const definition = parseRoute(resource.inputs);
      compileRoute(definition.routeKey, definition);
      return { id: idOf(resource.urn), outputs: { region: kernel.place.region } };
    },
    attach(resource) {
      const definition = parseRoute(resource.inputs);
      gatewayOf(definition.apiId).setRoute(resource.id, definition);
    },
    detach: (resource) => find(resource)?.deleteRoute(resource.id),
  };

  const stage: Realiser = {
    type: "aws:apigatewayv2/stage:Stage",
    replaceOn: ["apiId", "name"],
    compute(resource) {
      const definition = parseStage(resource.inputs);
      const name = definition.name ?? autoName(resource.urn, resource.name, 128);
      const outputs = {
        name,
        arn: apisArn(`${definition.apiId}/stages/${name}`),
        executionArn: `${executionArn(definition.apiId)}/${name}`,
        invokeUrl: invokeUrl(gatewayOf(definition.apiId), name),
        deploymentId: idOf(`${resource.urn}/deployment`),
        region: kernel.place.region,
        tagsAll: resource.inputs.tags ?? {},
      };
      return { id: name, outputs };
    },
    attach(resource) {
      const definition = parseStage(resource.inputs);
      const gateway = gatewayOf(definition.apiId);
      gateway.stages.set(resource.id, definition);
      refresh(kernel, resource, { invokeUrl: invokeUrl(gateway, resource.id) });
    },
    detach: (resource) => void find(resource)?.stages.delete(resource.id),
  };

  const authorizer: Realiser = {
    type: "aws:apigatewayv2/authorizer:Authorizer",
    replaceOn: ["apiId"],
    compute(resource) {
      const { ttlMs } = parseAuthorizer(resource.inputs);
      return {
        id: idOf(resource.urn),
        outputs: { authorizerResultTtlInSeconds: ttlMs / 1000, region: kernel.place.region },
      };
    },
    attach(resource) {
      const definition = parseAuthorizer(resource.inputs);
      gatewayOf(definition.apiId).authorizers.set(resource.id, new Authorizer(kernel, resource.id, definition));
    },
    detach: (resource) => void find(resource)?.authorizers.delete(resource.id),
  };

  return [api, integration, route, stage, authorizer];
}
