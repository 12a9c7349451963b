import { changes, type Fingerprints, type PartitionName } from "./fingerprints";
import type { Follow } from "./manifest";

/** What a step did last, as its job's bookmark keeps it. */
export interface StepMemory {
  /** Of what the step is: its SELECT, its rules, its table's columns. */
  readonly hash: string;
  /** The instant that the SELECT was told, where it asks for it. */
  readonly asOf?: string | undefined;
  /** What its sources were, by `database.table`. */
  readonly sources: Readonly<Record<string, Fingerprints>>;
  /** What its table was afterwards. */
  readonly target: Fingerprints;
}

/** What there is now. */
export interface StepState extends StepMemory {
  /** Sources whose partitions are the table's. */
  readonly followed: readonly string[];
  /** Partitions of the first of these that have all files that they had, and may have more. */
  readonly grown: readonly PartitionName[];
}

/** What a run is asked for beside what has changed. */
export interface RunRequest {
  /** Makes everything again. */
  readonly full: boolean;
  /** Days that are made again, both included. */
  readonly range?: { readonly from: string; readonly to: string } | undefined;
}

export type StepPlan =
  | { readonly kind: "skip" }
  | { readonly kind: "whole"; readonly why: string }
  | { readonly kind: "partitions"; readonly partitions: readonly PartitionName[] }
  /** The table's own rows and these partitions of its source. */
  | { readonly kind: "fold"; readonly partitions: readonly PartitionName[] }
  /** Rows of the keys that are in these partitions of its source, which are new; the table's own of the others. */
  | { readonly kind: "keys"; readonly partitions: readonly PartitionName[] };

/**
 * Decides what of a table is to be made again. The Spark driver decides by the same rules (`incremental.py`), but makes whole
 * what is made by keys here.
 */
export function planStep(
  follow: Follow,
  state: StepState,
  memory: StepMemory | undefined,
  request: RunRequest,
): StepPlan {
  const whole = (why: string): StepPlan => ({ kind: "whole", why });
  if (request.full) return whole("asked for");
  if (memory === undefined) return whole("it was not made before");
  if (memory.hash !== state.hash) return whole("its SELECT, its rules or its columns have changed");
  if (memory.asOf !== state.asOf) return whole("it is told of another instant");
  const names = [...new Set([...Object.keys(memory.sources), ...Object.keys(state.sources)])];
  const changed = (name: string) => changes(memory.sources[name] ?? {}, state.sources[name] ?? {});
  const drifted = changes(memory.target, state.target);
  const reopened = [
    ...state.followed.flatMap((name) => Object.keys(state.sources[name] ?? {})),
    ...Object.keys(state.target),
  ].filter((name) => inRange(name, request.range));
  const beside = names.find((name) => !state.followed.includes(name) && changed(name).length > 0);
  if (follow === "partition" || follow === "first") {
    if (beside !== undefined) return whole(`${beside} has changed`);
    const partitions = [...new Set([...names.flatMap(changed), ...drifted, ...reopened])].sort();
    return partitions.length === 0 ? { kind: "skip" } : { kind: "partitions", partitions };
  }
  if (drifted.length > 0) return whole("its files are not those that the last run wrote");
  const anything = names.filter((name) => changed(name).length > 0);
  if (anything.length === 0 && request.range === undefined) return { kind: "skip" };
  const [source = ""] = state.followed;
  if (follow !== "whole" && beside === undefined && request.range === undefined) {
    const before = memory.sources[source] ?? {};
    const partitions = changed(source).sort();
    const older = partitions.filter((name) => before[name] !== undefined);
    // Which keys a partition had that was made again, nobody knows.
    if (follow === "key" && older.length === 0) return { kind: "keys", partitions };
    if (follow === "fold" && older.every((name) => state.grown.includes(name))) {
      return { kind: "fold", partitions };
    }
  }
  return whole(anything.length === 0 ? "asked for" : `${anything.join(", ")} has changed`);
}

/** Whether a partition's day lies in a range. */
function inRange(partition: PartitionName, range: RunRequest["range"]): boolean {
  const day = /(?:^|\/)dt=([^/]*)/.exec(partition)?.[1];
  return range !== undefined && day !== undefined && day >= range.from && day <= range.to;
}
