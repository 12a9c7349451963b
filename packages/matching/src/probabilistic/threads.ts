import { existsSync } from "node:fs";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import type { Candidates, Found } from "./compare";
import type { Column } from "./encode";
import type { Patterns, Samples } from "./patterns";
import type { Weights } from "./scorer";

/** What a thread starts with: it makes its own comparisons while this one learns. */
export interface Start {
  readonly columns: readonly Column[];
}

/** Pairs to weigh; or samples whose vectors are wanted. */
export type Work = (Comparing | Samples) & {
  /** The records' codes, comparison by comparison, as in `Vectors`. */
  readonly codes: Int32Array;
};

interface Comparing {
  readonly candidates: Candidates;
  readonly weights: readonly Weights[];
}

/** What one thread has found. */
export type Answer<W extends Work> = W extends Comparing ? Found : ReadonlyMap<number, Patterns>;

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

  /** Works in all threads; `own` is this one's share of the work, and comes first. */
  async ask<W extends Work>(work: W, own: () => Answer<W>): Promise<Answer<W>[]> {
    const answers = this.workers.map(
      (worker) =>
        new Promise<Answer<W>>((resolve, reject) => {
          const failed = this.failures.get(worker);
          if (failed) reject(failed);
          const ended = (code: number) =>
            reject(new Error(`A comparing thread ended with ${code} before it answered.`));
          worker.ref();
          worker.once("error", reject);
          worker.once("exit", ended);
          worker.once("message", (answer: Answer<W>) => {
            worker.off("error", reject).off("exit", ended);
            resolve(answer);
          });
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
