import { join } from "node:path";
import { Worker } from "node:worker_threads";
import type { MetricDatum } from "../../kernel";
import type { DoorCall, DoorReply, FromWorker, HandlerError, ToWorker, WorkerStart } from "./worker/protocol";

/** What an invocation came to: the handler's answer as JSON, or how it failed. */
export type Outcome =
  | { readonly json: string; readonly error?: undefined }
  | { readonly json?: undefined; readonly error: HandlerError };

export interface EnvironmentOptions {
  readonly start: WorkerStart;
  /** The whole of the function's `process.env`. */
  readonly variables: Readonly<Record<string, string>>;
  readonly memoryMb: number;
  readonly functionArn: string;
  /** The init phase may take this long. */
  readonly initTimeoutMs: number;
  call(call: DoorCall): Promise<DoorReply>;
  onLines(lines: readonly string[]): void;
  onMetrics(metrics: readonly MetricDatum[]): void;
}

interface Running {
  readonly requestId: string;
  readonly timer: NodeJS.Timeout;
  readonly resolve: (outcome: Outcome) => void;
}

/**
 * One execution environment: a worker thread with the function loaded, which handles one invocation at a time. Whatever
 * ends the thread (a timeout, `process.exit`, an uncaught exception, memory) fails the running invocation only.
 */
export class Environment {
  /** Settles when the function is loaded; rejects (with a `HandlerError`) when it can not be. */
  readonly ready: Promise<void>;
  idleSince = 0;
  private readonly worker: Worker;
  private running: Running | undefined;
  private ended: HandlerError | undefined;
  private replies: DoorReply[] = [];
  private onReady!: (error?: HandlerError) => void;

  constructor(private readonly options: EnvironmentOptions) {
    this.ready = new Promise((resolve, reject) => {
      this.onReady = (error) => (error ? reject(error) : resolve());
    });
    this.ready.catch(() => undefined); // whoever awaits it hears of it; nobody has to
    this.worker = new Worker(join(__dirname, "worker", "bootstrap.js"), {
      workerData: options.start,
      env: { ...options.variables },
      execArgv: [],
      stdout: true,
      stderr: true,
      resourceLimits: { maxOldGenerationSizeMb: options.memoryMb, maxYoungGenerationSizeMb: 24 },
    });
    this.worker.on("message", (message: FromWorker) => this.receive(message));
    this.worker.on("error", (error: NodeJS.ErrnoException) => this.end(exitError(error)));
    this.worker.on("exit", (code) => this.end(exitError(undefined, code)));
    const timer = setTimeout(() => {
      this.stop({
        errorType: "Sandbox.Timedout",
        errorMessage: `Init phase timed out after ${options.initTimeoutMs} ms`,
      });
    }, options.initTimeoutMs);
    this.ready.then(
      () => clearTimeout(timer),
      () => clearTimeout(timer),
    );
  }

  get alive(): boolean {
    return this.ended === undefined;
  }

  /** Runs the handler once. Never rejects. */
  invoke(requestId: string, event: string, timeoutMs: number): Promise<Outcome> {
    const ended = this.ended;
    if (ended) return Promise.resolve({ error: ended });
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        const seconds = (timeoutMs / 1000).toFixed(2);
        this.stop({
          errorType: "Sandbox.Timedout",
          errorMessage: `RequestId: ${requestId} Error: Task timed out after ${seconds} seconds`,
        });
      }, timeoutMs);
      this.running = { requestId, timer, resolve };
      this.send({
        type: "invoke",
        requestId,
        event,
        deadline: Date.now() + timeoutMs,
        functionArn: this.options.functionArn,
      });
    });
  }

  /** Ends the thread at once; a running invocation fails with the reason. */
  stop(
    reason: HandlerError = { errorType: "Sandbox.Stopped", errorMessage: "The environment was stopped" },
  ): Promise<number> {
    this.end(reason);
    return this.worker.terminate();
  }

  private send(message: ToWorker): void {
    this.worker.postMessage(message);
  }

  private receive(message: FromWorker): void {
    if (message.lines) this.options.onLines(message.lines);
    if (message.metrics) this.options.onMetrics(message.metrics);
    if (message.calls) for (const call of message.calls) void this.answer(call);
    if (message.ready) this.onReady();
    if (message.initError) void this.stop(message.initError);
    const { done } = message;
    if (done && done.requestId === this.running?.requestId) {
      this.settle(done.error ? { error: done.error } : { json: done.json ?? "null" });
    }
  }

  /** Answers that come due together (one commit of the store settles many) leave as one message. */
  private async answer(call: DoorCall): Promise<void> {
    const reply = await this.options.call(call);
    if (this.replies.push(reply) > 1) return;
    queueMicrotask(() => process.nextTick(() => this.sendReplies()));
  }

  private sendReplies(): void {
    const replies = this.replies;
    this.replies = [];
    if (this.ended) return;
    try {
      this.send({ type: "replies", replies });
    } catch {
      // One of the outputs holds what can not cross to a thread: that call fails by name, the others go.
      for (const reply of replies) this.sendAlone(reply);
    }
  }

  private sendAlone(reply: DoorReply): void {
    try {
      this.send({ type: "replies", replies: [reply] });
    } catch (error) {
      const failure = {
        name: "InternalFailure",
        message: `the answer can not be copied: ${error}`,
        status: 500,
        details: {},
      };
      this.send({ type: "replies", replies: [[reply[0], false, failure]] });
    }
  }

  private end(reason: HandlerError): void {
    if (this.ended) return;
    this.ended = reason;
    this.onReady(reason);
    this.settle({ error: reason });
  }

  private settle(outcome: Outcome): void {
    const running = this.running;
    if (!running) return;
    this.running = undefined;
    clearTimeout(running.timer);
    running.resolve(outcome);
  }
}

/** In the words of Lambda's service for a runtime that went away. */
function exitError(error: NodeJS.ErrnoException | undefined, code = 0): HandlerError {
  if (error?.code === "ERR_WORKER_OUT_OF_MEMORY") {
    return {
      errorType: "Runtime.OutOfMemory",
      errorMessage: "Error: Runtime exited with error: signal: killed (memorySize was reached)",
    };
  }
  if (error) return { errorType: error.name, errorMessage: error.message, trace: error.stack?.split("\n") };
  const how = code === 0 ? "without providing a reason" : `with error: exit status ${code}`;
  return { errorType: "Runtime.ExitError", errorMessage: `Error: Runtime exited ${how}` };
}
