import { existsSync } from "node:fs";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { sharedIntegers } from "./arrays";
import type { Column } from "./encode";
import type { Job, Request, Result } from "./jobs";

/** Beside this file; or, where this is the source, in what is built of it. */
const script = ["", "../../dist/probabilistic"]
  .map((folder) => join(__dirname, folder, "thread.js"))
  .find((path) => existsSync(path));

/** What a thread is told: the columns that its comparisons are made of, once; and jobs. */
export type Message =
  | { readonly columns: readonly Column[] }
  | { readonly id: number; readonly job: Job; readonly request: Request<Job> };

export interface Answer {
  readonly id: number;
  readonly result: unknown;
}

/** Threads that help this one. What they share of a job is in shared memory. End them whatever happens. */
export class Threads {
  private readonly workers: readonly Worker[];
  private readonly waiting = new Map<number, { resolve(result: unknown): void; reject(error: Error): void }>();
  private readonly failures = new Map<Worker, Error>();
  private asked = 0;

  private constructor(count: number) {
    this.workers =
      script === undefined
        ? []
        : Array.from({ length: count }, () => {
            const worker = new Worker(script, { execArgv: [] });
            const failed = (error: Error): void => {
              this.failures.set(worker, error);
              for (const { reject } of this.waiting.values()) reject(error);
            };
            worker.on("error", failed);
            worker.on("exit", (code) => failed(new Error(`A thread ended with ${code} before it answered.`)));
            worker.on("message", ({ id, result }: Answer) => this.answered(id, result));
            worker.unref();
            return worker;
          });
  }

  static start(count: number): Threads {
    return new Threads(count);
  }

  /** How many there are beside this one. */
  get helpers(): number {
    return this.workers.length;
  }

  /** Tells the threads of the columns: they make their comparisons while this one makes its own. */
  tell(columns: readonly Column[]): void {
    for (const worker of this.workers) worker.postMessage({ columns } satisfies Message);
  }

  /** Begins a job in all other threads; what they find is waited for later. */
  begin<J extends Job>(job: J, request: Request<J>): Promise<Result<J>[]> {
    const answers = this.workers.map(
      (worker) =>
        new Promise<Result<J>>((resolve, reject) => {
          const failed = this.failures.get(worker);
          if (failed) return reject(failed);
          const id = this.asked++;
          worker.ref();
          this.waiting.set(id, { resolve: resolve as (result: unknown) => void, reject });
          worker.postMessage({ id, job, request } satisfies Message);
        }),
    );
    const all = Promise.all(answers);
    // Waited for by who began it; what goes wrong until then is not unheard.
    all.catch(() => {});
    return all;
  }

  /** Works in all threads; `own` is this one's share of the work, and its result comes first. */
  async ask<J extends Job>(job: J, request: Request<J>, own: () => Result<J>): Promise<Result<J>[]> {
    const others = this.begin(job, request);
    const mine = own();
    return [mine, ...(await others)];
  }

  private answered(id: number, result: unknown): void {
    this.waiting.get(id)?.resolve(result);
    this.waiting.delete(id);
  }

  async end(): Promise<void> {
    for (const worker of this.workers) worker.removeAllListeners("exit");
    await Promise.all(this.workers.map((worker) => worker.terminate()));
  }
}

/** Jobs of which a request is worked on by the first thread that comes by; this one only comes by at the end. */
type ClaimedJob = "block" | "family";
type Claim<J extends ClaimedJob> = Omit<Request<J>, "place" | "taken">;

/** Work that other threads begin with while this one prepares more of it. */
export class Claimed<J extends ClaimedJob> {
  private readonly requests: Request<J>[] = [];
  private readonly answers: Promise<Result<J>[]>[] = [];
  private readonly taken: Int32Array;

  /**
   * @param run - the job, as this thread does it
   * @param most - requests there will be at most
   */
  constructor(
    private readonly job: J,
    private readonly run: (request: Request<J>) => Result<J>,
    private readonly threads: Threads,
    most: number,
  ) {
    this.taken = sharedIntegers(most);
  }

  add(request: Claim<J>): void {
    const claimed = { ...request, place: this.requests.length, taken: this.taken } as Request<J>;
    this.requests.push(claimed);
    this.answers.push(this.threads.begin(this.job, claimed));
  }

  /** What has become of all requests, in their order. */
  async all(): Promise<NonNullable<Result<J>>[]> {
    const own = this.requests.map((request) => this.run(request));
    return await Promise.all(
      own.map(
        async (one, at) =>
          one ?? ((await this.answers[at])?.find((other) => other !== undefined) as NonNullable<Result<J>>),
      ),
    );
  }
}
