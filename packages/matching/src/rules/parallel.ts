import type { UnionFind } from "../cluster/union-find";
import { rarestOf } from "./closure";
import { sharedNumbers, type ValueColumn } from "./columns";
import type { HashColumn } from "./encode";
import { Keys } from "./keys";
import type { Alternative } from "./plan";
import type { RuleRunner, RunnerInput, TierOutcome } from "./run";
import { type EncodeTask, type RulesTask, runEncode, runRules } from "./tasks";
import type { Threads } from "./threads";

/** Records from which a second thread is worth its start. */
export const fewestShared = 200_000;

/**
 * Gives the values of all columns their codes, in several threads; the hashes are gone then.
 *
 * @param together - places of columns that are compared with each other; what is in none stands alone
 */
export async function encodeAll(
  columns: readonly HashColumn[],
  together: Iterable<readonly number[]>,
  threads: Threads,
): Promise<readonly ValueColumn[]> {
  const known = (places: readonly number[]): number => places.reduce((sum, at) => sum + (columns[at]?.known ?? 0), 0);
  // Columns that nobody asks for have no records.
  const groups = [...together].map((places) => places.filter((at) => columns[at]?.low.length !== 0));
  const grouped = new Set(groups.flat());
  const parts = [...groups, ...[...columns.keys()].filter((at) => !grouped.has(at)).map((at) => [at])];
  // The longest first: a thread that begins it last keeps the others waiting.
  parts.sort((a, b) => known(b) - known(a));
  const task: EncodeTask = {
    kind: "encode",
    parts: parts.map((places) => places.map((at) => columns[at] as HashColumn)),
    next: sharedNumbers(1),
  };
  const found: ValueColumn[] = [];
  for (const done of await threads.share(task, () => runEncode(task))) {
    for (const [part, encoded] of done) {
      for (const [index, column] of encoded.entries()) found[(parts[part] as number[])[index] as number] = column;
    }
  }
  return found;
}

/** Whether rules can be run in any order and thread: exact ones, of which none needs another's links. */
export const canShare = ({ planned }: RunnerInput): boolean =>
  planned.every(({ alternatives }) => alternatives.every(({ fuzzy }) => fuzzy.length === 0));

/**
 * Runs all rules in all threads, into `sets`; gives what they found in the rules' order.
 *
 * @param next - the next part of the rules, in memory that threads share
 */
export async function runShared(
  runner: RuleRunner,
  input: RunnerInput,
  sets: UnionFind,
  threads: Threads,
  next = sharedNumbers(1),
): Promise<TierOutcome[]> {
  const { session: _, ...rest } = input;
  const task: RulesTask = { kind: "rules", runner: rest, parts: partsOf(input, threads.count), next };
  const all: TierOutcome[] = [];
  for (const { outcomes, parent } of await threads.share(task, () => runRules(task, runner, sets))) {
    all.push(...outcomes);
    if (parent === sets.parent) continue;
    for (let row = 0; row < parent.length; row++) if (parent[row] !== row) sets.unite(row, parent[row] as number);
  }
  return all.sort((a, b) => a.tier - b.tier);
}

/** Rules by the column that they look for groups in, so that it is gone through once; the most rules first. */
function partsOf({ planned, columns }: RunnerInput, threads: number): number[][] {
  const byColumn = new Map<ValueColumn | undefined, number[]>();
  for (const [tier, { alternatives }] of planned.entries()) {
    const own = new Keys(alternatives[0] as Alternative, columns).columnsOf(0);
    const rarest = own[rarestOf(own)];
    const known = byColumn.get(rarest);
    if (known) known.push(tier);
    else byColumn.set(rarest, [tier]);
  }
  const parts = [...byColumn.values()].sort((a, b) => b.length - a.length);
  return parts.length < threads ? parts.flat().map((tier) => [tier]) : parts;
}
