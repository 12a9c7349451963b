import { createHash } from "node:crypto";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import {
  arn,
  autoName,
  isStoredAsset,
  type Kernel,
  type Realiser,
  type Registered,
  type StoredAsset,
} from "../../kernel";
import { assertTrusted } from "../iam";
import { parseMapping } from "./event-source/mapping-config";
import type { EventSourceMappings } from "./event-source/mappings";
import { functionConfig, functionNameOf, parseEventInvoke, parseFunction } from "./function-config";
import type { Host } from "./host";
import { parsePermission } from "./resource-policy";

/** The realisers of every Lambda resource type. */
export function lambdaRealisers(host: Host, mappings: EventSourceMappings): Realiser[] {
  return [
    functionRealiser(host),
    permissionRealiser(host),
    eventInvokeRealiser(host),
    aliasRealiser(host),
    layerRealiser(host),
    mappingRealiser(mappings),
  ];
}

const invokeArn = (kernel: Kernel, functionArn: string) =>
  `arn:aws:apigateway:${kernel.place.region}:lambda:path/2015-03-31/functions/${functionArn}/invocations`;

function functionRealiser(host: Host): Realiser {
  return {
    type: "aws:lambda/function:Function",
    replaceOn: ["name", "packageType"],
    compute(resource, kernel, previous) {
      const config = parseFunction(resource);
      const { inputs } = resource;
      const name = previous?.id ?? String(inputs.name ?? autoName(resource.urn, resource.name, 64));
      const functionArn = arn(kernel.place, "lambda", `function:${name}`);
      // As on AWS, a function is not made over a role that Lambda may not assume. (Without IAM there are no roles.)
      if (kernel.service("iam")) assertTrusted(kernel, config.role, "lambda.amazonaws.com", functionArn);
      const before = inputs.publish === true ? Number(previous?.outputs.version ?? 0) : undefined;
      const version = before === undefined ? "$LATEST" : String((Number.isFinite(before) ? before : 0) + 1);
      const outputs = {
        arn: functionArn,
        name,
        invokeArn: invokeArn(kernel, functionArn),
        qualifiedArn: `${functionArn}:${version}`,
        qualifiedInvokeArn: invokeArn(kernel, `${functionArn}:${version}`),
        responseStreamingInvokeArn: `arn:aws:apigateway:${kernel.place.region}:lambda:path/2021-11-15/functions/${functionArn}/response-streaming-invocations`,
        version,
        codeSha256: config.codeSha256,
        sourceCodeHash: inputs.sourceCodeHash ?? config.codeSha256,
        sourceCodeSize: folderSize(config.taskRoot),
        lastModified: new Date(kernel.now()).toISOString(),
        architectures: config.architectures,
        ephemeralStorage: inputs.ephemeralStorage ?? { size: 512 },
        loggingConfig: inputs.loggingConfig ?? { logFormat: "Text", logGroup: `/aws/lambda/${name}` },
        tracingConfig: inputs.tracingConfig ?? { mode: "PassThrough" },
        region: kernel.place.region,
        signingJobArn: "",
        signingProfileVersionArn: "",
        tagsAll: inputs.tags ?? {},
      };
      return { id: name, outputs };
    },
    attach: (resource) => host.add(functionConfig(resource)),
    detach: (resource) => host.remove(resource.id),
    destroy: (resource) => host.destroy(resource.id),
  };
}

function folderSize(folder: string): number {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries.reduce(
    (sum, entry) => sum + (entry.isFile() ? statSync(join(entry.parentPath, entry.name)).size : 0),
    0,
  );
}

function permissionRealiser(host: Host): Realiser {
  return {
    type: "aws:lambda/permission:Permission",
    replaceOn: ["action", "function", "principal", "sourceArn", "sourceAccount", "statementId", "qualifier"],
    compute(resource) {
      const given = resource.inputs.statementId ?? autoName(resource.urn, resource.name, 100);
      return { id: String(given), outputs: { statementId: given } };
    },
    attach: (resource) => host.policies.set(resource.urn, parsePermission(resource)),
    detach: (resource) => host.policies.delete(resource.urn),
  };
}

