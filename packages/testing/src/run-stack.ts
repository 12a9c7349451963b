import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import {
  type ConfigValue,
  type InlineProgram,
  type Mode,
  type RunOptions,
  type RunResult,
  runInline,
  runProgram,
  type Step,
  Store,
  saveStackOutputs,
} from "@tributary/local/engine";
import { Graph } from "./graph";
import { RecordingProvider, type RecordingProviderOptions } from "./recording-provider";

/**
 * What to run: a function (in this process, so that it may use what the test imports; errors inside of `apply` reach the
 * test runner), a folder with `Pulumi.yaml`, or a program file (both in a process of their own, as Pulumi's CLI does).
 */
export type StackProgram = InlineProgram | string;

export interface StackOptions extends RecordingProviderOptions {
  /** Default `up`. */
  readonly mode?: Mode;
  /** Default `test`. */
  readonly stack?: string;
  /** Default `test`; a folder says it itself. */
  readonly project?: string;
  /** `namespace:key`, or a key of the project. */
  readonly config?: Readonly<Record<string, ConfigValue>>;
  /** Outputs of other stacks, by `project/stack`, for stack references. */
  readonly references?: Readonly<Record<string, Record<string, unknown>>>;
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * Runs a program in the engine, in a temporary folder, with a provider that only records. Rejects with `RunFailed` when
 * the program or one of its resources is at fault.
 */
export async function runStack(program: StackProgram, options: StackOptions = {}): Promise<StackRun> {
  const folder = mkdtempSync(join(tmpdir(), "tributary-test-"));
  folders.add(folder);
  const store = Store.open(join(folder, "store"));
  stores.add(store);
  const provider = new RecordingProvider(options);
  for (const [name, outputs] of Object.entries(options.references ?? {})) {
    const [stack = "", project = options.project ?? "test"] = name.split("/").reverse();
    await saveStackOutputs(store, project, stack, outputs);
  }
  return await execute(program, options, { folder, store, provider });
}

interface World {
  readonly folder: string;
  readonly store: Store;
  readonly provider: RecordingProvider;
}

async function execute(program: StackProgram, options: StackOptions, world: World): Promise<StackRun> {
  const run: RunOptions = {
    programDir: typeof program === "string" ? programFolder(program, options, world.folder) : world.folder,
    stack: options.stack ?? "test",
    mode: options.mode ?? "up",
    provider: world.provider,
    store: world.store,
    assetDir: join(world.folder, "assets"),
    ...(options.config ? { config: options.config } : {}),
    ...(options.env ? { env: options.env } : {}),
  };
  const result =
    typeof program === "string"
      ? await runProgram(run)
      : await runInline(program, { ...run, project: options.project ?? "test", workingDir: process.cwd() });
  return new StackRun(result, world.provider, (next, changes) =>
    execute(next ?? program, { ...options, ...changes }, world),
  );
}

/** A program file gets a `Pulumi.yaml` of its own; a folder has one. */
function programFolder(path: string, options: StackOptions, folder: string): string {
  const program = resolve(path);
  if (statSync(program).isDirectory()) return program;
  const home = join(folder, "program");
  mkdirSync(home, { recursive: true });
  writeFileSync(
    join(home, "Pulumi.yaml"),
    `name: ${options.project ?? "test"}\nruntime: nodejs\nmain: ${JSON.stringify(program)}\n`,
  );
  return home;
}

/** A run of a program, and the way to run it (or another version of it) again on the same state. */
export class StackRun {
  readonly graph: Graph;
  readonly outputs: Record<string, unknown>;
  readonly secretOutputs: readonly string[];
  readonly steps: readonly Step[];
  readonly summary: RunResult["summary"];
  readonly stdout: string;
  readonly stderr: string;

  constructor(
    result: RunResult,
    readonly provider: RecordingProvider,
    private readonly rerun: (program: StackProgram | undefined, options: StackOptions) => Promise<StackRun>,
  ) {
    this.graph = Graph.of(result.resources);
    this.outputs = result.outputs;
    this.secretOutputs = result.secretOutputs;
    this.steps = result.steps;
    this.summary = result.summary;
    this.stdout = result.stdout;
    this.stderr = result.stderr;
  }

  /** Runs once more on the state that this run left. */
  async again(program?: StackProgram, options: StackOptions = {}): Promise<StackRun> {
    return await this.rerun(program, options);
  }
}

const folders = new Set<string>();
const stores = new Set<Store>();

async function cleanUp(): Promise<void> {
  for (const store of stores) await store.close();
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  stores.clear();
  folders.clear();
}

// Where a test runner has `afterAll`, the temporary folders go with the test file.
const { afterAll } = globalThis as { afterAll?: (work: () => Promise<void>) => void };
afterAll?.(cleanUp);
