import type { MetricDatum } from "../../../kernel";

/** How a failed invocation is reported, in the shape of the Invoke API's error payload. */
export interface HandlerError {
  readonly errorType: string;
  readonly errorMessage: string;
  readonly trace?: readonly string[];
}

/** What a worker is told when it is made. */
export interface WorkerStart {
  /** Folder with the function's code. */
  readonly taskRoot: string;
  /** `index.handler` */
  readonly handler: string;
  readonly runtime: string;
  readonly functionName: string;
  readonly functionVersion: string;
  readonly memoryLimitInMB: string;
  readonly logGroupName: string;
  readonly logStreamName: string;
}

/** A call of an AWS API through the in-process door: id, service, operation, input. */
export type DoorCall = [id: number, service: string, operation: string, input: object];

/** The answer to a door call; an error crosses as plain data. */
export type DoorReply =
  | [id: number, ok: true, output: unknown]
  | [id: number, ok: false, error: { name: string; message: string; status: number; details: Record<string, unknown> }];

export type ToWorker =
  | {
      readonly type: "invoke";
      readonly requestId: string;
      /** The event as JSON: parsed once, in the worker, as Lambda does it. */
      readonly event: string;
      /** Epoch milliseconds. */
      readonly deadline: number;
      readonly functionArn: string;
    }
  | { readonly type: "replies"; readonly replies: DoorReply[] };

/** Everything that a worker has to say since it last spoke: one message per turn of its event loop. */
export interface FromWorker {
  ready?: true;
  /** The function could not be loaded. */
  initError?: HandlerError;
  calls?: DoorCall[];
  lines?: string[];
  metrics?: MetricDatum[];
  done?: { requestId: string; json?: string; error?: HandlerError };
}
