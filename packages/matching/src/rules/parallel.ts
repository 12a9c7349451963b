import { existsSync } from "node:fs";
import { join } from "node:path";
import { type MessagePort, Worker } from "node:worker_threads";
import { UnionFind } from "../cluster/union-find";
import type { Frequencies } from "./frequencies";
import type { RuleRunner, RunnerInput, TierOutcome } from "./run";

/** Records from which a second thread is worth its start. */
const fewest = 200_000;
const mostThreads = 4;
/** Beside this file where it is built; tests run the source, with the built thread. */
const script = [join(__dirname, "worker.js"), join(__dirname, "../../dist/rules/worker.js")].find((path) =>
  existsSync(path),
);

/** What a thread is given: all arrays lie in memory that threads share. */
export interface WorkerInput {
  readonly runner: Omit<RunnerInput, "session">;
  readonly frequencies: readonly (Pick<Frequencies, "known" | "kinds" | "counters"> | undefined)[];
  /** The next rule to run. */
  readonly next: Int32Array;
}

export interface WorkerOutcome {
  readonly outcomes: readonly TierOutcome[];
  readonly parent: Int32Array;
}

/** Whether rules can be shared between threads: exact ones, of which no thread needs another's links. */
export function canShare(input: RunnerInput, threads: number): boolean {
  return (
    threads > 1 &&
    input.planned.length > 1 &&
    input.records >= fewest &&
    input.planned.every(({ alternatives }) => alternatives.every(({ fuzzy }) => fuzzy.length === 0)) &&
    script !== undefined
  );
}

/** Runs rules one after another, each time the next that no other thread has taken. */
export async function runNext(
  runner: RuleRunner,
  rules: number,
  sets: UnionFind,
  next: Int32Array,
): Promise<TierOutcome[]> {
  const outcomes: TierOutcome[] = [];
  for (let tier = Atomics.add(next, 0, 1); tier < rules; tier = Atomics.add(next, 0, 1)) {
    outcomes.push(await runner.run(tier, sets, undefined));
  }
  return outcomes;
}

/**
 * Runs all rules in this thread and others, into `sets`; gives what they found in the rules' order.
 *
 * @param next - the next rule to run, in memory that threads share
 */
export async function runShared(
  runner: RuleRunner,
  input: RunnerInput,
  sets: UnionFind,
  threads: number,
  next = new Int32Array(new SharedArrayBuffer(4)),
): Promise<TierOutcome[]> {
  const { session: _, ...rest } = input;
  const workerData: WorkerInput = { runner: rest, frequencies: runner.frequenciesByValue(), next };
  const others = Array.from({ length: Math.min(threads, mostThreads, input.planned.length) - 1 }, () =>
    outcomeOf(new Worker(script as string, { workerData, execArgv: [] })),
  );
  // A thread that fails while this one works is heard of below, not as an unhandled rejection.
  const settled = Promise.allSettled(others);
  const outcomes = await runNext(runner, input.planned.length, sets, next);
  for (const other of await settled) {
    if (other.status === "rejected") throw other.reason;
    outcomes.push(...other.value.outcomes);
    const { parent } = other.value;
    for (let row = 0; row < parent.length; row++) if (parent[row] !== row) sets.unite(row, parent[row] as number);
  }
  return outcomes.sort((a, b) => a.tier - b.tier);
}

function outcomeOf(worker: Worker): Promise<WorkerOutcome> {
  return new Promise((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
    worker.once("exit", (code) => reject(new Error(`A thread that ran rules ended with ${code} and said nothing.`)));
  });
}

/** What a thread does: see `worker.ts`. */
export async function work(runner: RuleRunner, { runner: input, next }: WorkerInput, port: MessagePort): Promise<void> {
  const sets = new UnionFind(input.records);
  const outcomes = await runNext(runner, input.planned.length, sets, next);
  const { parent } = sets;
  const outcome: WorkerOutcome = { outcomes, parent };
  port.postMessage(outcome, [parent.buffer as ArrayBuffer]);
}
