import { sharedIntegers } from "./arrays";
import type { Comparison } from "./comparisons";
import type { Level } from "./names";

/** The levels of pairs of distinct records. A record's codes lie side by side: a pair touches two places in memory. */
export class Vectors {
  readonly width: number;
  /** By comparison: the level of equality. */
  readonly tops: Int32Array;
  /** Code of record i in comparison c at i × width + c; -1 where it is missing. */
  readonly codes: Int32Array;
  readonly unlike: readonly Level[];

  /** @param records - how many there are; or their codes, as another one has made them */
  constructor(comparisons: readonly Comparison[], records: number | Int32Array) {
    this.width = comparisons.length;
    this.tops = Int32Array.from(comparisons, (one) => one.levels.length - 1);
    this.unlike = comparisons.map((one) => one.unlike);
    if (typeof records !== "number") {
      this.codes = records;
      return;
    }
    this.codes = sharedIntegers(records * this.width);
    for (const [c, { column }] of comparisons.entries()) {
      for (let i = 0, at = c; i < records; i++, at += this.width) this.codes[at] = column.codes[i] as number;
    }
  }

  /** Level of two records in one comparison; 0 where one of them is missing. */
  level(c: number, i: number, j: number): number {
    const a = this.codes[i * this.width + c] as number;
    const b = this.codes[j * this.width + c] as number;
    if (a < 0 || b < 0) return 0;
    return a === b ? (this.tops[c] as number) : (this.unlike[c] as Level)(a, b, i, j);
  }
}
