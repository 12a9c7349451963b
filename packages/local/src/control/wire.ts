import { deserialize, serialize } from "node:v8";

/** What crosses the control endpoint: structured-clone bytes, so that dates, blobs and big integers arrive as they are. */
export type ControlRequest =
  | { readonly method: "call"; readonly service: string; readonly operation: string; readonly input: object }
  | { readonly method: "status" }
  | { readonly method: "metrics" }
  | { readonly method: "pending" }
  | { readonly method: "flush" }
  | { readonly method: "query"; readonly sql: string }
  | { readonly method: "pipelineRun"; readonly executionArn: string };

export interface ControlError {
  readonly name: string;
  readonly message: string;
  readonly status?: number;
  readonly details?: Record<string, unknown>;
}

export type ControlReply =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly error: ControlError };

export const encode = (value: ControlRequest | ControlReply): Buffer => serialize(value);

export const decodeRequest = (bytes: Uint8Array): ControlRequest => deserialize(bytes) as ControlRequest;

export const decodeReply = (bytes: Uint8Array): ControlReply => deserialize(bytes) as ControlReply;
