import { z } from "zod";
import { AwsError, isStoredAsset, NotSupportedLocally, type Resource, type StoredAsset } from "../../kernel";

/** Runtimes whose code runs on this process's own Node. */
const supportedRuntimes = ["nodejs20.x", "nodejs22.x", "nodejs24.x"];

const destination = z.object({ destination: z.string() }).optional();
const inputs = z.object({
  code: z.custom<StoredAsset>(isStoredAsset).optional(),
  handler: z.string().optional(),
  runtime: z.string().optional(),
  role: z.string(),
  packageType: z.string().optional(),
  imageUri: z.string().optional(),
  s3Bucket: z.string().optional(),
  memorySize: z.number().int().min(128).max(10_240).default(128),
  timeout: z.number().int().min(1).max(900).default(3),
  reservedConcurrentExecutions: z.number().int().min(-1).default(-1),
  environment: z.object({ variables: z.record(z.string(), z.string()).default({}) }).optional(),
  deadLetterConfig: z.object({ targetArn: z.string() }).optional(),
  layers: z.array(z.string()).default([]),
  architectures: z.array(z.string()).optional(),
  publish: z.boolean().optional(),
  tags: z.record(z.string(), z.string()).optional(),
});

/** What the host needs to know of a function; parsed from the resource once. */
export interface FunctionConfig {
  readonly name: string;
  readonly arn: string;
  readonly version: string;
  readonly role: string;
  readonly runtime: string;
  readonly handler: string;
  /** Folder with the unpacked code. */
  readonly taskRoot: string;
  readonly codeSha256: string;
  readonly memoryMb: number;
  readonly timeoutMs: number;
  /** -1: none reserved; 0: throttled on purpose. */
  readonly reservedConcurrency: number;
  readonly environment: Readonly<Record<string, string>>;
  readonly deadLetterArn: string | undefined;
  readonly layers: readonly string[];
  readonly architectures: readonly string[];
}

/**
 * Reads a function's arguments; everything that can not run here is refused by name.
 * @throws NotSupportedLocally for images, code in S3 and runtimes other than Node; AwsError for arguments out of range
 */
export function parseFunction(resource: {
  readonly urn: string;
  readonly inputs: Record<string, unknown>;
}): Omit<FunctionConfig, "name" | "arn" | "version"> {
  const parsed = inputs.safeParse(resource.inputs);
  if (!parsed.success) {
    const faults = parsed.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`);
    throw new AwsError("InvalidParameterValueException", `${resource.urn}: ${faults.join("; ")}`);
  }
  const value = parsed.data;
  if (value.packageType === "Image" || value.imageUri) {
    throw new NotSupportedLocally("lambda function from a container image", "Give the function a .zip archive.");
  }
  if (value.s3Bucket) {
    throw new NotSupportedLocally("lambda function code in S3", "Give the code as an archive (`code`).");
  }
  const runtime = value.runtime ?? "";
  if (!supportedRuntimes.includes(runtime)) {
    throw new NotSupportedLocally(`lambda runtime ${runtime || "(none)"}`, `It runs ${supportedRuntimes.join(", ")}.`);
  }
  if (value.code?.__asset !== "archive" || !value.handler) {
    throw new AwsError("InvalidParameterValueException", `${resource.urn}: code (an archive) and handler are required`);
  }
  return {
    role: value.role,
    runtime,
    handler: value.handler,
    taskRoot: value.code.path,
    codeSha256: Buffer.from(value.code.hash, "hex").toString("base64"),
    memoryMb: value.memorySize,
    timeoutMs: value.timeout * 1000,
    reservedConcurrency: value.reservedConcurrentExecutions,
    environment: value.environment?.variables ?? {},
    deadLetterArn: value.deadLetterConfig?.targetArn,
    layers: value.layers,
    architectures: value.architectures ?? ["x86_64"],
  };
}

/** The configuration of a function that exists. */
export function functionConfig(resource: Resource): FunctionConfig {
  return {
    ...parseFunction(resource),
    name: resource.id,
    arn: String(resource.outputs.arn),
    version: String(resource.outputs.version ?? "$LATEST"),
  };
}

const eventInvokeInputs = z.object({
  functionName: z.string(),
  maximumRetryAttempts: z.number().int().min(0).max(2).default(2),
  maximumEventAgeInSeconds: z.number().int().min(60).max(21_600).default(21_600),
  destinationConfig: z.object({ onFailure: destination, onSuccess: destination }).optional(),
});

/** How asynchronous invocations of a function are retried and where their outcome goes. */
export interface EventInvokeConfig {
  readonly functionName: string;
  readonly maximumRetryAttempts: number;
  readonly maximumEventAgeMs: number;
  readonly onFailure: string | undefined;
  readonly onSuccess: string | undefined;
}

/** AWS's defaults, where a function has no configuration of its own. */
export const defaultEventInvoke = { maximumRetryAttempts: 2, maximumEventAgeMs: 21_600_000 };

export function parseEventInvoke(resource: Resource): EventInvokeConfig {
  const value = eventInvokeInputs.parse(resource.inputs);
  return {
    functionName: functionNameOf(value.functionName),
    maximumRetryAttempts: value.maximumRetryAttempts,
    maximumEventAgeMs: value.maximumEventAgeInSeconds * 1000,
    onFailure: value.destinationConfig?.onFailure?.destination,
    onSuccess: value.destinationConfig?.onSuccess?.destination,
  };
}

/** The function's name from a name, a partial ARN (`123:function:f`), an ARN, any of them with a qualifier. */
export function functionNameOf(reference: string): string {
  const match = /(?:^|:)function:([^:]+)/.exec(reference);
  return match?.[1] ?? reference.split(":")[0] ?? reference;
}
