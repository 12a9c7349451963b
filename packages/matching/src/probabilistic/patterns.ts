import { type BlockShare, blocksOfShare } from "./samples";
import type { Vectors } from "./vectors";

/** Different comparison vectors of a sample of pairs, and how often each occurs. */
export interface Patterns {
  readonly levels: Uint8Array;
  readonly counts: Float64Array;
}

/** Pairs whose vectors are wanted: those within blocks; or of each record with so many that follow it. */
export type Sample =
  | { readonly blocks: BlockShare; readonly content: Float64Array }
  | { readonly order: Int32Array; readonly from: number; readonly to: number; readonly steps: number };

/** Pairs are compared at once and only their vector is counted: EM then works on a few thousand vectors. */
class PatternCounter {
  private readonly index = new Map<number, number>();
  private readonly levels: number[] = [];
  private readonly counts: number[] = [];
  private readonly row: Uint8Array;

  constructor(private readonly vectors: Vectors) {
    this.row = new Uint8Array(vectors.width);
  }

  add(i: number, j: number): void {
    let key = 0;
    for (let c = 0; c < this.vectors.width; c++) {
      const level = this.vectors.level(c, i, j);
      this.row[c] = level;
      key = key * ((this.vectors.tops[c] as number) + 1) + level;
    }
    const known = this.index.get(key);
    if (known !== undefined) {
      this.counts[known] = (this.counts[known] as number) + 1;
      return;
    }
    this.index.set(key, this.counts.length);
    this.counts.push(1);
    for (const level of this.row) this.levels.push(level);
  }

  done(): Patterns {
    return { levels: Uint8Array.from(this.levels), counts: Float64Array.from(this.counts) };
  }
}

/** Samples, and the next one to take; in shared memory. */
export interface Samples {
  readonly samples: readonly Sample[];
  readonly cursor: Int32Array;
}

/** The vectors of the samples that no other thread has taken, by the sample's place. */
export function patternsOf({ samples, cursor }: Samples, vectors: Vectors): ReadonlyMap<number, Patterns> {
  const found = new Map<number, Patterns>();
  for (let at = Atomics.add(cursor, 0, 1); at < samples.length; at = Atomics.add(cursor, 0, 1)) {
    const sample = samples[at] as Sample;
    const counter = new PatternCounter(vectors);
    if ("order" in sample) {
      const { order, from, to, steps } = sample;
      for (let step = 1; step <= steps; step++)
        for (let i = from; i < to; i++) counter.add(order[i] as number, order[(i + step) % order.length] as number);
    } else {
      for (const members of someOfEach(sample.blocks, sample.content)) {
        for (const [at, i] of members.entries())
          for (let other = at + 1; other < members.length; other++) counter.add(i, members[other] as number);
      }
    }
    found.set(at, counter.done());
  }
  return found;
}

/** Most records of one block that are looked at. */
const widest = 40;

/** The records of each block; of a large one only some, chosen by their content. */
function* someOfEach(share: BlockShare, content: Float64Array): Generator<Int32Array> {
  const { members, starts } = blocksOfShare(share);
  for (let block = 0; block + 1 < starts.length; block++) {
    const all = members.subarray(starts[block] as number, starts[block + 1] as number);
    yield all.length > widest
      ? all.sort((a, b) => (content[a] as number) - (content[b] as number)).subarray(0, widest)
      : all;
  }
}
