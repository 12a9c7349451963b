import type { Kernel } from "./kernel";

/** Who makes a call. `root` is the user at the command line; `service` is AWS itself acting on a resource's behalf. */
export type Principal =
  | { readonly kind: "root" }
  | { readonly kind: "role"; readonly roleArn: string; readonly session: string }
  | { readonly kind: "service"; readonly service: string; readonly sourceArn: string };

export const rootPrincipal: Principal = { kind: "root" };

export interface Call {
  readonly principal: Principal;
  readonly requestId: string;
}

/** One permission that a call needs, in IAM's words: `{ action: "kinesis:PutRecords", resource: "arn:aws:kinesis:…" }`. */
export interface RequiredPermission {
  readonly action: string;
  readonly resource: string;
  /** Condition keys of this call, such as `dynamodb:LeadingKeys`. */
  readonly context?: Readonly<Record<string, string | readonly string[]>>;
}

/**
 * One emulated AWS API. `operations` take and give the AWS SDK for JavaScript v3's own input and output shapes
 * (`PutRecordsCommandInput` → `PutRecordsCommandOutput` without `$metadata`; blobs are `Uint8Array`, times are `Date`).
 */
export interface AwsService {
  /** As in the SDK's package name: `kinesis`, `dynamodb`, `dynamodb-streams`, `s3`, `sqs`, `sfn`, `secrets-manager`… */
  readonly name: string;
  readonly operations: Readonly<Record<string, (input: never, call: Call) => unknown>>;
  /** What the caller's role must allow. Called before the operation; throws `AwsError` for a resource that is not there only if AWS would say so to a caller without permission. */
  permissions(operation: string, input: never): RequiredPermission[];
}

/** A resource as the engine registered it, all inputs known. */
export interface Registered<I = Record<string, unknown>> {
  readonly urn: string;
  /** `aws:kinesis/stream:Stream` */
  readonly type: string;
  /** The logical name, the last part of the URN. */
  readonly name: string;
  readonly inputs: I;
}

/** A resource that exists: with its physical id and its outputs (inputs plus what the provider computed). */
export interface Resource<I = Record<string, unknown>, O = Record<string, unknown>> extends Registered<I> {
  readonly id: string;
  readonly outputs: O;
}

/**
 * Makes one resource type work in this process. Life: `compute` (physical id and computed outputs, at create and at
 * update) → `attach` (make it work; again at each start, for every resource in the state, in creation order) →
 * `detach` (stop working; keep data) → `destroy` (delete its data). An update is detach, compute, attach.
 * `attach` must be idempotent and must find its data as it left it.
 */
export interface Realiser {
  readonly type: string;
  compute(
    resource: Registered,
    kernel: Kernel,
    previous?: Resource,
  ): Promise<{ id: string; outputs: Record<string, unknown> }> | { id: string; outputs: Record<string, unknown> };
  attach?(resource: Resource, kernel: Kernel): Promise<void> | void;
  detach?(resource: Resource, kernel: Kernel): Promise<void> | void;
  destroy?(resource: Resource, kernel: Kernel): Promise<void> | void;
  /** Inputs whose change replaces the resource, as on AWS. */
  readonly replaceOn?: readonly string[];
}

/** An asset or archive of the graph, materialised in the data folder by the engine; stands in the inputs where it stood. */
export interface StoredAsset {
  readonly __asset: "file" | "archive";
  /** SHA-256 of the content (for an archive: of its sorted paths and contents). */
  readonly hash: string;
  /** A file, or a folder that holds the unpacked archive. Absolute. */
  readonly path: string;
}

export function isStoredAsset(value: unknown): value is StoredAsset {
  return typeof value === "object" && value !== null && "__asset" in value;
}

/** A record of a sharded, ordered log (a Kinesis stream or a DynamoDB stream). */
export interface LogRecord<T = unknown> {
  readonly sequenceNumber: string;
  /** Epoch milliseconds. */
  readonly arrivedAt: number;
  /** Bytes that count towards an event source mapping's 6 MB. */
  readonly size: number;
  readonly data: T;
}

/** What event source mappings and delivery streams read. */
export interface ShardedLog<T = unknown> {
  /** The stream's ARN. */
  readonly arn: string;
  readonly kind: "kinesis" | "dynamodb" | "kafka";
  shards(): readonly string[];
  /** Up to `limit` records after the sequence number (exclusive); from the oldest where undefined. Cheap when empty. */
  read(shardId: string, after: string | undefined, limit: number): LogRecord<T>[];
  /** Sequence number of the newest record, or undefined where the shard is empty. */
  newest(shardId: string): string | undefined;
  /** Sequence number before which a reader "at timestamp" starts (exclusive start for `read`). */
  before(shardId: string, timestamp: number): string | undefined;
  /** The record as Lambda delivers it in `event.Records[]` (camelCase, as in AWS's docs). */
  toLambda(shardId: string, record: LogRecord<T>): Record<string, unknown>;
}

/** A function's answer. `functionError` as in the Invoke API: the handler threw or timed out. */
export interface InvokeResult {
  readonly payload: unknown;
  readonly functionError?: "Unhandled";
}

/** The Lambda host, for realisers that call functions. Payloads are plain data, never serialised twice. */
export interface LambdaHost {
  /** Synchronous invocation by ARN, qualified ARN or name. Checks the function's resource policy for a service principal. */
  invoke(functionArn: string, payload: unknown, principal: Principal): Promise<InvokeResult>;
  /** Asynchronous invocation: durably queued, retried twice, then to the function's failure destination. */
  invokeAsync(functionArn: string, payload: unknown, principal: Principal): Promise<void>;
  /** The role of a function, which event source mappings act under. */
  roleOf(functionArn: string): string;
}

/** Work in progress somewhere in the runtime: what `quiesce` waits for. */
export interface Activity {
  readonly name: string;
  /** Units of work not yet done (records behind a checkpoint, messages in a queue, running invocations). 0 when idle. */
  pending(): number;
  /** Makes waiting work due now (flush a delivery stream's buffer, cut a batching window short). */
  flush?(): Promise<void> | void;
}

/** A data point of a CloudWatch metric, from a handler's embedded metric format or from a service. */
export interface MetricDatum {
  readonly namespace: string;
  readonly name: string;
  readonly dimensions: Readonly<Record<string, string>>;
  readonly value: number;
  readonly at: number;
}
