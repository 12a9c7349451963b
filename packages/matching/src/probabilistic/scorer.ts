import type { Comparison } from "./comparisons";
import type { Column } from "./encode";
import type { Level } from "./names";
import type { Vectors } from "./vectors";

/** How probable each kind of pair is among all pairs, as log2 of the odds. */
export interface Prior {
  /** That a random pair is a match. */
  readonly match: number;
  /** That a random pair is of one household. */
  readonly kin: number;
}

/** What a comparison's levels weigh. */
export interface Weights {
  /** log2(m/u) by level; 0 for the missing one. */
  readonly weights: Float64Array;
  /** log2(kin/u) by level. */
  readonly kinWeights: Float64Array;
  /** What is added on equality, by the value's code: rare values say more. */
  readonly rarity: Float32Array;
}

/** Roles by what it takes to compare two values. */
const costs: readonly Column["role"][] = [
  "category",
  "date",
  "first",
  "last",
  "middle",
  "postcode",
  "phone",
  "code",
  "place",
  "text",
  "street",
  "email",
];
/** A level that is still to be found. */
const open = 255;
/** Sums in another order differ by less. */
const margin = 1e-6;

/**
 * Weighs pairs of distinct records, and pairs of profiles. Made for the inner loop: tables, no allocation; the two sums of
 * the last pair are left in `match` and `kin`.
 */
export class Scorer {
  /** log2 of match against random, and of household against random, of the last pair weighed; without priors. */
  match = 0;
  kin = 0;
  private readonly weights: readonly Float64Array[];
  private readonly kinWeights: readonly Float64Array[];
  private readonly rarity: readonly Float32Array[];
  private readonly shared: Uint8Array;
  /** By comparison: the most that unequal values can add. */
  private readonly bounds: Float64Array;
  /** The least that unequal values can add, and the most that they can add to a household's weight. */
  private readonly least: Float64Array;
  private readonly mostKin: Float64Array;
  /** Whether unequal values may say nothing: only last names do. */
  private readonly maySilence: Uint8Array;
  /** Comparisons by what they take, the quickest first. */
  private readonly byCost: Uint8Array;
  private readonly levels: Uint8Array;

  constructor(
    fitted: readonly Weights[],
    comparisons: readonly Comparison[],
    readonly vectors: Vectors,
  ) {
    this.weights = fitted.map((one) => one.weights);
    this.kinWeights = fitted.map((one) => one.kinWeights);
    this.rarity = fitted.map((one) => one.rarity);
    this.shared = Uint8Array.from(comparisons, (one) => (one.personal ? 0 : 1));
    this.levels = new Uint8Array(fitted.length);
    this.maySilence = Uint8Array.from(comparisons, ({ column }) => (column.role === "last" ? 1 : 0));
    const unequal = (of: Float64Array, c: number) => of.subarray(this.maySilence[c] === 1 ? 0 : 1, of.length - 1);
    this.bounds = Float64Array.from(fitted, ({ weights }, c) => Math.max(...unequal(weights, c)));
    this.least = Float64Array.from(fitted, ({ weights }, c) => Math.min(...unequal(weights, c)));
    this.mostKin = Float64Array.from(fitted, ({ kinWeights }, c) => Math.max(...unequal(kinWeights, c)));
    const cost = (c: number) => costs.indexOf(comparisons[c]?.column.role ?? "text");
    this.byCost = Uint8Array.from([...fitted.keys()].sort((a, b) => cost(a) - cost(b)));
  }

  /**
   * Weighs two distinct records where `match` may be 0 or more; gives false, often before any text is compared, where it
   * cannot. What is left in `match` and `kin` is the same to the last bit as after `pair`.
   */
  isLikely(i: number, j: number): boolean {
    const { width, codes, tops, unlike } = this.vectors;
    const { levels, bounds } = this;
    const atI = i * width;
    const atJ = j * width;
    let bound = margin;
    for (let c = 0; c < width; c++) {
      const a = codes[atI + c] as number;
      const b = codes[atJ + c] as number;
      if (a < 0 || b < 0) levels[c] = 0;
      else if (a === b) {
        const top = tops[c] as number;
        levels[c] = top;
        bound += ((this.weights[c] as Float64Array)[top] as number) + ((this.rarity[c] as Float32Array)[a] as number);
      } else {
        levels[c] = open;
        bound += bounds[c] as number;
      }
    }
    for (let at = 0; at < width; at++) {
      if (bound < 0) return false;
      const c = this.byCost[at] as number;
      if (levels[c] !== open) continue;
      const level = (unlike[c] as Level)(codes[atI + c] as number, codes[atJ + c] as number, i, j);
      levels[c] = level;
      bound += ((this.weights[c] as Float64Array)[level] as number) - (bounds[c] as number);
    }
    if (bound < 0) return false;
    let match = 0;
    let kin = 0;
    for (let c = 0; c < width; c++) {
      const level = levels[c] as number;
      if (level === 0) continue;
      const weight = (this.weights[c] as Float64Array)[level] as number;
      const kinWeight = (this.kinWeights[c] as Float64Array)[level] as number;
      if (level === tops[c]) {
        const rare = (this.rarity[c] as Float32Array)[codes[atI + c] as number] as number;
        match += weight + rare;
        kin += kinWeight + (this.shared[c] === 1 ? rare : 0);
      } else {
        match += weight;
        kin += kinWeight;
      }
    }
    this.match = match;
    this.kin = kin;
    return match >= 0;
  }

