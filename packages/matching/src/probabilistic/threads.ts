import { existsSync } from "node:fs";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import type { Candidates, Found } from "./compare";
import type { Column } from "./encode";
import type { Weights } from "./scorer";

/** What a thread starts with: it makes its own comparisons while this one learns. */
export interface Start {
  readonly columns: readonly Column[];
}

export interface Work {
  readonly candidates: Candidates;
  readonly weights: readonly Weights[];
  /** The records' codes, comparison by comparison, as in `Vectors`. */
  readonly codes: Int32Array;
}

/** Beside this file; or, where this is the source, in what is built of it. */
const script = ["", "../../dist/probabilistic"]
  .map((folder) => join(__dirname, folder, "thread.js"))
  .find((path) => existsSync(path));

/** Threads that help this one to compare. End them whatever happens. */
export class Threads {
  private readonly workers: readonly Worker[];

  private constructor(count: number, start: Start) {
    this.workers =
      script === undefined
        ? []
        : Array.from({ length: count }, () => {
            const worker = new Worker(script, { workerData: start, execArgv: [] });
            // Said again to whoever waits for its answer.
            worker.on("error", (error) => this.failures.set(worker, error));
            worker.unref();
            return worker;
          });
  }

  private readonly failures = new Map<Worker, Error>();

  static start(count: number, columns: readonly Column[]): Threads {
    return new Threads(count, { columns });
  }

  /** Compares in all threads; `own` is this one's share of the work. */
  async compare(work: Work, own: () => Found): Promise<Found[]> {
    const answers = this.workers.map(
      (worker) =>
        new Promise<Found>((resolve, reject) => {
          const failed = this.failures.get(worker);
          if (failed) reject(failed);
          worker.ref();
          worker.once("message", resolve);
          worker.once("error", reject);
          worker.once("exit", (code) => reject(new Error(`A comparing thread ended with ${code} before it answered.`)));
          worker.postMessage(work);
        }),
    );
    const settled = Promise.all(answers);
    // Waited for below; what goes wrong until then is not unheard.
    settled.catch(() => {});
    const mine = own();
    return [mine, ...(await settled)];
  }

  async end(): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.terminate()));
  }
}
