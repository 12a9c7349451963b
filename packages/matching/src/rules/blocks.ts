import type { BlockStatistics } from "@tributary/model";
import type { OnGroup } from "./groups";
import type { Keys } from "./keys";

/** Numbers a slot: low half of the key, high half, first record plus one (0 where free), count. */
const stride = 4;

/**
 * Records grouped by key where one can have several, or may lack a value: in a hash table of one typed array, 16 bytes a
 * slot, and 4 a record and way to have a key. Made once for a run and used for one alternative after another.
 */
export class Blocks {
  private table = new Int32Array(0);
  /** Per slot: its last record plus one. */
  private last = new Int32Array(0);
  /** Per record and variant: its slot, −1 where it has no key. */
  private slots: Int32Array = new Int32Array(0);
  private variants = 1;
  private records = 0;
  private keyed = 0;
  private kinds = 0;
  private pairs = 0;
  private largest = 0;

  /** Groups records 0…n−1, or those that `takes` lets take part. */
  build(records: number, keys: Keys, takes?: (row: number) => boolean): void {
    const { variants } = keys;
    Object.assign(this, { records, variants });
    this.reserve(records * variants);
    const { table, slots, last } = this;
    const mask = this.size - 1;
    let [keyed, kinds, largest, pairs] = [0, 0, 0, 0];
    for (let row = 0; row < records; row++) {
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

  /** Calls for each group of two and more, as `groupsOf` does; the variant is one in which the first record has the key. */
  forEach(call: OnGroup): void {
    const { table, slots, variants } = this;
    const starts = new Int32Array(this.size);
    let total = 0;
    for (let place = 0; place < this.records * variants; place++) {
      const slot = slots[place] as number;
      if (slot < 0) continue;
      const count = table[slot * stride + 3] as number;
      if (count < 2 || starts[slot] !== 0) continue;
      starts[slot] = total + 1;
      total += count;
    }
    const places = new Int32Array(total);
    const filled = new Int32Array(this.size);
    for (let place = 0; place < this.records * variants; place++) {
      const slot = slots[place] as number;
      if (slot < 0 || starts[slot] === 0) continue;
      places[(starts[slot] as number) - 1 + (filled[slot] as number)] = place;
      filled[slot] = (filled[slot] as number) + 1;
    }
    const rows = new Int32Array(this.largest);
    for (let slot = 0; slot < this.size; slot++) {
      const first = (starts[slot] as number) - 1;
      if (first < 0) continue;
      const count = filled[slot] as number;
      for (let at = 0; at < count; at++) rows[at] = Math.floor((places[first + at] as number) / variants);
      call(rows, count, (places[first] as number) % variants);
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
    if (wanted > this.size) {
      this.table = new Int32Array(wanted * stride);
      this.last = new Int32Array(wanted);
    } else {
      this.table.fill(0);
      this.last.fill(0);
    }
    if (this.slots.length < entries) this.slots = new Int32Array(entries);
  }
}
