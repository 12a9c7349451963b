import type { BlockStatistics } from "@tributary/model";
import type { Keys } from "./keys";

/** Numbers a slot: low half of the key, high half, first record plus one (0 where free), count and verdict. */
const stride = 4;
/** Verdicts, kept in the count's upper bits so that a group is one place in memory. */
export const links = 1 << 30;
export const linksNobody = 1 << 29;
const countMask = linksNobody - 1;

/**
 * Records grouped by key, in a hash table of one typed array: 16 bytes a slot and 4 a record and variant. Made once for a
 * run and used for one alternative after another. Time is that of waiting for memory, so all of a group lies together.
 */
export class Blocks {
  private table = new Int32Array(0);
  /** Per slot: its last record plus one; only where a record can have several keys. */
  private last = new Int32Array(0);
  /** Per record and variant: its slot, −1 where it has no key. */
  private slots = new Int32Array(0);
  private variants = 1;
  private records = 0;
  private keyed = 0;
  private kinds = 0;
  private pairs = 0;
  private largest = 0;

  /** Groups records 0…n−1, or those that `takes` lets take part. */
  build(records: number, keys: Keys, takes?: (row: number) => boolean): void {
    this.variants = keys.variants;
    this.records = records;
    this.reserve(records * keys.variants);
    if (this.variants === 1 && takes === undefined) this.buildPlain(keys);
    else this.buildGeneral(keys, takes);
  }

  private buildPlain(keys: Keys): void {
    const { table, slots, records } = this;
    const mask = table.length / stride - 1;
    let [keyed, kinds, largest, pairs] = [0, 0, 0, 0];
    keys.makeAll(records, slots, (row, a, b) => {
      let slot = (a ^ (b >>> 7)) & mask;
      let at = slot * stride;
      while (table[at + 2] !== 0 && (table[at] !== a || table[at + 1] !== b)) {
        slot = (slot + 1) & mask;
        at = slot * stride;
      }
      if (table[at + 2] === 0) {
        table[at] = a;
        table[at + 1] = b;
        table[at + 2] = row + 1;
        kinds++;
      }
      keyed++;
      const count = (table[at + 3] as number) + 1;
      table[at + 3] = count;
      pairs += count - 1;
      if (count > largest) largest = count;
      return slot;
    });
    Object.assign(this, { keyed, kinds, largest, pairs });
  }

  private buildGeneral(keys: Keys, takes?: (row: number) => boolean): void {
    const { table, slots, variants } = this;
    const mask = table.length / stride - 1;
    if (this.last.length < this.size) this.last = new Int32Array(this.size);
    else this.last.fill(0);
    const { last } = this;
    let [keyed, kinds, largest, pairs] = [0, 0, 0, 0];
    for (let row = 0; row < this.records; row++) {
      const taken = takes === undefined || takes(row);
      for (let variant = 0; variant < variants; variant++) {
        const place = row * variants + variant;
        slots[place] = -1;
        if (!taken || !keys.make(row, variant)) continue;
        const a = keys.low;
        const b = keys.high;
        let slot = (a ^ (b >>> 7)) & mask;
        let at = slot * stride;
        while (table[at + 2] !== 0 && (table[at] !== a || table[at + 1] !== b)) {
          slot = (slot + 1) & mask;
          at = slot * stride;
        }
        if (table[at + 2] === 0) {
          table[at] = a;
          table[at + 1] = b;
          table[at + 2] = row + 1;
          kinds++;
        }
        // Two columns of one record with one value are no second record.
        if (last[slot] === row + 1) continue;
        last[slot] = row + 1;
        keyed++;
        const count = (table[at + 3] as number) + 1;
        table[at + 3] = count;
        pairs += count - 1;
        if (count > largest) largest = count;
        slots[place] = slot;
      }
    }
    Object.assign(this, { keyed, kinds, largest, pairs });
  }

  /** Calls for each record of a group of two or more: its slot, the group's first record, its count and verdict. */
  forEach(
    call: (row: number, variant: number, slot: number, first: number, count: number, verdict: number) => void,
  ): void {
    const { slots, table, variants } = this;
    let row = 0;
    let variant = 0;
    for (let place = 0; place < this.records * variants; place++) {
      const slot = slots[place] as number;
      if (slot >= 0) {
        const at = slot * stride;
        const state = table[at + 3] as number;
        const count = state & countMask;
        if (count > 1) call(row, variant, slot, (table[at + 2] as number) - 1, count, state & ~countMask);
      }
      if (++variant === variants) {
        variant = 0;
        row++;
      }
    }
  }

  /** Remembers whether a group links its records. */
  judge(slot: number, verdict: typeof links | typeof linksNobody): void {
    const at = slot * stride + 3;
    this.table[at] = ((this.table[at] as number) & countMask) | verdict;
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
  statistics(): Required<BlockStatistics> {
    return { records: this.keyed, blocks: this.kinds, largest: this.largest, pairs: this.pairs };
  }

  /** Slots of the table. */
  private get size(): number {
    return this.table.length / stride;
  }

  private reserve(entries: number): void {
    const wanted = 2 ** Math.ceil(Math.log2(Math.max(16, entries * 1.5)));
    if (wanted > this.size) this.table = new Int32Array(wanted * stride);
    else this.table.fill(0);
    if (entries > this.slots.length) this.slots = new Int32Array(entries);
  }
}
