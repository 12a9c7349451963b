import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { PipelineRun, QueryResult, RuntimeHandle, RuntimeStatus } from "./control/handle";
import { RemoteRuntime } from "./control/remote";
import { serveControl } from "./control/server";
import { claimDataFolder, runningInstance } from "./data-folder";
import { serveAwsEndpoint } from "./endpoint";
import { type EngineEvent, loadStacks, type RunResult, runProgram, saveResourceOutputs } from "./engine";
import { awsInvokes } from "./engine/invokes";
import { Kernel, LocalRuntimeError, type Logger, type Metrics } from "./kernel";
import { LocalProvider } from "./provider";
import { checkResource } from "./schema";
import { installServices, lookups } from "./services";
import { queryRows } from "./services/athena";
import { describePipelineRun } from "./services/sfn";

export interface RuntimeOptions {
  /** The data folder; made when absent. */
  readonly dataDir: string;
  /** Base port: the AWS endpoint, HTTP APIs on the next ones. Default: picked by the system once, then kept. */
  readonly port?: number;
  readonly region?: string;
  readonly log?: Logger;
}

export interface ProgramOptions {
  /** The folder with `Pulumi.yaml`. */
  readonly programDir: string;
  /** Default: `dev`. */
  readonly stack?: string;
  /** Configuration on top of `Pulumi.<stack>.yaml`, by full key (`tributary:crmUrl`). */
  readonly config?: Readonly<Record<string, string>>;
  readonly onEvent?: (event: EngineEvent) => void;
}

/** The stack that a data folder was last brought up with. */
interface CurrentStack {
  readonly project: string;
  readonly stack: string;
  readonly programDir: string;
  readonly region: string;
}

/**
 * The embedded runtime: a Pulumi program's resources, working in this process over one data folder.
 * `open` restores what an earlier run left; `up` runs a program and applies what changed.
 */
export class LocalRuntime implements RuntimeHandle {
  readonly embedded = true;
  private current: CurrentStack | undefined;
  private outputs: Record<string, unknown> = {};
  private closed: Promise<void> | undefined;

  private constructor(
    readonly kernel: Kernel,
    private readonly provider: LocalProvider,
    private readonly release: () => Promise<void>,
  ) {}

  /** Takes the data folder, starts the services and makes every resource of its state work again. */
  static async open(options: RuntimeOptions): Promise<LocalRuntime> {
    const dataDir = resolve(options.dataDir);
    const claim = claimDataFolder(dataDir);
    const closers: (() => Promise<void> | void)[] = [() => claim.release()];
    const unwind = async () => {
      for (const closer of [...closers].reverse()) await closer();
    };
    try {
      const current = readCurrentStack(dataDir);
      const kernel = new Kernel({ ...options, dataDir, region: options.region ?? current?.region });
      closers.push(() => kernel.close());
      const realisers = installServices(kernel);
      const endpoint = await serveAwsEndpoint(kernel);
      closers.push(() => endpoint.close());
      const provider = new LocalProvider(kernel, {
        realisers,
        check: checkResource,
        invoke: awsInvokes(kernel.place, lookups(kernel)),
      });
      const runtime = new LocalRuntime(kernel, provider, unwind);
      runtime.current = current;
      kernel.restoring = true;
      for (const stack of loadStacks(kernel.store)) {
        for (const resource of stack.resources) {
          await provider.restore(resource);
          const now = kernel.resources.get(resource.urn);
          if (now && now !== resource) await saveResourceOutputs(kernel.store, stack.project, stack.stack, now);
        }
        if (current && stack.project === current.project && stack.stack === current.stack)
          runtime.outputs = stack.outputs;
      }
      kernel.restoring = false;
      const control = await serveControl(runtime);
      closers.push(() => control.close());
      claim.publish(control.url, control.token);
      return runtime;
    } catch (error) {
      await unwind();
      throw error;
    }
  }

  /** Whether the folder holds a stack that was brought up before. */
  get hasStack(): boolean {
    return this.current !== undefined;
  }

  /** Runs the program as `pulumi preview` does: nothing is created, outputs are unknown. */
  async preview(program: ProgramOptions): Promise<RunResult> {
    return await this.run(program, "preview");
  }

  /** Runs the program and applies what changed; the result tells each step. */
  async up(program: ProgramOptions): Promise<RunResult> {
    const result = await this.run(program, "up");
    const { project, stack } = result;
    this.current = { project, stack, programDir: resolve(program.programDir), region: this.kernel.place.region };
    writeFileSync(currentStackFile(this.kernel.options.dataDir), `${JSON.stringify(this.current, null, 2)}\n`);
    this.outputs = result.outputs;
    return result;
  }

  private async run(program: ProgramOptions, mode: "preview" | "up"): Promise<RunResult> {
    return await runProgram({
      programDir: resolve(program.programDir),
      stack: program.stack ?? "dev",
      mode,
      provider: this.provider,
      store: this.kernel.store,
      assetDir: this.kernel.folder("assets"),
      config: program.config,
      onEvent: program.onEvent,
    });
  }

  async call<O = Record<string, unknown>>(service: string, operation: string, input: object): Promise<O> {
    return await this.kernel.call<O>(service, operation, input);
  }

  async status(): Promise<RuntimeStatus> {
    const custom = [...this.kernel.resources.values()].map(({ urn, type, name }) => ({ urn, type, name }));
    return {
      dataDir: this.kernel.options.dataDir,
      project: this.current?.project ?? "",
      stack: this.current?.stack ?? "",
      awsEndpoint: this.kernel.awsEndpoint,
      outputs: this.outputs,
      realised: custom.filter(({ type }) => this.provider.isRealised(type)),
      recorded: custom.filter(({ type }) => !this.provider.isRealised(type)),
      pending: this.kernel.pending(),
    };
  }

  async metrics(): Promise<ReturnType<Metrics["list"]>> {
    return this.kernel.metrics.list();
  }

  async quiesce(onProgress?: (pending: Record<string, number>) => void): Promise<void> {
    await this.kernel.quiesce({ timeoutMs: 3_600_000, onProgress });
  }

  async query(sql: string): Promise<QueryResult> {
    return await queryRows(this.kernel, sql);
  }

  async pipelineRun(executionArn: string): Promise<PipelineRun> {
    return describePipelineRun(this.kernel, executionArn);
  }

  async close(): Promise<void> {
    this.closed ??= this.release();
    await this.closed;
  }
}

const currentStackFile = (dataDir: string) => join(dataDir, "stack.json");

function readCurrentStack(dataDir: string): CurrentStack | undefined {
  const file = currentStackFile(dataDir);
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as CurrentStack) : undefined;
}

/**
 * The runtime of a data folder, for a command: the running instance where there is one, else this process opens the
 * folder; and when nothing was ever brought up there, the program is run first (`program`), or the call fails.
 */
export async function connect(options: RuntimeOptions, program?: ProgramOptions): Promise<RuntimeHandle> {
  const dataDir = resolve(options.dataDir);
  const running = runningInstance(dataDir);
  if (running) return new RemoteRuntime(running);
  if (!readCurrentStack(dataDir) && !program) {
    throw new LocalRuntimeError(
      `There is no platform in ${dataDir} yet.`,
      "Start one with `tributary dev` (or `npm start`), or name its folder with --data DIR.",
    );
  }
  const runtime = await LocalRuntime.open(options);
  try {
    if (!runtime.hasStack && program) await runtime.up(program);
    return runtime;
  } catch (error) {
    await runtime.close();
    throw error;
  }
}
