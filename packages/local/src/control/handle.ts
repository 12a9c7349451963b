import type { Metrics } from "../kernel";

export interface ResourceSummary {
  readonly urn: string;
  readonly type: string;
  readonly name: string;
}

export interface RuntimeStatus {
  readonly dataDir: string;
  readonly project: string;
  readonly stack: string;
  /** `http://127.0.0.1:<port>` for AWS SDKs (`AWS_ENDPOINT_URL`). */
  readonly awsEndpoint: string;
  /** The program's stack outputs, in plain values. */
  readonly outputs: Record<string, unknown>;
  readonly realised: readonly ResourceSummary[];
  /** Types that nobody realises: configuration and ARN, no behaviour. */
  readonly recorded: readonly ResourceSummary[];
  /** Work in progress by activity. */
  readonly pending: Record<string, number>;
}

export interface QueryResult {
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  readonly rows: readonly (readonly unknown[])[];
}

export interface PipelineRun {
  readonly status: "RUNNING" | "SUCCEEDED" | "FAILED" | "TIMED_OUT" | "ABORTED";
  readonly steps: readonly {
    readonly name: string;
    readonly seconds: number;
    /** Rows written; null where the step writes no table. */
    readonly rows: number | null;
    /** Partitions that a step replaced, where it says so. */
    readonly partitions?: number;
    /** Whether a step had nothing to do, where it says so. */
    readonly skipped?: boolean;
  }[];
  readonly error?: string;
}

/**
 * The runtime as its users hold it: the same whether it runs in this process or behind the control endpoint of a
 * running `tributary dev`.
 */
export interface RuntimeHandle {
  /** Whether the runtime lives in this process (and ends with it). */
  readonly embedded: boolean;
  /** An AWS API call as the root user: `call("dynamodb", "GetItem", {…})`, in the SDK's shapes. */
  call<O = Record<string, unknown>>(service: string, operation: string, input: object): Promise<O>;
  status(): Promise<RuntimeStatus>;
  metrics(): Promise<ReturnType<Metrics["list"]>>;
  /** Waits until every stream, queue and buffer is empty. */
  quiesce(onProgress?: (pending: Record<string, number>) => void): Promise<void>;
  /** Runs a query over the lake in Athena's dialect. */
  query(sql: string): Promise<QueryResult>;
  /** How an execution of a pipeline (a state machine) stands. */
  pipelineRun(executionArn: string): Promise<PipelineRun>;
  /** Embedded: stops the runtime. Remote: lets go of it. */
  close(): Promise<void>;
}
