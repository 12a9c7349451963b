import { createHash } from "node:crypto";
import { join } from "node:path";
import { AwsError, type Kernel, type Principal } from "../../kernel";
import { Environment, type Outcome } from "./environment";
import type { FunctionConfig } from "./function-config";
import { FunctionLog } from "./function-log";
import { EnvironmentPool } from "./pool";
import type { DoorCall, DoorReply, WorkerStart } from "./worker/protocol";

/** Environments of a function without reserved concurrency: a laptop is no Region. */
const defaultConcurrency = 10;
/** AWS gives the init phase 10 s; a busy laptop gets more before a slow start counts as a fault. */
const initTimeoutMs = 30_000;

/** One function: its environments, its log, and the identity that its calls carry. */
export class LambdaFunction {
  private readonly pool: EnvironmentPool;
  private readonly log: FunctionLog;
  private readonly principal: Principal;
  /** Faults of the runtime that were told. */
  private readonly faults = new Set<string>();

  constructor(
    private readonly kernel: Kernel,
    readonly config: FunctionConfig,
    logFile: string,
    private readonly layerFolder: (arn: string) => string,
  ) {
    this.principal = { kind: "role", roleArn: config.role, session: config.name };
    this.log = new FunctionLog(logFile, (message) => kernel.log.warn(message));
    const reserved = config.reservedConcurrency;
    this.pool = new EnvironmentPool({
      size: reserved > 0 ? reserved : defaultConcurrency,
      timeoutMs: config.timeoutMs,
      create: () => this.createEnvironment(),
    });
  }

  /** Invocations that run or wait. */
  get load(): number {
    return this.pool.load;
  }

  async run(event: string): Promise<Outcome> {
    const outcome = await this.pool.run(event);
    if (outcome.error) this.log.write([`ERROR ${JSON.stringify(outcome.error)}`]);
    return outcome;
  }

  async retire(graceMs: number): Promise<void> {
    await this.pool.retire(graceMs);
    this.log.close();
  }

  private createEnvironment(): Environment {
    const { config } = this;
    const start: WorkerStart = {
      taskRoot: config.taskRoot,
      handler: config.handler,
      runtime: config.runtime,
      functionName: config.name,
      functionVersion: config.version,
      memoryLimitInMB: String(config.memoryMb),
      logGroupName: `/aws/lambda/${config.name}`,
      logStreamName: `local/[${config.version}]${createHash("sha256").update(config.arn).digest("hex").slice(0, 32)}`,
    };
    return new Environment({
      start,
      variables: this.variables(start),
      memoryMb: config.memoryMb,
      functionArn: config.arn,
      initTimeoutMs,
      call: (call) => this.call(call),
      onLines: (lines) => this.log.write(lines),
      onMetrics: (metrics) => {
        for (const metric of metrics) this.kernel.metrics.put(metric);
      },
    });
  }

  /**
   * `process.env` of the function: its own variables and those that Lambda sets; nothing of this process's.
   * Source: "Defined runtime environment variables" in the Lambda developer guide.
   */
  private variables(start: WorkerStart): Record<string, string> {
    const { config, kernel } = this;
    const credentials = kernel.credentials.issue(this.principal);
    const layers = config.layers.map(this.layerFolder);
    return {
      TZ: ":UTC",
      LANG: "en_US.UTF-8",
      ...config.environment,
      NODE_PATH: layers.map((layer) => join(layer, "nodejs", "node_modules")).join(":"),
      LAMBDA_TASK_ROOT: config.taskRoot,
      _HANDLER: config.handler,
      AWS_REGION: kernel.place.region,
      AWS_DEFAULT_REGION: kernel.place.region,
      AWS_EXECUTION_ENV: `AWS_Lambda_${config.runtime}`,
      AWS_LAMBDA_FUNCTION_NAME: config.name,
      AWS_LAMBDA_FUNCTION_VERSION: config.version,
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(config.memoryMb),
      AWS_LAMBDA_INITIALIZATION_TYPE: "on-demand",
      AWS_LAMBDA_LOG_GROUP_NAME: start.logGroupName,
      AWS_LAMBDA_LOG_STREAM_NAME: start.logStreamName,
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      AWS_SESSION_TOKEN: credentials.sessionToken,
      ...(kernel.awsEndpoint ? { AWS_ENDPOINT_URL: kernel.awsEndpoint } : {}),
    };
  }

  private async call([id, service, operation, input]: DoorCall): Promise<DoorReply> {
    try {
      return [id, true, await this.kernel.call(service, operation, input, this.principal)];
    } catch (error) {
      if (error instanceof AwsError) {
        const { name, message, status, details } = error;
        return [id, false, { name, message, status, details }];
      }
      // A fault of ours, not of the caller's: it goes to both. Once: a full disk fails every call from then on.
      const fault = `${service}.${operation} failed: ${error instanceof Error ? error.stack : error}`;
      if (!this.faults.has(fault)) this.kernel.log.warn(fault);
      this.faults.add(fault);
      return [id, false, { name: "InternalFailure", message: String(error), status: 500, details: {} }];
    }
  }
}
