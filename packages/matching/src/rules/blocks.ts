import type { BlockStatistics } from "@tributary/model";
import type { HashColumn } from "./hashes";
import { type KeyedRows, Keys, keyedRows } from "./keys";

/** Numbers a slot: low half of the key, high half, first record plus one (0 where free), count and verdict. */
const stride = 4;
/** Verdicts, kept in the count's upper bits so that a group is one place in memory. */
export const links = 1 << 30;
export const linksNobody = 1 << 29;
const countMask = linksNobody - 1;

/** Bytes of the table that are worked on at a time: what a core's own cache holds. */
const partBytes = 2 ** 18;
/** Most parts: more, and dealing records out to them costs more than it saves. */
const mostPartBits = 9;

/**
 * Records grouped by key, in a hash table of one typed array: 16 bytes a slot and 24 a record, or 4 a record and variant.
 * Made once for a run and used for one alternative after another. Time is that of waiting for memory, so all of a group
 * lies together, and records are dealt out by the part of the table that their key is in and then gone through part by
 * part.
 */
export class Blocks {
  private table = new Int32Array(0);
  /** Per slot: its last record plus one; only where a record can have several keys. */
  private last = new Int32Array(0);
  /** Per record and variant: its slot, −1 where it has no key. Where records are dealt out, per place in that order. */
  private slots: Int32Array = new Int32Array(0);
  /** Records as they are dealt out; undefined where they are in their own order. */
  private dealt: Int32Array | undefined;
  private places = new Int32Array(0);
  private made = keyedRows(0);
  private parted = keyedRows(0);
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
    this.dealt = undefined;
    if (this.variants === 1 && takes === undefined) this.buildPlain(keys);
    else this.buildGeneral(keys, takes);
  }

  private buildPlain(keys: Keys): void {
    if (this.made.row.length < this.records) {
      this.made = keyedRows(this.records);
      this.parted = keyedRows(this.records);
    }
    const keyed = keys.makeAll(this.records, this.made);
    this.reserve(keyed);
    const { table, size } = this;
    const bits = Math.log2(size);
    const { low, high, row } = this.deal(keyed, Math.min(mostPartBits, Math.max(0, bits + 4 - Math.log2(partBytes))));
    const shift = 32 - bits;
    let [kinds, largest, pairs] = [0, 0, 0];
    for (let place = 0; place < keyed; place++) {
      const a = low[place] as number;
      const b = high[place] as number;
      let slot = a >>> shift;
      let at = slot * stride;
      while (table[at + 2] !== 0 && (table[at] !== a || table[at + 1] !== b)) {
        slot = slot + 1 === size ? 0 : slot + 1;
        at = slot * stride;
      }
      if (table[at + 2] === 0) {
        table[at] = a;
        table[at + 1] = b;
        table[at + 2] = (row[place] as number) + 1;
        kinds++;
      }
      const count = (table[at + 3] as number) + 1;
      table[at + 3] = count;
      pairs += count - 1;
      if (count > largest) largest = count;
      // The key is in the table now.
      low[place] = slot;
    }
    this.slots = low;
    this.dealt = row;
    Object.assign(this, { keyed, kinds, largest, pairs });
  }

  /** Brings records into the order of the upper bits of their keys; of one part they stay in their own order. */
  private deal(keyed: number, bits: number): KeyedRows {
    if (bits === 0) return this.made;
    const { made, parted } = this;
    const shift = 32 - bits;
    const next = new Int32Array(2 ** bits + 1);
    for (let place = 0; place < keyed; place++) {
      const part = ((made.low[place] as number) >>> shift) + 1;
      next[part] = (next[part] as number) + 1;
    }
    for (let part = 1; part < next.length; part++) next[part] = (next[part] as number) + (next[part - 1] as number);
    for (let place = 0; place < keyed; place++) {
      const low = made.low[place] as number;
      const part = low >>> shift;
      const to = next[part] as number;
      next[part] = to + 1;
      parted.low[to] = low;
      parted.high[to] = made.high[place] as number;
      parted.row[to] = made.row[place] as number;
    }
    return parted;
  }

  private buildGeneral(keys: Keys, takes?: (row: number) => boolean): void {
    const { variants } = this;
    this.reserve(this.records * variants);
    if (this.places.length < this.records * variants) this.places = new Int32Array(this.records * variants);
    const { table } = this;
    const slots = this.places;
    this.slots = slots;
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

  /**
   * Calls for each record of a group of two or more: its slot, the group's first record, its count and verdict. Records
   * of one group come in their order.
   */
  forEach(
    call: (row: number, variant: number, slot: number, first: number, count: number, verdict: number) => void,
  ): void {
    const { slots, table, variants, dealt } = this;
    if (dealt) {
      for (let place = 0; place < this.keyed; place++) {
        const slot = slots[place] as number;
        const at = slot * stride;
        const state = table[at + 3] as number;
        const count = state & countMask;
        if (count > 1) call(dealt[place] as number, 0, slot, (table[at + 2] as number) - 1, count, state & ~countMask);
      }
      return;
    }
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
  }
}

/** Whether all records have a value in a column and no two the same; false where it may be otherwise. */
export function areUnique(column: HashColumn, records: number): boolean {
  if (column.known < records) return false;
  const blocks = new Blocks();
  const pool = { choices: [{ value: 0, tag: 0 }], emptyValues: false };
  blocks.build(records, new Keys({ pools: [pool], fuzzy: [] }, [column]));
  return blocks.statistics().largest === 1;
}
