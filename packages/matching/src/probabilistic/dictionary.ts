import type { DuckDBConnection } from "@duckdb/node-api";
import { sharedIntegers } from "./arrays";
import type { Texts } from "./near";
import { characterMask } from "./strings";

/** The distinct normal forms of a family of fields, by code; in memory that all threads see. */
export interface Dictionary extends Texts {
  /** A number made of each value: codes differ from run to run, these do not. */
  readonly hashes: Int32Array;
  readonly size: number;
}

/** Values read at once: a text of a few ten kilobytes. */
const packedBits = 11;

const blank = 32;
const zero = 48;
const minus = 45;

/**
 * Asks for the rows (code, h, v) of a table of words, and gives what makes a dictionary of the answer: the work of this
 * thread, to be done while the database does something else.
 *
 * The values come packed, many in one text, each behind "code h bytes ": one call into the database's memory instead of one
 * for each of millions of values.
 */
export async function dictionaryOf(connection: DuckDBConnection, words: string): Promise<() => Dictionary> {
  const sized = await connection.run(`SELECT count(*)::INT, coalesce(sum(strlen(v)), 0)::DOUBLE FROM ${words}`);
  const [row] = await sized.getRows();
  const size = Number(row?.[0]);
  const bytes = Number(row?.[1]);
  const packed = await connection.run(
    `SELECT encode(string_agg(code || ' ' || h || ' ' || strlen(v) || ' ' || v, '')) FROM ${words} GROUP BY code >> ${packedBits}`,
  );
  const texts: Uint8Array[] = [];
  for (;;) {
    const chunk = await packed.fetchChunk();
    if (!chunk || chunk.rowCount === 0) break;
    for (const value of chunk.getColumnValues(0)) texts.push((value as { bytes: Uint8Array }).bytes);
  }
  return () => unpacked(texts, size, bytes);
}

function unpacked(texts: readonly Uint8Array[], size: number, bytes: number): Dictionary {
  // UTF-16 has at most one unit for each byte of UTF-8.
  const units = new Uint16Array(new SharedArrayBuffer(bytes * 2));
  const starts = new Uint32Array(new SharedArrayBuffer(size * 4));
  const lengths = sharedIntegers(size);
  const masks = sharedIntegers(size);
  const hashes = sharedIntegers(size);
  const decoder = new TextDecoder();
  let filled = 0;
  for (const text of texts) {
    let at = 0;
    const number = (): number => {
      let value = 0;
      const negative = text[at] === minus;
      if (negative) at++;
      for (let digit = text[at++] as number; digit !== blank; digit = text[at++] as number)
        value = value * 10 + digit - zero;
      return negative ? -value : value;
    };
    while (at < text.length) {
      const code = number();
      hashes[code] = number();
      const length = number();
      const end = at + length;
      const start = filled;
      let plain = 0;
      for (let from = at; from < end; from++) {
        const byte = text[from] as number;
        plain |= byte;
        units[filled++] = byte;
      }
      if (plain > 127) {
        filled = start;
        const decoded = decoder.decode(text.subarray(at, end));
        for (let from = 0; from < decoded.length; from++) units[filled++] = decoded.charCodeAt(from);
      }
      starts[code] = start;
      lengths[code] = filled - start;
      masks[code] = characterMask(units, start, filled);
      at = end;
    }
  }
  return { units, starts, lengths, masks, hashes, size };
}
