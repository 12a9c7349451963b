import { bump } from "./arrays";
import type { Prior } from "./scorer";

/** Half-bit cells from −20 to 108: the weights of many pairs as one small table. */
const side = 256;
const cell = (weight: number): number => Math.max(0, Math.min(side - 1, Math.round((weight + 20) * 2)));
const weightOf = (at: number): number => at / 2 - 20;

/** Counts pairs by their two weights, to learn from them how many matches there are. */
export class WeightCounts {
  readonly grid = new Float64Array(side * side);

  add(match: number, kin: number): void {
    bump(this.grid, cell(match) * side + cell(kin));
  }

  /** Adds what another one has counted. */
  addAll(grid: Float64Array): void {
    for (let at = 0; at < grid.length; at++) bump(this.grid, at, grid[at] as number);
  }

  /**
   * How probable matches and households are among `all` pairs: what is expected among the pairs counted, taken as all there
   * are (pairs that no blocking met are no matches), until it agrees with itself. Households are met less often, since most
   * blockings ask for something personal: there are at least `kinPerMatch` for each match.
   */
  prior(all: number, records: number, kinPerMatch: number): Prior {
    const cells: { count: number; match: number; kin: number }[] = [];
    this.grid.forEach((count, at) => {
      if (count > 0) {
        cells.push({ count, match: 2 ** weightOf(Math.floor(at / side)), kin: 2 ** weightOf(at % side) });
      }
    });
    let match = 1 / Math.max(2, records);
    let kin = match;
    for (let round = 0; round < 200; round++) {
      let matches = 0;
      let relatives = 0;
      for (const one of cells) {
        const m = match * one.match;
        const k = kin * one.kin;
        const total = m + k + 1 - match - kin;
        matches += (one.count * m) / total;
        relatives += (one.count * k) / total;
      }
      const next = Math.min(0.4, Math.max(matches, 1) / all);
      const moved = Math.abs(Math.log2(next / match));
      match = next;
      kin = Math.min(0.4, Math.max(relatives, matches * kinPerMatch, 1e-3) / all);
      if (moved < 1e-3) break;
    }
    return { match: Math.log2(match / (1 - match)), kin: Math.log2(kin) };
  }
}
