import { AssetStore } from "./assets";
import { CallbackClients } from "./callbacks";
import { type ResolvedConfig, resolveConfig } from "./config";
import { DeletionPlan } from "./deletion";
import { Deployment, type DeploymentContext } from "./deployment";
import { ResourceHooks } from "./hooks";
import { type HostOptions, runLanguageHost } from "./language-host";
import { Monitor } from "./monitor";
import { readableError } from "./program-errors";
import { type Project, readProject } from "./project";
import { type EngineEvent, type Operation, RunFailed, type RunOptions, type RunResult, type Step } from "./run-types";
import { StackState, secretOutputs, stackOutputs } from "./state";
import { plainObject } from "./values";

/** Registrations that a program may have under way at a time. */
const parallel = 16;

/** How a program is run: in a process of its own, or (for tests) as a function in this one. */
export interface ProgramHost {
  readonly project: Project;
  readonly config: ResolvedConfig;
  /** Resolves with the exit code. */
  run(options: HostOptions): Promise<number>;
  /** Whether the program lives in this process, where an error that nobody catches would end the process. */
  readonly inProcess: boolean;
}

/**
 * Runs a Pulumi program against the state of its stack: `preview` shows what would be done, `up` does it, `destroy`
 * deletes everything without running the program. Throws `RunFailed` with what the program said and where.
 */
export async function runProgram(options: RunOptions): Promise<RunResult> {
  const project = readProject(options.programDir);
  const env = { ...process.env, ...options.env };
  const config =
    options.mode === "destroy"
      ? { values: {}, secretKeys: [] }
      : resolveConfig(project, options.stack, options.config ?? {}, env);
  return await runWith(options, { project, config, run: runLanguageHost, inProcess: false });
}

/** The engine's part of a run, for any way of running the program. */
export async function runWith(options: RunOptions, host: ProgramHost): Promise<RunResult> {
  const run = new Run(options, host);
  return options.mode === "destroy" ? await run.destroy() : await run.execute();
}

class Run {
  private readonly errors: string[] = [];
  private readonly text = { stdout: "", stderr: "" };
  private readonly callbacks = new CallbackClients();
  private readonly context: DeploymentContext;
  private readonly deployment: Deployment;

  constructor(
    private readonly options: RunOptions,
    private readonly host: ProgramHost,
  ) {
    const preview = options.mode === "preview";
    const emit = (event: EngineEvent): void => options.onEvent?.(event);
    this.context = {
      project: host.project.name,
      stack: options.stack,
      organization: options.organization ?? "organization",
      preview,
      provider: options.provider,
      store: options.store,
      state: new StackState(options.store, host.project.name, options.stack),
      assets: new AssetStore(options.assetDir, host.project.workingDir),
      callbacks: this.callbacks,
      hooks: new ResourceHooks(this.callbacks, preview, (message) =>
        emit({ kind: "log", severity: "warning", message }),
      ),
      emit,
    };
    this.deployment = new Deployment(this.context);
  }

  async execute(): Promise<RunResult> {
    const { project, config, inProcess } = this.host;
    const { deployment, context, options } = this;
    // A run that fails half-way is a stack too: what it made is found again.
    if (!context.preview && !stackOutputs(context.store, context.project, context.stack))
      await context.state.setOutputs({});
    let abort: (error: Error) => void = () => undefined;
    const aborted = new Promise<never>((_, reject) => {
      abort = reject;
    });
    aborted.catch(() => undefined);
    const monitor = new Monitor({
      deployment,
      parallel,
      config: config.values,
      configSecretKeys: config.secretKeys,
      log: (severity, message, urn) => this.log(severity, message, urn),
      ...(inProcess ? { abort } : {}),
    });
    try {
      const code = await Promise.race([
        aborted,
        this.host.run({
          project,
          stack: options.stack,
          organization: context.organization,
          preview: context.preview,
          address: await monitor.listen(),
          parallel,
          config,
          env: options.env ?? {},
          onText: (stream, text) => {
            this.text[stream] += text;
            context.emit({ kind: "text", stream, text });
          },
          ...(options.signal ? { signal: options.signal } : {}),
        }),
      ]);
      if (code !== 0 || this.errors.length > 0 || deployment.failures.length > 0) throw this.failed(code);
      // An SDK that does not signal its end leaves the deletes to us.
      await deployment.finish().catch(() => undefined);
      if (deployment.failures.length > 0) throw this.failed(code);
      return this.result();
    } catch (error) {
      if (error instanceof RunFailed) throw error;
      if (!deployment.failures.includes((error as Error).message)) this.errors.push(describe(error as Error));
      throw this.failed(1);
    } finally {
      monitor.close();
      this.callbacks.close();
    }
  }

  /** Deletes everything, without the program (as `pulumi destroy`). */
  async destroy(): Promise<RunResult> {
    const steps: Step[] = [];
    const report = (step: Step): void => {
      steps.push(step);
      this.context.emit({ kind: "step", step });
    };
    try {
      await new DeletionPlan(this.context, new Map(), report).run(this.context.state.list());
      await this.context.state.forgetStack();
      return { ...this.result(), steps, summary: summarise(steps) };
    } catch (error) {
      throw new RunFailed((error as Error).message, [], { ...this.result(), steps, summary: summarise(steps) });
    }
  }

  private log(severity: "info" | "warning" | "error", raw: string, urn: string): void {
    const message = readableError(raw);
    if (severity === "error") this.errors.push(message);
    this.context.emit({ kind: "log", severity, message, ...(urn ? { urn } : {}) });
  }

  private failed(code: number): RunFailed {
    const said = [...this.errors];
    // The program repeats what a failed registration said; what it did not repeat must not get lost.
    for (const failure of this.deployment.failures) {
      if (!said.some((error) => error.includes(failure.slice(0, 200)))) said.push(failure);
    }
    if (said.length === 0)
      said.push(this.text.stderr.trim() || this.text.stdout.trim() || `the program ended with code ${code}`);
    return new RunFailed(said.join("\n\n"), this.deployment.faults, this.result());
  }

  private result(): RunResult {
    const { deployment, context, text } = this;
    return {
      project: context.project,
      stack: context.stack,
      resources: deployment.received,
      steps: deployment.steps,
      summary: summarise(deployment.steps),
      outputs: plainObject(deployment.outputs),
      secretOutputs: secretOutputs(deployment.outputs),
      ...text,
    };
  }
}

function summarise(steps: readonly Step[]): Record<Operation, number> {
  const summary = { create: 0, update: 0, replace: 0, delete: 0, same: 0, read: 0, forget: 0 };
  for (const { op } of steps) summary[op] += 1;
  return summary;
}

/** An error of a program in this process, with the faults that Pulumi's error types carry. */
function describe(error: Error): string {
  const faults: unknown = (error as { errors?: unknown }).errors;
  const lines = Array.isArray(faults)
    ? faults.map((fault: { propertyPath?: string; reason?: string }) => `  ${fault.propertyPath}: ${fault.reason}`)
    : [];
  return [readableError(error.stack ?? error.message), ...lines].join("\n");
}
