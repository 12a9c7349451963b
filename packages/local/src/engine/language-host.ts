import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { LocalRuntimeError } from "../kernel/errors";
import type { ResolvedConfig } from "./config";
import type { Project } from "./project";

export interface HostOptions {
  readonly project: Project;
  readonly stack: string;
  readonly organization: string;
  readonly preview: boolean;
  /** Address of the monitor and the engine services. */
  readonly address: string;
  readonly parallel: number;
  readonly config: ResolvedConfig;
  readonly env: Readonly<Record<string, string>>;
  readonly onText: (stream: "stdout" | "stderr", text: string) => void;
  readonly signal?: AbortSignal;
}

const plainErrors = join(__dirname, "..", "..", "scripts", "plain-errors.cjs");

/** Runs a program as Pulumi's CLI does: `@pulumi/pulumi/cmd/run` in a process of its own. Resolves with its exit code. */
export async function runLanguageHost(options: HostOptions): Promise<number> {
  const { project, stack, organization, address, preview, config } = options;
  const run = join(dirname(findSdk(project.workingDir)), "cmd", "run");
  const args = [
    ...["--monitor", address, "--engine", address, "--project", project.name, "--stack", stack],
    ...["--organization", organization, "--root-directory", project.root, "--parallel", String(options.parallel)],
    ...["--pwd", project.workingDir],
    ...(preview ? ["--dry-run"] : []),
    project.main,
  ];
  const child = spawn(process.execPath, ["-r", plainErrors, run, ...args], {
    cwd: project.workingDir,
    stdio: ["ignore", "pipe", "pipe"],
    signal: options.signal,
    env: {
      // Types are the editor's and the build's business: checking them here would cost seconds at each start.
      PULUMI_NODEJS_TRANSPILE_ONLY: "true",
      ...process.env,
      ...options.env,
      PULUMI_CONFIG: JSON.stringify(config.values),
      PULUMI_CONFIG_SECRET_KEYS: JSON.stringify(config.secretKeys),
      PULUMI_NODEJS_TYPESCRIPT: String(project.typescript),
    },
  });
  for (const stream of ["stdout", "stderr"] as const) {
    child[stream].setEncoding("utf8");
    child[stream].on("data", (text: string) => options.onText(stream, text));
  }
  return await new Promise((resolve, reject) => {
    child.once("error", reject);
    // "close" comes after the last output, "exit" may come before.
    child.once("close", (code, signal) =>
      code === null ? reject(new Error(`the program was ended by ${signal}`)) : resolve(code),
    );
  });
}

/** The SDK's package.json: the program's own copy, else the one that this package depends on. */
function findSdk(programDir: string): string {
  for (const from of [join(programDir, "package.json"), __filename]) {
    try {
      return createRequire(from).resolve("@pulumi/pulumi/package.json");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "MODULE_NOT_FOUND") throw error;
    }
  }
  throw new LocalRuntimeError(
    `@pulumi/pulumi is not installed for ${programDir}`,
    "Run npm install in the program's folder.",
  );
}
