import type { BlockStatistics } from "@tributary/model";
import type { Keys } from "./keys";

/**
 * Records grouped by key, in a hash table of typed arrays: 16 bytes a slot and 4 a record and variant. Made once for a run
 * and used for one alternative after another.
 */
export class Blocks {
  private low = new Int32Array(0);
  private high = new Int32Array(0);
  /** Per slot: its first record plus one; 0 where the slot is free. */
  private first = new Int32Array(0);
  private last = new Int32Array(0);
  /** Per slot: records. */
  private counts = new Int32Array(0);
  /** Per record and variant: its slot, −1 where it has no key. */
  private slots = new Int32Array(0);
  private variants = 1;
  private records = 0;

  /** Groups records 0…n−1, or those that `takes` lets take part. */
  build(records: number, keys: Keys, takes?: (row: number) => boolean): void {
    this.variants = keys.variants;
    this.records = records;
    this.reserve(records * keys.variants);
    const { low, high, first, last, counts, slots, variants } = this;
    const mask = first.length - 1;
    for (let row = 0; row < records; row++) {
      const taken = takes === undefined || takes(row);
      for (let variant = 0; variant < variants; variant++) {
        const place = row * variants + variant;
        if (!taken || !keys.make(row, variant)) {
          slots[place] = -1;
          continue;
        }
        const a = keys.low;
        const b = keys.high;
        let slot = (a ^ (b >>> 7)) & mask;
        while (first[slot] !== 0 && (low[slot] !== a || high[slot] !== b)) slot = (slot + 1) & mask;
        if (first[slot] === 0) {
          first[slot] = row + 1;
          low[slot] = a;
          high[slot] = b;
        }
        // Two columns of one record with one value are no second record.
        if (last[slot] === row + 1) {
          slots[place] = -1;
          continue;
        }
        last[slot] = row + 1;
        counts[slot] = (counts[slot] as number) + 1;
        slots[place] = slot;
      }
    }
  }

  /** Calls for each record of a group of two or more: its slot, the group's first record, the number of its records. */
  forEach(call: (row: number, variant: number, slot: number, first: number, count: number) => void): void {
    const { slots, counts, first, variants } = this;
    for (let place = 0; place < this.records * variants; place++) {
      const slot = slots[place] as number;
      if (slot < 0) continue;
      const count = counts[slot] as number;
      if (count < 2) continue;
      const row = variants === 1 ? place : Math.floor(place / variants);
      call(row, place - row * variants, slot, (first[slot] as number) - 1, count);
    }
  }

  /** The groups of two or more, each with its records in order of rows. */
  *groups(): Generator<Int32Array> {
    const starts = new Int32Array(this.size);
    let total = 0;
    this.forEach((row, _variant, slot, first, count) => {
      if (row !== first || starts[slot] !== 0) return;
      starts[slot] = total + 1;
      total += count;
    });
    const members = new Int32Array(total);
    const filled = new Int32Array(this.size);
    this.forEach((row, _variant, slot) => {
      members[(starts[slot] as number) - 1 + (filled[slot] as number)] = row;
      filled[slot] = (filled[slot] as number) + 1;
    });
    for (let at = 0; at < this.size; at++) {
      const start = starts[at] as number;
      if (start > 0) yield members.subarray(start - 1, start - 1 + (filled[at] as number));
    }
  }

  /** How many records have a key, how many keys there are, and the most records of one. */
  statistics(): BlockStatistics {
    let [records, blocks, largest] = [0, 0, 0];
    for (const count of this.counts) {
      if (count === 0) continue;
      records += count;
      blocks += 1;
      if (count > largest) largest = count;
    }
    return { records, blocks, largest };
  }

  /** Slots of the table: what is kept per group is an array of this length. */
  get size(): number {
    return this.first.length;
  }

  private reserve(entries: number): void {
    const wanted = 2 ** Math.ceil(Math.log2(Math.max(16, entries * 1.5)));
    if (wanted > this.first.length) {
      this.low = new Int32Array(wanted);
      this.high = new Int32Array(wanted);
      this.first = new Int32Array(wanted);
      this.last = new Int32Array(wanted);
      this.counts = new Int32Array(wanted);
    } else {
      this.first.fill(0);
      this.last.fill(0);
      this.counts.fill(0);
    }
    if (entries > this.slots.length) this.slots = new Int32Array(entries);
  }
}
