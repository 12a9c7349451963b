import { resolve } from "node:path";
import { LocalRuntime, type RunResult, type RuntimeStatus } from "@tributary/local";
import { platformContract } from "@tributary/model";
import { Command, InvalidArgumentError } from "commander";
import { type CommonOptions, programDir, stderrLog, withCommonOptions } from "../context";
import { count, createOutput, table } from "../output";
import { progress } from "../progress";

export interface DevOptions extends CommonOptions {
  readonly port?: number;
  readonly exit?: boolean;
  /** Configuration on top of `Pulumi.<stack>.yaml`, by full key. */
  readonly config?: Readonly<Record<string, string>>;
}

export function parsePort(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > 65_000) {
    throw new InvalidArgumentError("a port is a whole number from 0 (any free one) to 65000");
  }
  return port;
}

/** What `tributary dev --json` prints once the platform is ready. */
export interface Ready {
  readonly endpoints: {
    /** Base URL of the collector: SDKs post to `<url>/v1/batch`. */
    readonly collector: string | null;
    readonly profiles: string | null;
    /** The web page: not part of this version. */
    readonly console: string | null;
    /** For AWS SDKs: `AWS_ENDPOINT_URL`, access key `local`, secret `local`. */
    readonly aws: string;
  };
  readonly writeKeys: Record<string, string>;
  readonly resources: { readonly realised: number; readonly recorded: number };
}

export function readyDocument(status: RuntimeStatus): Ready {
  const platform = platformContract.safeParse(status.outputs.platform);
  return {
    endpoints: {
      collector: platform.success ? platform.data.ingestion.collectorUrl : null,
      profiles: platform.success ? platform.data.activation.profileApiUrl : null,
      console: null,
      aws: status.awsEndpoint,
    },
    writeKeys: platform.success ? platform.data.ingestion.writeKeys : {},
    resources: { realised: status.realised.length, recorded: status.recorded.length },
  };
}

/** Brings the program up over the data folder; the caller closes the runtime. */
export async function bringUp(options: DevOptions): Promise<{ runtime: LocalRuntime; result: RunResult }> {
  const folder = programDir(options, true);
  const runtime = await LocalRuntime.open({
    dataDir: resolve(options.data),
    port: options.port,
    log: stderrLog(options.verbose),
  });
  const bar = progress("resources");
  let done = 0;
  try {
    const result = await runtime.up({
      programDir: folder,
      stack: options.stack,
      config: options.config,
      onEvent: () => {
        done += 1;
        bar.update(done, done);
      },
    });
    return { runtime, result };
  } catch (error) {
    await runtime.close();
    throw error;
  } finally {
    bar.stop();
  }
}

/** Resolves at Ctrl-C or when the process is asked to end. */
export function untilStopped(): Promise<void> {
  return new Promise((resolvePromise) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolvePromise());
  });
}

export function describeReady(status: RuntimeStatus, result: RunResult): string {
  const ready = readyDocument(status);
  const changes = Object.entries(result.summary)
    .filter(([, number]) => number > 0)
    .map(([operation, number]) => `${count(number)} ${operation}`)
    .join(", ");
  const rows: string[][] = [["AWS endpoint", ready.endpoints.aws]];
  if (ready.endpoints.collector) rows.push(["collector", `${ready.endpoints.collector}/v1/batch`]);
  if (ready.endpoints.profiles) rows.push(["profile API", `${ready.endpoints.profiles}/v1/profiles/<identifier>`]);
  for (const [source, key] of Object.entries(ready.writeKeys)) rows.push([`write key of ${source}`, key]);
  const recorded = [...new Set(status.recorded.map(({ type }) => type))].sort();
  return [
    `Stack ${status.project}/${status.stack}: ${changes}.`,
    table(["", ""], rows),
    `${ready.resources.realised} resources work here; ${ready.resources.recorded} are recorded only (configuration and ARN, no behaviour):`,
    ...recorded.map((type) => `  ${type}`),
  ].join("\n");
}

/** `tributary dev`: the program, running here until Ctrl-C. */
export function devCommand(): Command {
  return withCommonOptions(new Command("dev"))
    .description("run the program locally and serve it until Ctrl-C")
    .option("--port <port>", "base port: the AWS endpoint; HTTP APIs on the next ones", parsePort)
    .option("--exit", "stop when idle instead of serving")
    .action(async (options: DevOptions) => {
      const { runtime, result } = await bringUp(options);
      const stopped = untilStopped();
      try {
        const status = await runtime.status();
        createOutput(options.json ?? false).result(readyDocument(status), () => describeReady(status, result));
        if (options.exit) await Promise.race([runtime.quiesce(), stopped]);
        else await stopped;
      } finally {
        await runtime.close();
      }
    });
}
