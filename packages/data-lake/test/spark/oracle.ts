import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import * as path from "node:path";
import { createInterface, type Interface } from "node:readline";
import { z } from "zod";

const root = path.join(__dirname, "..", "..", "..", "..");
const setup = path.join(root, ".spark", "spark.json");

/** Why Spark is not there, or undefined where `npm run setup:spark` has set it up. */
export const sparkMissing: string | undefined = existsSync(setup)
  ? undefined
  : "Spark is not installed (npm run setup:spark): nothing is compared with it.";

const answers = {
  expressions: z.object({ failed: z.record(z.string(), z.string()), seconds: z.number() }),
  driver: z.object({ error: z.string().nullable(), seconds: z.number() }),
};

/** One Spark session in a Python process. */
export class SparkOracle {
  private readonly process: ChildProcessWithoutNullStreams;
  private readonly lines: Interface;
  private readonly answers: AsyncIterator<string>;
  private said = "";

  constructor(folder: string) {
    const known = z.object({ python: z.string(), javaHome: z.string() }).parse(JSON.parse(readFileSync(setup, "utf8")));
    const driver = path.join(root, "packages", "data-lake", "glue", "driver.py");
    this.process = spawn(known.python, [path.join(__dirname, "oracle.py"), driver, folder], {
      env: { ...process.env, JAVA_HOME: known.javaHome, TZ: "UTC", PYTHONUTF8: "1", PYSPARK_PYTHON: known.python },
    });
    this.process.stderr.on("data", (chunk) => {
      this.said = `${this.said}${chunk}`.slice(-4000);
    });
    this.lines = createInterface({ input: this.process.stdout });
    this.answers = this.lines[Symbol.asyncIterator]();
  }

  /** Evaluates expressions over a Parquet file's rows; the values lie in the folder `into`. */
  async expressions(request: {
    readonly inputs: string;
    readonly groupBy?: string | undefined;
    readonly expressions: Readonly<Record<string, string>>;
    readonly into: string;
  }): Promise<z.output<(typeof answers)["expressions"]>> {
    return answers.expressions.parse(await this.ask({ op: "expressions", ...request }));
  }

  /** Runs the Glue driver over a manifest. */
  async drive(request: {
    readonly tables: readonly string[];
    readonly manifest: string;
    /** Of the job: `--full`, `true`. */
    readonly arguments?: readonly string[];
  }): Promise<z.output<(typeof answers)["driver"]>> {
    return answers.driver.parse(await this.ask({ op: "driver", ...request }));
  }

  async close(): Promise<void> {
    this.process.stdin.end();
    if (this.process.exitCode === null) {
      const patience = setTimeout(() => this.process.kill("SIGKILL"), 10_000);
      await new Promise((resolve) => this.process.once("exit", resolve));
      clearTimeout(patience);
    }
    this.lines.close();
  }

  private async ask(request: object): Promise<unknown> {
    this.process.stdin.write(`${JSON.stringify(request)}\n`);
    const { value, done } = await this.answers.next();
    if (done) throw new Error(`Spark has ended: ${this.said}`);
    return JSON.parse(value);
  }
}
