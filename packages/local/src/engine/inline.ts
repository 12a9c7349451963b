import type { getMonitor } from "@pulumi/pulumi/runtime/settings";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { runWith } from "./run";
import type { ConfigValue, RunOptions, RunResult } from "./run-types";

/** A program as a function: what it returns (or a promise of it) are the stack's outputs. */
export type InlineProgram = () => unknown;

export interface InlineOptions extends Omit<RunOptions, "programDir"> {
  /** The name of the project. */
  readonly project: string;
  /** What relative paths of assets are relative to. */
  readonly workingDir: string;
}

/** An entry of the SDK that its type declarations leave out: gives the work a runtime state of its own. */
interface SdkState {
  withLocalStorage<T>(work: () => Promise<T>): Promise<T>;
}

/**
 * Runs a function as a Pulumi program in this process, with the engine of `runProgram`. For tests and tools: a program
 * that never ends can not be stopped, and errors inside of `apply` reach the process as unhandled rejections.
 */
export async function runInline(program: InlineProgram, options: InlineOptions): Promise<RunResult> {
  const { project: name, workingDir, config = {}, ...rest } = options;
  const project = {
    name,
    root: workingDir,
    workingDir,
    main: ".",
    typescript: false,
    config: {},
    stackConfigDir: workingDir,
  };
  // Loaded on first use: who runs programs in processes of their own does not need the SDK here.
  const { withLocalStorage } = require("@pulumi/pulumi/runtime/state") as SdkState;
  return await withLocalStorage(() =>
    runWith(
      { ...rest, programDir: workingDir },
      {
        project,
        config: resolved(name, config),
        inProcess: true,
        run: async ({ stack, parallel, address, preview, organization, config: { values, secretKeys } }) => {
          const settings = await import("@pulumi/pulumi/runtime/settings");
          const { setAllConfig } = await import("@pulumi/pulumi/runtime/config");
          settings.resetOptions(name, stack, parallel, address, address, preview, organization);
          setAllConfig(values, secretKeys);
          forgiveOutputs(settings.getMonitor());
          await runToItsEnd(program);
          await settings.disconnect(true);
          return 0;
        },
      },
    ),
  );
}

/** The SDK rejects, where nobody awaits it, when the engine ends while outputs are being registered. */
function forgiveOutputs(monitor: ReturnType<typeof getMonitor>): void {
  if (!monitor) throw new Error("the SDK has no engine to talk to");
  const register = monitor.registerResourceOutputs.bind(monitor) as (request: object, callback: Answered) => object;
  const forgiving = (request: object, callback: Answered) =>
    register(request, (_, answer) => callback(null, answer ?? new Empty()));
  Object.assign(monitor, { registerResourceOutputs: forgiving });
}

type Answered = (error: Error | null, answer: Empty) => void;

async function runToItsEnd(program: InlineProgram): Promise<void> {
  const { disconnect } = await import("@pulumi/pulumi/runtime/settings");
  const { runInPulumiStack } = await import("@pulumi/pulumi/runtime/stack");
  let thrown: { error: unknown } | undefined;
  // The SDK hangs the outcome of the program on several promises that nobody awaits: an error must not get there.
  await runInPulumiStack(async () => {
    try {
      return (await program()) as Record<string, unknown>;
    } catch (error) {
      thrown = { error };
      return {};
    }
  });
  if (!thrown) return;
  await disconnect(false);
  throw thrown.error;
}

function resolved(project: string, config: Readonly<Record<string, ConfigValue>>) {
  const entries = Object.entries(config).map(
    ([key, value]) => [key.includes(":") ? key : `${project}:${key}`, value] as const,
  );
  return {
    values: Object.fromEntries(entries.map(([key, value]) => [key, typeof value === "string" ? value : value.secret])),
    secretKeys: entries.filter(([, value]) => typeof value !== "string").map(([key]) => key),
  };
}
