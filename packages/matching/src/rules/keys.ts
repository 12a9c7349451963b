import type { ValueColumn } from "./columns";
import type { Alternative } from "./plan";

const lowSeed = 0x2545f491;
const highSeed = 0x6c62272e;

function mixLow(low: number, half: number): number {
  const mixed = Math.imul(low ^ half, 0x85ebca6b);
  return (mixed ^ (mixed >>> 13)) + 0x61c88647;
}

function mixHigh(high: number, half: number): number {
  const mixed = Math.imul(high ^ half, 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) + 0x3c6ef372;
}

const lastLow = (low: number): number => Math.imul(low ^ (low >>> 16), 0x85ebca6b);
const lastHigh = (high: number): number => Math.imul(high ^ (high >>> 15), 0x27d4eb2f);

/** One way in which a record can have a key of an alternative: a choice of each pool. */
interface Variant {
  readonly columns: readonly ValueColumn[];
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

  constructor(alternative: Alternative, columns: readonly ValueColumn[]) {
    let variants: Variant[] = [{ columns: [], emptyValues: [], salt: 0 }];
    for (const pool of alternative.pools) {
      variants = variants.flatMap((variant) =>
        pool.choices.map((choice) => ({
          columns: [...variant.columns, columns[choice.value] as ValueColumn],
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

  columnsOf(variant: number): readonly ValueColumn[] {
    return (this.all[variant] as Variant).columns;
  }

  /** Makes a record's key; false where it has none. */
  make(row: number, variant: number): boolean {
    const { columns, emptyValues, salt } = this.all[variant] as Variant;
    let low = salt + lowSeed;
    let high = salt ^ highSeed;
    for (let index = 0; index < columns.length; index++) {
      const { codes, dictionary } = columns[index] as ValueColumn;
      const code = codes[row] as number;
      if (code === 0 && !emptyValues[index]) return false;
      low = mixLow(low, dictionary.low[code] as number);
      high = mixHigh(high, dictionary.high[code] as number);
    }
    this.low = lastLow(low);
    this.high = lastHigh(high);
    return true;
  }

  /** The last key as one number, of its best 53 bits. */
  get number(): number {
    return (this.high >>> 0) * 0x200000 + (this.low >>> 11);
  }
}