function eventInvokeRealiser(host: Host): Realiser {
  return {
    type: "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig",
    replaceOn: ["functionName", "qualifier"],
    compute: (resource) => ({ id: functionNameOf(String(resource.inputs.functionName)), outputs: {} }),
    attach(resource) {
      const config = parseEventInvoke(resource);
      host.eventInvokeConfigs.set(config.functionName, config);
    },
    detach(resource) {
      host.eventInvokeConfigs.delete(functionNameOf(String(resource.inputs.functionName)));
    },
  };
}

const aliasInputs = z.object({ functionName: z.string(), functionVersion: z.string() });

function aliasRealiser(host: Host): Realiser {
  const aliasArn = (resource: Registered, kernel: Kernel, name: string) => {
    const { functionName } = aliasInputs.parse(resource.inputs);
    return `${arn(kernel.place, "lambda", `function:${functionNameOf(functionName)}`)}:${name}`;
  };
  return {
    type: "aws:lambda/alias:Alias",
    replaceOn: ["functionName", "name"],
    compute(resource, kernel) {
      const name = String(resource.inputs.name ?? autoName(resource.urn, resource.name, 128));
      const id = aliasArn(resource, kernel, name);
      return { id, outputs: { arn: id, name, invokeArn: invokeArn(kernel, id), region: kernel.place.region } };
    },
    attach(resource) {
      const { functionName, functionVersion } = aliasInputs.parse(resource.inputs);
      const name = String(resource.outputs.name);
      host.aliases.set(resource.id, { functionName: functionNameOf(functionName), name, version: functionVersion });
    },
    detach(resource) {
      host.aliases.delete(resource.id);
    },
  };
}

const layerInputs = z.object({ layerName: z.string(), code: z.custom<StoredAsset>(isStoredAsset) });

function layerRealiser(host: Host): Realiser {
  return {
    type: "aws:lambda/layerVersion:LayerVersion",
    replaceOn: ["code", "layerName"],
    compute(resource, kernel) {
      const { layerName, code } = layerInputs.parse(resource.inputs);
      const layerArn = arn(kernel.place, "lambda", `layer:${layerName}`);
      // One number per content, so that a new content is a new version and the same content the same one.
      const version = String(createHash("sha256").update(code.hash).digest().readUInt32BE(0));
      const versionArn = `${layerArn}:${version}`;
      const outputs = {
        arn: versionArn,
        layerArn,
        version,
        codeSha256: Buffer.from(code.hash, "hex").toString("base64"),
        createdDate: new Date(kernel.now()).toISOString(),
        region: kernel.place.region,
      };
      return { id: versionArn, outputs };
    },
    attach(resource) {
      host.layers.set(resource.id, layerInputs.parse(resource.inputs).code.path);
    },
    detach(resource) {
      host.layers.delete(resource.id);
    },
  };
}

function mappingRealiser(mappings: EventSourceMappings): Realiser {
  return {
    type: "aws:lambda/eventSourceMapping:EventSourceMapping",
    replaceOn: ["eventSourceArn", "startingPosition", "startingPositionTimestamp"],
    compute(resource, kernel) {
      const digest = createHash("sha256").update(resource.urn).digest("hex");
      const uuid = digest.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*$/, "$1-$2-$3-$4-$5");
      const config = parseMapping(uuid, resource.inputs);
      const outputs = {
        uuid,
        arn: arn(kernel.place, "lambda", `event-source-mapping:${uuid}`),
        functionArn: arn(kernel.place, "lambda", `function:${config.functionName}`),
        state: config.enabled ? "Enabled" : "Disabled",
        stateTransitionReason: "USER_INITIATED",
        lastModified: new Date(kernel.now()).toISOString(),
        lastProcessingResult: "No records processed",
        maximumRecordAgeInSeconds: resource.inputs.maximumRecordAgeInSeconds ?? -1,
        maximumRetryAttempts: resource.inputs.maximumRetryAttempts ?? -1,
        parallelizationFactor: config.parallelizationFactor,
        region: kernel.place.region,
        tagsAll: resource.inputs.tags ?? {},
      };
      return { id: uuid, outputs };
    },
    attach: (resource) => mappings.attach(parseMapping(resource.id, resource.inputs)),
    detach: (resource) => mappings.detach(resource.id),
    destroy: (resource) => mappings.destroy(resource.id),
  };
}
