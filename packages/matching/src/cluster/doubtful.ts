import { DuckDBDataChunk, INTEGER } from "@duckdb/node-api";
import type { ValueColumn } from "../rules/columns";
import type { Session } from "../session";
import type { ConstrainedInput } from "./components";
import type { Links } from "./links";

/** Marks the roots of components that a constraint could break, or, where links are asked for, of all but single records. */
export function doubtfulRoots(input: ConstrainedInput, root: Int32Array): Uint8Array {
  const { records } = input;
  const doubtful = new Uint8Array(records);
  const sizes = new Int32Array(records);
  for (let row = 0; row < records; row++) {
    const at = root[row] as number;
    const size = (sizes[at] as number) + 1;
    sizes[at] = size;
    if (size > input.maxSize || (size > 1 && input.onKept)) doubtful[at] = 1;
  }
  for (const [row, others] of input.apart) {
    for (const other of others) if (root[row] === root[other]) doubtful[root[row] as number] = 1;
  }
  for (const { column } of input.vetoes) markDifferent([column], 1, root, doubtful);
  for (const { columns, limit } of input.limits) markDifferent(columns, limit, root, doubtful);
  return doubtful;
}

/** Marks components that have two different values, and more than `limit` known ones; the columns are of one dictionary. */
function markDifferent(columns: readonly ValueColumn[], limit: number, root: Int32Array, doubtful: Uint8Array): void {
  const first = new Int32Array(root.length);
  const known = new Int32Array(root.length);
  for (const { codes } of columns) {
    for (let row = 0; row < root.length; row++) {
      const code = codes[row] as number;
      if (code === 0) continue;
      const at = root[row] as number;
      // Negative once two differ.
      const count = known[at] as number;
      if (count === 0) {
        first[at] = code;
        known[at] = 1;
      } else {
        const differs = count < 0 || first[at] !== code;
        known[at] = differs ? -Math.abs(count) - 1 : count + 1;
        if (differs && Math.abs(count) + 1 > limit) doubtful[at] = 1;
      }
    }
  }
}

/** Writes the records of doubtful components as the table `doubtful(r, root)`; gives their number. */
export async function storeDoubtful(session: Session, root: Int32Array, doubtful: Uint8Array): Promise<number> {
  await session.run("create or replace temp table doubtful(r INTEGER, root INTEGER)");
  const appender = await session.connection.createAppender("doubtful", null, "temp");
  const rows = new Int32Array(2_048);
  const roots = new Int32Array(2_048);
  let filled = 0;
  let count = 0;
  const flush = (): void => {
    if (filled === 0) return;
    const chunk = DuckDBDataChunk.create([INTEGER, INTEGER], filled);
    for (const [index, from] of [rows, roots].entries()) {
      const vector = chunk.getColumnVector(index) as unknown as { items: Int32Array; flush(): void };
      vector.items.set(from.subarray(0, filled));
      vector.flush();
    }
    appender.appendDataChunk(chunk);
    filled = 0;
  };
  for (let row = 0; row < root.length; row++) {
    const at = root[row] as number;
    if (doubtful[at] === 0) continue;
    rows[filled] = row;
    roots[filled++] = at;
    count++;
    if (filled === rows.length) flush();
  }
  flush();
  appender.closeSync();
  return count;
}

/** The links of each doubtful component, as lists threaded through two arrays. */
export function linksByRoot(links: Links, root: Int32Array, doubtful: Uint8Array): (root: number) => number[] {
  if (links.length === 0) return () => [];
  const head = new Int32Array(root.length).fill(-1);
  const next = new Int32Array(links.length);
  for (let link = 0; link < links.length; link++) {
    const at = root[links.a[link] as number] as number;
    if (doubtful[at] === 0) continue;
    next[link] = head[at] as number;
    head[at] = link;
  }
  return (at) => {
    const found: number[] = [];
    for (let link = head[at] as number; link >= 0; link = next[link] as number) found.push(link);
    return found;
  };
}
