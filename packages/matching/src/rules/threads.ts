import { existsSync } from "node:fs";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import type { Task, TaskAnswer } from "./tasks";

const mostThreads = 4;
/** Beside this file where it is built; tests run the source, with the built thread. */
const script = [join(__dirname, "worker.js"), join(__dirname, "../../dist/rules/worker.js")].find((path) =>
  existsSync(path),
);

/** Threads that work beside this one. End them whatever happens. */
export class Threads {
  private workers: Worker[] = [];
  private readonly failures = new Map<Worker, Error>();

  /** Starts what is missing to `threads`, this one included; they are ready some time later. */
  start(threads: number): void {
    if (script === undefined) return;
    while (this.workers.length < Math.min(threads, mostThreads) - 1) {
      const worker = new Worker(script, { execArgv: [] });
      // Told to whoever waits for its answer.
      worker.on("error", (error) => this.failures.set(worker, error));
      worker.unref();
      this.workers.push(worker);
    }
  }

  /** How many work, this one included. */
  get count(): number {
    return this.workers.length + 1;
  }

  /** Gives all threads one task and does `own`, this thread's part of it; its answer comes first. */
  async share<T extends Task>(task: T, own: () => TaskAnswer<T> | Promise<TaskAnswer<T>>): Promise<TaskAnswer<T>[]> {
    const answers = Promise.all(this.workers.map((worker) => this.ask(worker, task)));
    // Heard of below; a thread that fails while this one works is no unhandled rejection.
    answers.catch(() => {});
    return [await own(), ...(await answers)];
  }

  private ask<T extends Task>(worker: Worker, task: T): Promise<TaskAnswer<T>> {
    return new Promise((resolve, reject) => {
      const failed = this.failures.get(worker);
      if (failed) reject(failed);
      const ended = (code: number): void => reject(new Error(`A thread ended with ${code} before it answered.`));
      worker.ref();
      worker.once("error", reject).once("exit", ended);
      worker.once("message", (answer: TaskAnswer<T>) => {
        worker.unref();
        worker.off("error", reject).off("exit", ended);
        resolve(answer);
      });
      worker.postMessage(task);
    });
  }

  async end(): Promise<void> {
    const { workers } = this;
    this.workers = [];
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}
