import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = join(__dirname, "..", "..", "..", "..");
const command = join(root, "packages", "cli", "bin", "tributary.js");

/** A data folder of a test's own, deleted by `remove`. */
export function dataFolder(): { path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), "tributary-test-"));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** How a process is started where it is not as usual. */
export interface StartOptions {
  /** On top of this process's environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Writing a file beyond so many KiB fails, as on a full disk. */
  readonly fileLimitKib?: number;
}

function start(
  args: readonly string[],
  cwd: string,
  { env, fileLimitKib }: StartOptions = {},
): { child: ChildProcess; finished: Promise<Finished>; output(): Finished } {
  const plain = [process.execPath, command, ...args];
  // Ignored, the signal becomes the error that a full disk gives.
  const limited = ["bash", "-c", `trap '' XFSZ; ulimit -f ${fileLimitKib}; exec "$@"`, "limited", ...plain];
  const [program = "", ...rest] = fileLimitKib === undefined ? plain : limited;
  const child = spawn(program, rest, { cwd, env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
  let stdout = "";
  let stderr = "";
  child.stdout?.on("data", (chunk: Buffer) => {
    stdout += chunk;
  });
  child.stderr?.on("data", (chunk: Buffer) => {
    stderr += chunk;
  });
  const finished = new Promise<Finished>((resolve) => child.on("close", (code) => resolve({ code, stdout, stderr })));
  return { child, finished, output: () => ({ code: child.exitCode, stdout, stderr }) };
}

/** Runs `tributary` to its end. */
export async function run(args: readonly string[], cwd = root): Promise<Finished> {
  return await start(args, cwd).finished;
}

/** Runs `tributary … --json` and parses the one document on its stdout; fails with its stderr when it failed. */
export async function json<T>(args: readonly string[], cwd = root): Promise<T> {
  const { code, stdout, stderr } = await run([...args, "--json"], cwd);
  if (code !== 0) throw new Error(`tributary ${args.join(" ")} ended with ${code}:\n${stderr}\n${stdout}`);
  return JSON.parse(stdout) as T;
}

export interface Ready {
  readonly endpoints: { collector: string; profiles: string; aws: string };
  readonly writeKeys: Record<string, string>;
  readonly resources: { realised: number; recorded: number };
}

export interface Running {
  readonly ready: Ready;
  /** Ends the process at once, as a power cut would. */
  kill(): Promise<void>;
  /** Asks it to stop and waits; resolves with its exit code. */
  stop(): Promise<number | null>;
}

/** Starts a command that serves (`dev`) and resolves once it printed its ready document. */
export async function serve(args: readonly string[], options: StartOptions = {}): Promise<Running> {
  const { child, finished, output } = start([...args, "--json"], root, options);
  const ready = await new Promise<Ready>((resolve, reject) => {
    child.stdout?.on("data", () => {
      try {
        resolve(JSON.parse(output().stdout) as Ready);
      } catch {
        // Not the whole document yet: the next chunk, or the end of the process, decides.
      }
    });
    void finished.then(({ code, stderr, stdout }) =>
      reject(new Error(`tributary ${args.join(" ")} ended with ${code} before it was ready:\n${stderr}\n${stdout}`)),
    );
  });
  return {
    ready,
    async kill() {
      child.kill("SIGKILL");
      await finished;
    },
    async stop() {
      child.kill("SIGINT");
      return (await finished).code;
    },
  };
}

/** Polls until the check gives something, at most `ms` milliseconds. */
export async function eventually<T>(check: () => Promise<T | undefined>, ms = 20_000): Promise<T> {
  const deadline = Date.now() + ms;
  for (;;) {
    const found = await check();
    if (found !== undefined) return found;
    if (Date.now() > deadline) throw new Error(`nothing within ${ms} ms`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** The bearer token of the profile API, which the stack drew. */
export async function profilesToken(ready: Ready, dataPath: string): Promise<string> {
  const instance = JSON.parse(readFileSync(join(dataPath, "stack.json"), "utf8")) as { region: string };
  const { SecretsManagerClient, GetSecretValueCommand, ListSecretsCommand } = await import(
    "@aws-sdk/client-secrets-manager"
  );
  const client = new SecretsManagerClient({
    endpoint: ready.endpoints.aws,
    region: instance.region,
    credentials: { accessKeyId: "local", secretAccessKey: "local" },
  });
  const { SecretList = [] } = await client.send(new ListSecretsCommand({}));
  const arn = SecretList.find(({ Name }) => Name?.includes("profile-api"))?.ARN;
  const { SecretString = "" } = await client.send(new GetSecretValueCommand({ SecretId: arn }));
  client.destroy();
  return SecretString;
}
