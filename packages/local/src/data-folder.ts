import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { LocalRuntimeError } from "./kernel";

/** Layout version of the data folder. A folder of another version is refused, never converted silently. */
export const dataVersion = 2;

/** What a running instance leaves in its data folder, so that commands find it. */
export interface RunningInstance {
  readonly pid: number;
  /** Start time of the process in kernel ticks (Linux), so that a reused pid is not taken for it. */
  readonly started: string;
  /** `http://127.0.0.1:<port>` of the control endpoint, absent while it starts. */
  readonly control?: string;
  readonly token?: string;
}

const lockFile = (dataDir: string) => join(dataDir, "instance.json");

/** Start time of a process from /proc, or "" where there is no /proc. */
function startTime(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
  } catch {
    return ""; // No /proc on this system, or no such process: the pid alone decides.
  }
}

function isAlive(instance: RunningInstance): boolean {
  try {
    process.kill(instance.pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EPERM") return false;
  }
  return instance.started === startTime(instance.pid);
}

/** The instance that owns the folder and runs, if any. */
export function runningInstance(dataDir: string): RunningInstance | undefined {
  const file = lockFile(dataDir);
  if (!existsSync(file)) return undefined;
  let instance: RunningInstance;
  try {
    instance = JSON.parse(readFileSync(file, "utf8")) as RunningInstance;
  } catch {
    return undefined; // Killed while writing it: whoever it was is gone.
  }
  return isAlive(instance) ? instance : undefined;
}

/**
 * Takes the folder for this process: checks its version, refuses when a living instance has it, takes over from a dead
 * one. Returns the functions that publish the control endpoint and that give the folder back.
 */
export function claimDataFolder(dataDir: string): {
  publish(control: string, token: string): void;
  release(): void;
} {
  mkdirSync(dataDir, { recursive: true });
  const versionFile = join(dataDir, "version.json");
  if (existsSync(versionFile)) {
    const text = readFileSync(versionFile, "utf8");
    let version: unknown;
    try {
      version = (JSON.parse(text) as { version?: unknown }).version;
    } catch {
      version = text.trim();
    }
    if (version !== dataVersion) {
      throw new LocalRuntimeError(
        `The data folder ${dataDir} has layout version ${String(version)}; this Tributary reads version ${dataVersion}.`,
        "Use the Tributary that wrote it, or another folder (--data DIR), or delete the folder to start anew.",
      );
    }
  } else {
    writeFileSync(versionFile, `${JSON.stringify({ version: dataVersion })}\n`);
  }

  const mine: RunningInstance = { pid: process.pid, started: startTime(process.pid) };
  const file = lockFile(dataDir);
  for (;;) {
    try {
      const handle = openSync(file, "wx");
      writeSync(handle, JSON.stringify(mine));
      closeSync(handle);
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      const owner = runningInstance(dataDir);
      if (owner) {
        throw new LocalRuntimeError(
          `The data folder ${dataDir} belongs to a running instance (process ${owner.pid}).`,
          "Commands other than dev work beside it; stop it first (Ctrl-C) to start another, or choose another folder with --data DIR.",
        );
      }
      rmSync(file, { force: true });
    }
  }
  return {
    publish(control, token) {
      writeFileSync(file, JSON.stringify({ ...mine, control, token }), { mode: 0o600 });
    },
    release() {
      rmSync(file, { force: true });
    },
  };
}
