import type { Comparison } from "./comparisons";
import type { FittedComparison } from "./fit";

/** How probable each kind of pair is among all pairs, as log2 of the odds. */
export interface Prior {
  /** That a random pair is a match. */
  readonly match: number;
  /** That a random pair is of one household. */
  readonly kin: number;
}

/**
 * Weighs pairs of distinct records, and pairs of profiles. Made for the inner loop: tables, no allocation; the two sums of
 * the last pair are left in `match` and `kin`.
 */
export class Scorer {
  /** log2 of match against random, and of household against random, of the last pair weighed; without priors. */
  match = 0;
  kin = 0;
  private readonly levelOf: readonly Comparison["level"][];
  private readonly weights: readonly Float64Array[];
  private readonly kinWeights: readonly Float64Array[];
  private readonly rarity: readonly Float32Array[];
  private readonly codes: readonly Int32Array[];
  private readonly tops: Int32Array;
  private readonly shared: Uint8Array;
  readonly width: number;

  constructor(fitted: readonly FittedComparison[]) {
    this.width = fitted.length;
    this.levelOf = fitted.map((one) => one.comparison.level);
    this.weights = fitted.map((one) => one.weights);
    this.kinWeights = fitted.map((one) => one.kinWeights);
    this.rarity = fitted.map((one) => one.rarity);
    this.codes = fitted.map((one) => one.comparison.column.codes);
    this.tops = Int32Array.from(fitted, (one) => one.weights.length - 1);
    this.shared = Uint8Array.from(fitted, (one) => (one.comparison.personal ? 0 : 1));
  }

  /** Weighs two distinct records. */
  pair(i: number, j: number): void {
    let match = 0;
    let kin = 0;
    for (let c = 0; c < this.width; c++) {
      const level = (this.levelOf[c] as Comparison["level"])(i, j);
      match += (this.weights[c] as Float64Array)[level] as number;
      kin += (this.kinWeights[c] as Float64Array)[level] as number;
      if (level === this.tops[c]) {
        const rare = (this.rarity[c] as Float32Array)[(this.codes[c] as Int32Array)[i] as number] as number;
        match += rare;
        if (this.shared[c] === 1) kin += rare;
      }
    }
    this.match = match;
    this.kin = kin;
  }

  /**
   * Weighs two profiles as if each were one record: a column counts by the mean over the pairs of records that know it, so
   * that what one record does not say hides no contradiction between the others. Returns the match weight.
   */
  profiles(a: readonly number[], b: readonly number[], prior: Prior): number {
    let match = 0;
    let kin = 0;
    for (let c = 0; c < this.width; c++) {
      const levelOf = this.levelOf[c] as Comparison["level"];
      const weights = this.weights[c] as Float64Array;
      const kinWeights = this.kinWeights[c] as Float64Array;
      const codes = this.codes[c] as Int32Array;
      let known = 0;
      let matchSum = 0;
      let kinSum = 0;
      for (const i of a) {
        if ((codes[i] as number) < 0) continue;
        for (const j of b) {
          const level = levelOf(i, j);
          if (level === 0) continue;
          known++;
          matchSum += weights[level] as number;
          kinSum += kinWeights[level] as number;
          if (level === this.tops[c]) {
            const rare = (this.rarity[c] as Float32Array)[codes[i] as number] as number;
            matchSum += rare;
            if (this.shared[c] === 1) kinSum += rare;
          }
        }
      }
      if (known > 0) {
        match += matchSum / known;
        kin += kinSum / known;
      }
    }
    return matchWeight(match, kin, prior);
  }
}

/** The match weight: log2 of the odds of a match against everything else, strangers and members of one household. */
export const matchWeight = (match: number, kin: number, prior: Prior): number =>
  match + prior.match - Math.log2(1 + 2 ** (kin + prior.kin));
