import type { DuckDBDataChunk } from "@duckdb/node-api";
import type { Session } from "../session";
import { sharedNumbers } from "./columns";
import type { HashColumn } from "./encode";

/** A value to be read as its hash. */
export interface HashedValue {
  /** SQL over `source`: the value as it is in the input. */
  readonly raw: string;
  /** SQL over `source`: the one form in which it is compared. */
  readonly form: string;
  /** Whether the form is made of `raw` and nothing else. */
  readonly ofRaw: boolean;
}

/**
 * Reads values as hashes, 8 bytes a record and value, in the order of records. Two values of one hash among ten million
 * have odds of 1 in 400,000; from here on no text is held. All of them come of one reading of the input, columns of few
 * different values as they are: each different one is brought to its form once.
 *
 * @param wanted - undefined where a column is not needed: it stays empty
 */
export async function readHashes(
  session: Session,
  wanted: readonly (HashedValue | undefined)[],
  records: number,
  onProgress?: (done: number) => void,
): Promise<readonly HashColumn[]> {
  const all = wanted.map((value) => {
    const length = value === undefined ? 0 : records;
    return { low: sharedNumbers(length), high: sharedNumbers(length), known: 0 };
  });
  const columns = all.filter(({ low }) => low.length > 0);
  if (columns.length === 0) return all;
  const values = wanted.flatMap((value) => value ?? []);
  const formOfRaw = await formsOfFew(session, values);
  const hashes = values.map(({ raw, form }, index) => `hash(${formOfRaw[index] ? raw : form})`);
  const [nothingLow, nothingHigh] = await hashOfNothing(session);
  let done = 0;
  const named = hashes.map((hash, index) => `${hash} as h${index}`);
  await session.stream(`select rowid::INTEGER as r, ${named.join(", ")} from source`, (chunk) => {
    // Rows come in any order, so each says which it is.
    const rows = chunk.rowCount;
    const { items: at } = chunk.getColumnVector(0) as unknown as { items: Int32Array };
    for (const [index, column] of columns.entries()) {
      const halves = halvesOf(chunk, index + 1);
      const { low, high } = column;
      const forms = formOfRaw[index];
      let known = 0;
      for (let row = 0; row < rows; row++) {
        let a = halves[2 * row] as number;
        let b = halves[2 * row + 1] as number;
        if (forms) {
          const place = forms.find(a, b);
          a = forms.of[place] as number;
          b = forms.of[place + 1] as number;
        }
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
  return all;
}

function halvesOf(chunk: DuckDBDataChunk, column: number): Int32Array {
  const { items } = chunk.getColumnVector(column) as unknown as { items: BigUint64Array };
  return new Int32Array(items.buffer, items.byteOffset, chunk.rowCount * 2);
}

async function hashOfNothing(session: Session): Promise<readonly [number, number]> {
  const [nothing] = await session.rows<{ h: bigint }>("select hash(null::VARCHAR) as h");
  const [low, high] = new Int32Array(BigUint64Array.of(nothing?.h ?? 0n).buffer) as unknown as [number, number];
  return [low, high];
}

/** Records that are looked at to tell whether a column's values are few. */
const sampled = 20_000;

/** Hashes of forms by hashes of raw values, for columns in which a value occurs twice and more. */
async function formsOfFew(session: Session, values: readonly HashedValue[]): Promise<(HashMap | undefined)[]> {
  const candidates = values.filter(({ raw, form, ofRaw }) => ofRaw && raw !== form && /^\w+$/.test(raw));
  const found = new Map<HashedValue, HashMap>();
  if (candidates.length > 0) {
    const counts = candidates.map(
      ({ raw }, index) => `2 * approx_count_distinct(${raw}) < count(${raw}) as few${index}`,
    );
    const list = candidates.map(({ raw }) => raw);
    const [few] = await session.rows<Record<string, boolean>>(
      `select ${counts.join(", ")} from (select ${[...new Set(list)].join(", ")} from source limit ${sampled})`,
    );
    for (const [index, value] of candidates.entries()) {
      if (few?.[`few${index}`]) found.set(value, await readForms(session, value));
    }
  }
  return values.map((value) => found.get(value));
}

async function readForms(session: Session, { raw, form }: HashedValue): Promise<HashMap> {
  const chunks: Int32Array[] = [];
  let length = 0;
  await session.stream(`select hash(${raw}), hash(${form}) from (select distinct ${raw} from source)`, (chunk) => {
    const [from, to] = [halvesOf(chunk, 0), halvesOf(chunk, 1)];
    const both = new Int32Array(chunk.rowCount * 4);
    for (let row = 0; row < chunk.rowCount; row++) {
      both.set(from.subarray(2 * row, 2 * row + 2), 4 * row);
      both.set(to.subarray(2 * row, 2 * row + 2), 4 * row + 2);
    }
    chunks.push(both);
    length += chunk.rowCount;
  });
  const map = new HashMap(length);
  for (const both of chunks) {
    for (let at = 0; at < both.length; at += 4) {
      map.set(both[at] as number, both[at + 1] as number, both[at + 2] as number, both[at + 3] as number);
    }
  }
  return map;
}

/** Hashes by hashes, as open addressing in two arrays. */
class HashMap {
  private readonly from: Int32Array;
  private readonly mask: number;
  /** What a place holds: two halves. */
  readonly of: Int32Array;

  constructor(size: number) {
    const slots = 2 ** Math.ceil(Math.log2(Math.max(16, size * 2)));
    this.from = new Int32Array(slots * 2);
    this.of = new Int32Array(slots * 2);
    this.mask = slots - 1;
  }

  /** The place of a hash, or the free one where it belongs. */
  find(low: number, high: number): number {
    const { from, mask } = this;
    let place = ((low ^ (high >>> 9)) & mask) * 2;
    while (from[place] !== low || from[place + 1] !== high) {
      if (from[place] === 0 && from[place + 1] === 0) break;
      place = (place + 2) & (2 * mask + 1);
    }
    return place;
  }

  set(low: number, high: number, toLow: number, toHigh: number): void {
    const place = this.find(low, high);
    this.from[place] = low;
    this.from[place + 1] = high;
    this.of[place] = toLow;
    this.of[place + 1] = toHigh;
  }
}
