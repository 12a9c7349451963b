import type { HashColumn } from "./hashes";
import type { Alternative } from "./plan";

/** One way in which a record can have a key of an alternative: a choice of each pool. */
interface Variant {
  readonly columns: readonly HashColumn[];
  readonly emptyValues: readonly boolean[];
  readonly salt: number;
}

/**
 * The keys of records under one alternative of a rule: 64 bits mixed from the hashes of its values. Records of one key
 * agree on all of the alternative's exact parts.
 */
export class Keys {
  /** The last key made. */
  low = 0;
  high = 0;
  private readonly all: readonly Variant[];

  constructor(alternative: Alternative, columns: readonly HashColumn[]) {
    let variants: Variant[] = [{ columns: [], emptyValues: [], salt: 0 }];
    for (const pool of alternative.pools) {
      variants = variants.flatMap((variant) =>
        pool.choices.map((choice) => ({
          columns: [...variant.columns, columns[choice.value] as HashColumn],
          emptyValues: [...variant.emptyValues, pool.emptyValues],
          salt: variant.salt * 31 + choice.tag,
        })),
      );
    }
    this.all = variants;
  }

  /** Ways in which a record can have a key. */
  get variants(): number {
    return this.all.length;
  }

  columnsOf(variant: number): readonly HashColumn[] {
    return (this.all[variant] as Variant).columns;
  }

  /** Makes a record's key; false where it has none. */
  make(row: number, variant: number): boolean {
    const { columns, emptyValues, salt } = this.all[variant] as Variant;
    let low = salt + 0x2545f491;
    let high = salt ^ 0x6c62272e;
    for (let index = 0; index < columns.length; index++) {
      const column = columns[index] as HashColumn;
      const a = column.low[row] as number;
      const b = column.high[row] as number;
      if ((a | b) === 0 && !emptyValues[index]) return false;
      low = Math.imul(low ^ a, 0x85ebca6b);
      low = (low ^ (low >>> 13)) + 0x61c88647;
      high = Math.imul(high ^ b, 0xc2b2ae35);
      high = (high ^ (high >>> 16)) + 0x3c6ef372;
    }
    this.low = Math.imul(low ^ (low >>> 16), 0x85ebca6b) | 0;
    this.high = Math.imul(high ^ (high >>> 15), 0x27d4eb2f) | 0;
    return true;
  }

  /** The last key as one number, of its best 53 bits. */
  get number(): number {
    return (this.high >>> 0) * 0x200000 + (this.low >>> 11);
  }
}