  /** Weighs two distinct records. */
  pair(i: number, j: number): void {
    const { width, codes, tops, unlike } = this.vectors;
    const atI = i * width;
    const atJ = j * width;
    let match = 0;
    let kin = 0;
    for (let c = 0; c < width; c++) {
      const a = codes[atI + c] as number;
      const b = codes[atJ + c] as number;
      if (a < 0 || b < 0) continue;
      if (a === b) {
        const top = tops[c] as number;
        const rare = (this.rarity[c] as Float32Array)[a] as number;
        match += ((this.weights[c] as Float64Array)[top] as number) + rare;
        kin += ((this.kinWeights[c] as Float64Array)[top] as number) + (this.shared[c] === 1 ? rare : 0);
      } else {
        const level = (unlike[c] as Level)(a, b, i, j);
        match += (this.weights[c] as Float64Array)[level] as number;
        kin += (this.kinWeights[c] as Float64Array)[level] as number;
      }
    }
    this.match = match;
    this.kin = kin;
  }

  /** Whether two profiles weigh at least so much; most do whatever their unequal values are, and then no text is compared. */
  holdTogether(a: readonly number[], b: readonly number[], prior: Prior, least: number): boolean {
    const { width, codes, tops } = this.vectors;
    let match = 0;
    let kin = 0;
    for (let c = 0; c < width; c++) {
      const weights = this.weights[c] as Float64Array;
      const kinWeights = this.kinWeights[c] as Float64Array;
      const rarity = this.rarity[c] as Float32Array;
      const top = tops[c] as number;
      let known = 0;
      let sum = 0;
      let kinSum = 0;
      let lowest = 0;
      let highestKin = 0;
      for (const i of a) {
        const x = codes[i * width + c] as number;
        if (x < 0) continue;
        for (const j of b) {
          const y = codes[j * width + c] as number;
          if (y < 0) continue;
          const rare = x === y ? (rarity[x] as number) : 0;
          const weight = x === y ? (weights[top] as number) + rare : (this.least[c] as number);
          const kinWeight =
            x === y ? (kinWeights[top] as number) + (this.shared[c] === 1 ? rare : 0) : (this.mostKin[c] as number);
          known++;
          sum += weight;
          kinSum += kinWeight;
          lowest = Math.min(lowest, weight);
          highestKin = Math.max(highestKin, kinWeight);
        }
      }
      if (known === 0) continue;
      // Pairs that say nothing do not count: the mean of the others is nowhere outside of them all.
      match += this.maySilence[c] === 1 ? lowest : sum / known;
      kin += this.maySilence[c] === 1 ? highestKin : kinSum / known;
    }
    return matchWeight(match, kin, prior) >= least + margin || this.profiles(a, b, prior) >= least;
  }

  /**
   * Weighs two profiles as if each were one record: a column counts by the mean over the pairs of records that know it, so
   * that what one record does not say hides no contradiction between the others. Returns the match weight.
   */
  profiles(a: readonly number[], b: readonly number[], prior: Prior): number {
    let match = 0;
    let kin = 0;
    const { width, codes, tops, unlike } = this.vectors;
    for (let c = 0; c < width; c++) {
      const weights = this.weights[c] as Float64Array;
      const kinWeights = this.kinWeights[c] as Float64Array;
      const rarity = this.rarity[c] as Float32Array;
      const top = tops[c] as number;
      let known = 0;
      let matchSum = 0;
      let kinSum = 0;
      for (const i of a) {
        const x = codes[i * width + c] as number;
        if (x < 0) continue;
        for (const j of b) {
          const y = codes[j * width + c] as number;
          if (y < 0) continue;
          const level = x === y ? top : (unlike[c] as Level)(x, y, i, j);
          if (level === 0) continue;
          known++;
          matchSum += weights[level] as number;
          kinSum += kinWeights[level] as number;
          if (x !== y) continue;
          const rare = rarity[x] as number;
          matchSum += rare;
          if (this.shared[c] === 1) kinSum += rare;
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
export function matchWeight(match: number, kin: number, prior: Prior): number {
  const relative = kin + prior.kin;
  // Beyond 40 bits the smaller one is lost in the sum.
  const others = relative > 40 ? relative : relative < -40 ? 0 : Math.log2(1 + 2 ** relative);
  return match + prior.match - others;
}
