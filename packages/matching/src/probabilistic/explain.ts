import type { Column } from "./encode";
import { textOf } from "./near";
import type { Pairs } from "./pairs";
import type { Scored } from "./score";
import { matchWeight } from "./scorer";

/** From the prior to the match weight, each step with what it adds (log2). */
export interface WeightStep {
  readonly label: string;
  readonly weight: number;
}

export interface ExplainedPair {
  /** Records, by their number. */
  readonly a: number;
  readonly b: number;
  readonly weight: number;
  /** The steps' weights add up to the pair's. */
  readonly steps: readonly WeightStep[];
}

const shownValue = ({ codes, dictionary }: Column, at: number): string =>
  JSON.stringify((codes[at] as number) < 0 ? "" : textOf(dictionary, codes[at] as number));

/** Why two records have the match weight that they have. */
export function explainPair(scored: Scored, a: number, b: number): ExplainedPair {
  const { encoded, fitted, prior, scorer } = scored;
  const i = encoded.distinctOf[a] as number;
  const j = encoded.distinctOf[b] as number;
  const steps: WeightStep[] = [{ label: "two records by chance", weight: prior.match }];
  for (const [c, { comparison, weights, rarity }] of fitted.entries()) {
    const level = scorer.vectors.level(c, i, j);
    if (level === 0) {
      steps.push({ label: `${comparison.name}: missing`, weight: 0 });
      continue;
    }
    const { column } = comparison;
    const equal = level === comparison.levels.length - 1;
    const values = equal ? shownValue(column, i) : `${shownValue(column, i)}, ${shownValue(column, j)}`;
    steps.push({
      label: `${comparison.name}: ${comparison.levels[level]} (${values})`,
      weight: weights[level] as number,
    });
    if (!equal) continue;
    const rare = rarity[column.codes[i] as number] as number;
    const often = column.counts[column.codes[i] as number] as number;
    steps.push({ label: `${comparison.name}: ${values} is known of ${often} of ${column.known}`, weight: rare });
  }
  scorer.pair(i, j);
  const weight = matchWeight(scorer.match, scorer.kin, prior);
  const household = weight - scorer.match - prior.match;
  if (household < -0.005) steps.push({ label: "could be another of the household", weight: household });
  return { a, b, weight, steps };
}

/** Pairs to show: links that are clear, links and misses near the threshold; the same for the same records. */
export function samplePairs(scored: Scored, ofEach = 5): (ExplainedPair & { readonly linked: boolean })[] {
  const { encoded, pairs, nearMisses, threshold } = scored;
  const { order, firstOf } = encoded;
  const above = (p: number) => (pairs.weight[p] as number) - threshold;
  const clear = picked(pairs, order, ofEach, (p) => above(p) > 12);
  const near = picked(pairs, order, ofEach, (p) => above(p) < 4);
  const missed = picked(nearMisses, order, ofEach, () => true);
  const explained = (from: Pairs, p: number, linked: boolean) => {
    const a = firstOf[from.a[p] as number] as number;
    const b = firstOf[from.b[p] as number] as number;
    return { ...explainPair(scored, Math.min(a, b), Math.max(a, b)), linked };
  };
  return [
    ...[...clear, ...near].map((p) => explained(pairs, p, true)),
    ...missed.map((p) => explained(nearMisses, p, false)),
  ];
}

/** Places of a few pairs, by their content. */
function picked(pairs: Pairs, order: Float64Array, most: number, test: (p: number) => boolean): number[] {
  let best: { p: number; key: number }[] = [];
  for (let p = 0; p < pairs.length; p++) {
    if (!test(p)) continue;
    const key = mixed(order, pairs.a[p], pairs.b[p]);
    if (best.length === most && key >= (best[most - 1]?.key ?? 0)) continue;
    best = [...best, { p, key }].sort((x, y) => x.key - y.key).slice(0, most);
  }
  return best.map(({ p }) => p);
}

/** A number made of a pair's content, in either order. */
const mixed = (order: Float64Array, a = 0, b = 0): number =>
  ((order[a] as number) * 0.6180339887498949 + (order[b] as number) * 0.6180339887498949) % 1e6;

/** What was learned and how, as plain data: for a report, a file, a comparison of two runs. */
export interface ScoreModel {
  readonly threshold: number;
  /** log2 odds that two records by chance are a match, and that they are of one household. */
  readonly prior: { readonly match: number; readonly household: number };
  readonly comparisons: readonly {
    readonly name: string;
    readonly columns: readonly string[];
    /** Says something of the person and not of the household. */
    readonly personal: boolean;
    readonly levels: readonly {
      readonly name: string;
      readonly m: number;
      readonly u: number;
      readonly household: number;
      readonly weight: number;
    }[];
  }[];
  readonly sessions: readonly { readonly keys: string; readonly pairs: number; readonly matches: number }[];
  readonly blocking: readonly {
    readonly keys: readonly string[];
    readonly pairs: number;
    /** Records of the largest block. */
    readonly largest: number;
    /** Blocks too large to compare. */
    readonly skipped: number;
  }[];
  /** Share of the matches that are expected to meet in a block. */
  readonly recall: number;
  readonly compared: number;
}

/** The model of a run as plain data. */
export function describeModel(scored: Scored): ScoreModel {
  return {
    threshold: scored.threshold,
    prior: { match: scored.prior.match, household: scored.prior.kin },
    comparisons: scored.fitted.map(({ comparison, m, u, kin, weights }) => ({
      name: comparison.name,
      columns: comparison.columns,
      personal: comparison.personal,
      levels: comparison.levels.slice(1).map((name, index) => ({
        name,
        m: m[index + 1] as number,
        u: u[index + 1] as number,
        household: kin[index + 1] as number,
        weight: weights[index + 1] as number,
      })),
    })),
    sessions: scored.sessions,
    blocking: scored.blocking.map(({ keys, pairs, blocks, skipped }) => ({
      keys: keys.map((key) => key.name),
      pairs,
      largest: blocks.largest,
      skipped,
    })),
    recall: scored.recall,
    compared: scored.compared,
  };
}
