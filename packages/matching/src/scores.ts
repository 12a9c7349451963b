import type { MatchRules } from "@tributary/model";
import { type Constraints, holdingOf, mergeHoldings, refusal, type ValueLimit, type Veto } from "./cluster/constraints";
import type { Links } from "./cluster/links";
import { UnionFind } from "./cluster/union-find";
import { MatchingError } from "./faults";
import type { Source } from "./input/load";
import { clusterProfiles, type ProfileOptions, type Profiles, recordRoots } from "./probabilistic/cluster";
import { heaviestFirst } from "./probabilistic/pairs";
import { NothingToCompare, probabilisticDefaults, type Scored, weightsOf, withScores } from "./probabilistic/score";
import { matchWeight } from "./probabilistic/scorer";
import type { Threads } from "./probabilistic/threads";
import type { Session } from "./session";

export interface ScoreStage {
  readonly session: Session;
  readonly source: Source;
  readonly rules: MatchRules;
  /** Columns that take no part: the id, the truth. */
  readonly without: ReadonlySet<string>;
  /** Per record: the first record of its cluster by rules and declarations. */
  readonly root: Int32Array;
  readonly limits: readonly ValueLimit[];
  readonly vetoes: readonly Veto[];
  readonly apart: ReadonlyMap<number, readonly number[]>;
  /** Is told of the links that hold profiles together. */
  readonly tree?: Links;
  /** Their tier there. */
  readonly tier: number;
  readonly onProgress?: (stage: string, done?: number) => void;
}

export interface ScoreOutcome {
  readonly root: Int32Array;
  readonly links: number;
  readonly cut: ReadonlyMap<string, number>;
  readonly scored: Scored;
}

/**
 * Adds the links that Fellegi–Sunter scores find to those of the rules: what the rules have united stays, the scores' links
 * follow from the heaviest down, under the same constraints.
 */
export async function addScores(stage: ScoreStage): Promise<ScoreOutcome> {
  const { session, source, rules, root, apart, limits, vetoes } = stage;
  const options = typeof rules.probabilistic === "object" ? rules.probabilistic : {};
  const threshold = options.threshold ?? probabilisticDefaults.threshold;
  const constraints: Constraints = { maxSize: rules.constraints.maxSize, limits, vetoes, apart };
  const constrained = limits.length + vetoes.length + apart.size > 0;
  const clustered = (scored: Scored, threads: Threads): Promise<Profiles> => {
    const { encoded, pairs, scorer, prior, fitted } = scored;
    const rowsOf = constrained ? membersByDistinct(encoded.distinctOf, encoded.size) : undefined;
    const together: ProfileOptions = {
      threshold,
      cohesion: probabilisticDefaults.cohesion,
      maxSize: constraints.maxSize,
      united: ruleLinks(root, encoded.distinctOf),
      ...(rowsOf
        ? { refusal: (a, b) => refusal(holding(a, rowsOf, constraints), holding(b, rowsOf, constraints), constraints) }
        : {}),
    };
    return clusterProfiles(encoded, pairs, scorer, prior, together, { threads, weights: weightsOf(fitted) });
  };
  const { scored, profiles } = await withScores(
    {
      connection: session.connection,
      table: "source",
      attributes: rules.attributes,
      column: (name) => source.column(name) as string,
      without: stage.without,
      threshold,
      blocking: options.blocking,
      ...(stage.onProgress ? { onProgress: stage.onProgress } : {}),
    },
    async (scored, threads) => ({ scored, profiles: await clustered(scored, threads) }),
  ).catch((error: unknown) => {
    if (error instanceof NothingToCompare) throw new MatchingError(error.message, { cause: error });
    throw error;
  });
  const { encoded, pairs, scorer, prior } = scored;
  const alike = (distinct: number): boolean => {
    scorer.pair(distinct, distinct);
    return matchWeight(scorer.match, scorer.kin, prior) >= threshold;
  };
  const byScore = recordRoots(encoded, profiles.root, alike);
  const parent = united(root, byScore);
  partEqualRecords(parent, root, apart);
  if (stage.tree) {
    for (const place of heaviestFirst(pairs, encoded.order, keptPlaces(profiles.kept))) {
      const [a, b] = [encoded.firstOf[pairs.a[place] as number], encoded.firstOf[pairs.b[place] as number]];
      const weight = pairs.weight[place] as number;
      if (parent[a as number] === parent[b as number]) stage.tree.push(a as number, b as number, stage.tier, weight);
    }
    // Records that are equal in every field have no link of their own.
    for (let row = 0; row < source.records; row++) stage.tree.push(parent[row] as number, row, stage.tier, threshold);
  }
  return { root: parent, links: pairs.length, cut: profiles.cut, scored };
}

/** What rules and scores have made one, by the first record of each. */
function united(byRules: Int32Array, byScore: Int32Array): Int32Array {
  if (byRules.every((first, row) => first === row)) return byScore;
  const sets = new UnionFind(byRules.length);
  for (let row = 0; row < byRules.length; row++) {
    sets.unite(row, byRules[row] as number);
    sets.unite(row, byScore[row] as number);
  }
  for (let row = 0; row < byRules.length; row++) sets.parent[row] = sets.find(row);
  return sets.parent;
}

function keptPlaces(kept: Uint8Array): Int32Array {
  const places = new Int32Array(kept.length);
  let length = 0;
  for (let place = 0; place < kept.length; place++) if (kept[place] === 1) places[length++] = place;
  return places.subarray(0, length);
}

function* ruleLinks(root: Int32Array, distinctOf: Int32Array): Generator<readonly [number, number]> {
  for (let row = 0; row < root.length; row++) {
    const first = root[row] as number;
    if (first !== row) yield [distinctOf[first] as number, distinctOf[row] as number];
  }
}

/** Records of each distinct one. */
function membersByDistinct(distinctOf: Int32Array, size: number): (distinct: number) => Int32Array {
  const start = new Int32Array(size + 1);
  for (const at of distinctOf) start[at + 1] = (start[at + 1] as number) + 1;
  for (let at = 0; at < size; at++) start[at + 1] = (start[at + 1] as number) + (start[at] as number);
  const next = start.slice();
  const members = new Int32Array(distinctOf.length);
  for (const [row, at] of distinctOf.entries()) {
    members[next[at] as number] = row;
    next[at] = (next[at] as number) + 1;
  }
  return (at) => members.subarray(start[at], start[at + 1]);
}

function holding(distinct: readonly number[], rowsOf: (distinct: number) => Int32Array, constraints: Constraints) {
  const rows = distinct.flatMap((at) => [...rowsOf(at)]);
  return rows.map((row) => holdingOf(row, constraints)).reduce(mergeHoldings);
}

/** Two records that are equal in every field may still be declared to be two people: then the later one stands alone. */
function partEqualRecords(
  parent: Int32Array,
  byRules: Int32Array,
  apart: ReadonlyMap<number, readonly number[]>,
): void {
  for (const [row, others] of apart) {
    for (const other of others) {
      if (row > other || parent[row] !== parent[other] || byRules[row] === byRules[other]) continue;
      const later = byRules[other] as number;
      const own = later === parent[other] ? (byRules[row] as number) : later;
      for (let at = 0; at < parent.length; at++) if (byRules[at] === own) parent[at] = own;
    }
  }
}
