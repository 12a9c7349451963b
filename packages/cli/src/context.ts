import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { connect, type Logger, type RuntimeHandle } from "@tributary/local";
import type { Command } from "commander";
import { UsageError } from "./errors";
import { createOutput, type Output } from "./output";

/** Options that every command takes. */
export interface CommonOptions {
  readonly data: string;
  readonly program?: string;
  readonly stack: string;
  readonly json?: boolean;
  readonly verbose?: boolean;
}

export function withCommonOptions(command: Command): Command {
  return command
    .option("--data <dir>", "data folder", ".tributary")
    .option("--program <dir>", "folder with Pulumi.yaml (default: here)")
    .option("--stack <name>", "stack", "dev")
    .option("--json", "print one JSON document on stdout")
    .option("--verbose", "say more, on stderr");
}

/** The program's folder: as given, or the current one when it holds a `Pulumi.yaml`. */
export function programDir(options: CommonOptions, required: true): string;
export function programDir(options: CommonOptions, required: false): string | undefined;
export function programDir(options: CommonOptions, required: boolean): string | undefined {
  const folder = resolve(options.program ?? ".");
  if (existsSync(join(folder, "Pulumi.yaml"))) return folder;
  if (options.program !== undefined || required) {
    throw new UsageError(`${folder} has no Pulumi.yaml. Name the program's folder with --program DIR.`);
  }
  return undefined;
}

export const stderrLog = (verbose = false): Logger => ({
  debug: (message) => verbose && process.stderr.write(`${message}\n`),
  info: (message) => verbose && process.stderr.write(`${message}\n`),
  warn: (message) => process.stderr.write(`warning: ${message}\n`),
});

/** Runs a command against the platform of the data folder, running or not, and lets go of it afterwards. */
export async function withRuntime(
  options: CommonOptions,
  action: (runtime: RuntimeHandle, output: Output) => Promise<void>,
): Promise<void> {
  const folder = programDir(options, false);
  const runtime = await connect(
    { dataDir: resolve(options.data), log: stderrLog(options.verbose) },
    folder ? { programDir: folder, stack: options.stack } : undefined,
  );
  try {
    await action(runtime, createOutput(options.json ?? false));
  } finally {
    await runtime.close();
  }
}
