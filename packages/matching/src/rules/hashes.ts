import type { Session } from "../session";

/** 64-bit hashes of one column, as two halves; both 0 where nothing is known. */
export interface HashColumn {
  readonly low: Int32Array;
  readonly high: Int32Array;
  /** Records with a value. */
  known: number;
}

/**
 * Reads expressions over `source` as hashes, 8 bytes a record and expression, in the order of records. Two values of one
 * hash among ten million have odds of 1 in 400,000; from here on no text is held.
 *
 * @param expressions - undefined where a column is not needed: it stays empty
 */
export async function readHashes(
  session: Session,
  expressions: readonly (string | undefined)[],
  records: number,
  onProgress?: (done: number) => void,
): Promise<readonly HashColumn[]> {
  const all = expressions.map((expression): HashColumn => {
    const length = expression === undefined ? 0 : records;
    return { low: new Int32Array(length), high: new Int32Array(length), known: 0 };
  });
  const columns = all.filter(({ low }) => low.length > 0);
  if (columns.length === 0) return all;
  const hashed = expressions.flatMap((expression) => (expression === undefined ? [] : `hash(${expression})`));
  const [nothing] = await session.rows<{ h: bigint }>("select hash(null::VARCHAR) as h");
  const [nothingLow, nothingHigh] = new Int32Array(BigUint64Array.of(nothing?.h ?? 0n).buffer);
  let done = 0;
  // A streamed query works in one thread; a table is made in all of them.
  const named = hashed.map((hash, index) => `${hash} as h${index}`);
  await session.run(`create or replace table hashes as select rowid::INTEGER as r, ${named.join(", ")} from source`);
  await session.stream("select * from hashes", (chunk) => {
    // Rows come in any order, so each says which it is.
    const rows = chunk.rowCount;
    const { items: at } = chunk.getColumnVector(0) as unknown as { items: Int32Array };
    for (const [index, column] of columns.entries()) {
      const { items } = chunk.getColumnVector(index + 1) as unknown as { items: BigUint64Array };
      const halves = new Int32Array(items.buffer, items.byteOffset, rows * 2);
      const { low, high } = column;
      let known = 0;
      for (let row = 0; row < rows; row++) {
        const a = halves[2 * row] as number;
        const b = halves[2 * row + 1] as number;
        if (a === nothingLow && b === nothingHigh) continue;
        known++;
        low[at[row] as number] = a;
        high[at[row] as number] = b;
      }
      column.known += known;
    }
    done += rows;
    onProgress?.(done);
  });
  await session.run("drop table hashes");
  return all;
}

/** A record's values in some columns, as numbers of 53 bits. */
export function numbersOf(columns: readonly HashColumn[], row: number): number[] {
  return columns.flatMap(({ low, high }) => {
    const [a, b] = [low[row] as number, high[row] as number];
    return (a | b) === 0 ? [] : [(b >>> 0) * 0x200000 + (a >>> 11)];
  });
}
