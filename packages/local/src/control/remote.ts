import { request as httpRequest } from "node:http";
import { buffer } from "node:stream/consumers";
import type { RunningInstance } from "../data-folder";
import { AwsError, LocalRuntimeError, type Metrics } from "../kernel";
import type { PipelineRun, QueryResult, RuntimeHandle, RuntimeStatus } from "./handle";
import { type ControlRequest, decodeReply, encode } from "./wire";

/** The runtime of another process, through its control endpoint. */
export class RemoteRuntime implements RuntimeHandle {
  readonly embedded = false;

  constructor(private readonly instance: RunningInstance) {}

  private async send<T>(request: ControlRequest): Promise<T> {
    const { control, token, pid } = this.instance;
    if (!control || !token) {
      throw new LocalRuntimeError(
        `The instance that owns the data folder (process ${pid}) is still starting.`,
        "Try again in a moment.",
      );
    }
    let answer: Uint8Array;
    try {
      answer = await post(control, token, encode(request));
    } catch (error) {
      throw new LocalRuntimeError(
        `The running instance (process ${pid}) does not answer at ${control}: ${(error as Error).message}.`,
        "Stop it if it hangs; its data folder stays as it is.",
      );
    }
    const reply = decodeReply(answer);
    if (reply.ok) return reply.value as T;
    throw new AwsError(reply.error.name, reply.error.message, {
      status: reply.error.status,
      details: reply.error.details,
    });
  }

  async call<O = Record<string, unknown>>(service: string, operation: string, input: object): Promise<O> {
    return await this.send<O>({ method: "call", service, operation, input });
  }

  async status(): Promise<RuntimeStatus> {
    return await this.send({ method: "status" });
  }

  async metrics(): Promise<ReturnType<Metrics["list"]>> {
    return await this.send({ method: "metrics" });
  }

  async quiesce(onProgress?: (pending: Record<string, number>) => void): Promise<void> {
    let quiet = 0;
    while (quiet < 3) {
      await this.send({ method: "flush" });
      const pending = await this.send<Record<string, number>>({ method: "pending" });
      onProgress?.(pending);
      quiet = Object.keys(pending).length === 0 ? quiet + 1 : 0;
      await new Promise((resolve) => setTimeout(resolve, quiet > 0 ? 10 : 100));
    }
  }

  async query(sql: string): Promise<QueryResult> {
    return await this.send({ method: "query", sql });
  }

  async pipelineRun(executionArn: string): Promise<PipelineRun> {
    return await this.send({ method: "pipelineRun", executionArn });
  }

  async close(): Promise<void> {}
}

/** Not by `fetch`, which gives up after five minutes: a flush of a long backlog takes what it takes. */
async function post(url: string, token: string, body: Uint8Array): Promise<Uint8Array> {
  return await new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${token}`, "content-length": body.byteLength };
    const sent = httpRequest(url, { agent: false, method: "POST", headers }, (response) => {
      buffer(response).then(resolve, reject);
    });
    sent.on("error", reject);
    sent.end(body);
  });
}
