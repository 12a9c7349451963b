import type { UnionFind } from "../cluster/union-find";
import type { ValueColumn } from "./columns";
import { encode, type HashColumn } from "./encode";
import type { RuleRunner, RunnerInput, TierOutcome } from "./run";

/** Work that threads share: each takes the next part that no other has. All arrays lie in memory that threads share. */
export type Task = EncodeTask | RulesTask;

export interface EncodeTask {
  readonly kind: "encode";
  /** Columns that are compared with each other, by part. */
  readonly parts: readonly (readonly HashColumn[])[];
  readonly next: Int32Array;
}

export interface RulesTask {
  readonly kind: "rules";
  readonly runner: Omit<RunnerInput, "session">;
  /** Places of rules, by part. */
  readonly parts: readonly (readonly number[])[];
  readonly next: Int32Array;
}

/** Columns by part. */
export type Encoded = ReadonlyMap<number, readonly ValueColumn[]>;

export interface RulesOutcome {
  readonly outcomes: readonly TierOutcome[];
  readonly parent: Int32Array;
}

export type TaskAnswer<T extends Task> = T extends EncodeTask ? Encoded : RulesOutcome;

/** The next part that no thread has taken, until there is none. */
function* taken<T>({ parts, next }: { parts: readonly T[]; next: Int32Array }): Generator<[number, T]> {
  for (let part = Atomics.add(next, 0, 1); part < parts.length; part = Atomics.add(next, 0, 1)) {
    yield [part, parts[part] as T];
  }
}

/** Gives values their codes, part by part. */
export function runEncode(task: EncodeTask): Encoded {
  const done = new Map<number, readonly ValueColumn[]>();
  for (const [part, columns] of taken(task)) done.set(part, encode(columns));
  return done;
}

/** Runs rules, part by part, into `sets`. */
export async function runRules(task: RulesTask, runner: RuleRunner, sets: UnionFind): Promise<RulesOutcome> {
  const outcomes: TierOutcome[] = [];
  for (const [, tiers] of taken(task)) {
    for (const tier of tiers) outcomes.push(await runner.run(tier, sets, undefined));
  }
  return { outcomes, parent: sets.parent };
}
