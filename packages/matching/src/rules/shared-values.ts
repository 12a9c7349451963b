import type { ValueColumn } from "./columns";

/** Codes that are worked on at a time: their records fit a core's own cache. */
const partBits = 13;

/** The records of each value that two and more have in a column: value after value, each one's in their order. */
export interface SharedValues {
  readonly rows: Int32Array;
  /** Where each value's records end. */
  readonly ends: Int32Array;
  readonly values: number;
}

/** Groups records by their value in one column. */
export function sharedValues({ codes, dictionary }: ValueColumn): SharedValues {
  const parts = (dictionary.kinds >>> partBits) + 1;
  const starts = new Int32Array(parts + 1);
  for (let row = 0; row < codes.length; row++) {
    const code = codes[row] as number;
    if (code === 0) continue;
    const part = (code >>> partBits) + 1;
    starts[part] = (starts[part] as number) + 1;
  }
  for (let part = 1; part <= parts; part++) starts[part] = (starts[part] as number) + (starts[part - 1] as number);
  const known = starts[parts] as number;
  const dealt = new Int32Array(known * 2);
  const next = starts.slice();
  for (let row = 0; row < codes.length; row++) {
    const code = codes[row] as number;
    if (code === 0) continue;
    const part = code >>> partBits;
    const to = next[part] as number;
    next[part] = to + 1;
    dealt[to * 2] = code;
    dealt[to * 2 + 1] = row;
  }
  const rows = new Int32Array(known);
  const ends = new Int32Array(Math.min(known >>> 1, dictionary.kinds));
  /** By code of the part: first how many have it, then where the next of them goes; −1 where it is one alone. */
  const places = new Int32Array(2 ** partBits);
  let values = 0;
  let filled = 0;
  for (let part = 0; part < parts; part++) {
    places.fill(0);
    const base = part << partBits;
    const from = (starts[part] as number) * 2;
    const to = (starts[part + 1] as number) * 2;
    for (let at = from; at < to; at += 2) {
      const place = (dealt[at] as number) - base;
      places[place] = (places[place] as number) + 1;
    }
    for (let place = 0; place < places.length; place++) {
      const count = places[place] as number;
      if (count > 1) {
        places[place] = filled;
        filled += count;
        ends[values++] = filled;
      } else places[place] = -1;
    }
    for (let at = from; at < to; at += 2) {
      const place = (dealt[at] as number) - base;
      const into = places[place] as number;
      if (into < 0) continue;
      rows[into] = dealt[at + 1] as number;
      places[place] = into + 1;
    }
  }
  return { rows, ends, values };
}
