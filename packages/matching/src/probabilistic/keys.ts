import { sharedIntegers } from "./arrays";
import type { Column } from "./encode";
import { partsOf } from "./parts";
import { phonetic } from "./strings";

/** What records are blocked by: a column's value, or a coarser thing made of it. -1 where the record has none. */
export interface Key {
  readonly name: string;
  readonly column: Column;
  /** The value itself, not something made of it. */
  readonly exact: boolean;
  readonly codes: Int32Array;
  /** By code: a number made of the value, the same in every run. */
  readonly hashes: Int32Array;
  /** Chance that two random records that have the key agree on it. */
  readonly collision: number;
  /** Share of the records that have the key. */
  readonly coverage: number;
}

function measured(name: string, column: Column, exact: boolean, codes: Int32Array, hashes: Int32Array): Key {
  const counts = new Float64Array(hashes.length);
  let known = 0;
  for (let i = 0; i < codes.length; i++) {
    const code = codes[i] as number;
    if (code < 0) continue;
    known++;
    counts[code] = (counts[code] as number) + 1;
  }
  let pairs = 0;
  for (const count of counts) pairs += count * (count - 1);
  return {
    name,
    column,
    exact,
    codes,
    hashes,
    collision: known > 1 ? pairs / (known * (known - 1)) : 0,
    coverage: codes.length > 0 ? known / codes.length : 0,
  };
}

/** FNV-1a. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash ^ (hash >>> 15);
}

function derived(name: string, column: Column, of: (value: string) => string, most?: number): Key {
  const parts = partsOf(column.dictionary, of, most);
  const nothing = parts.values.indexOf("");
  const codes = sharedIntegers(column.codes.length);
  for (let i = 0; i < codes.length; i++) {
    const code = column.codes[i] as number;
    const part = code < 0 ? -1 : (parts.codes[code] as number);
    codes[i] = part === nothing ? -1 : part;
  }
  const hashes = sharedIntegers(parts.values.length);
  hashes.set(parts.values.map(hashOf));
  return measured(`${column.field.name} ${name}`, column, false, codes, hashes);
}

function keysOfColumn(column: Column): Key[] {
  const equal = measured(column.field.name, column, true, column.codes, column.dictionary.hashes);
  switch (column.role) {
    case "first":
    case "last":
      return [equal, derived("sound", column, phonetic), derived("start", column, (value) => value, 3)];
    case "date":
      return [
        equal,
        derived("year", column, (value) => value.slice(0, 4)),
        derived("month and day", column, (value) => (value.endsWith("-00") ? "" : value.slice(5))),
      ];
    case "postcode":
      return [equal, derived("area", column, (value) => value.slice(0, Math.max(2, value.length - 3)))];
    case "email":
      // Among many addresses hardly two have the same beginning and another provider.
      return column.dictionary.size > 50_000
        ? [equal]
        : [equal, derived("user", column, (value) => value.slice(0, value.indexOf("@")))];
    case "street":
      return [equal, derived("start", column, (value) => value, 6)];
    default:
      return [equal];
  }
}

/** First and last name in either order: swapped names meet here. */
function eitherOrder(columns: readonly Column[]): Key[] {
  const first = columns.find((column) => column.role === "first");
  const last = columns.find((column) => column.role === "last");
  if (first === undefined || last === undefined || first.dictionary !== last.dictionary) return [];
  const size = first.codes.length;
  let bits = 4;
  while (2 ** bits < size * 2) bits++;
  const slots = new Int32Array(2 ** bits).fill(-1);
  const codes = sharedIntegers(size).fill(-1);
  const leaders: number[] = [];
  const low = (i: number) => Math.min(first.codes[i] as number, last.codes[i] as number);
  const high = (i: number) => Math.max(first.codes[i] as number, last.codes[i] as number);
  for (let i = 0; i < size; i++) {
    const a = low(i);
    const b = high(i);
    if (a < 0) continue;
    let hash = Math.imul(a, 0x9e3779b1) ^ Math.imul(b + 0x7f4a7c15, 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
    let slot = (hash ^ (hash >>> 13)) & (slots.length - 1);
    for (;;) {
      const code = slots[slot] as number;
      if (code < 0) {
        slots[slot] = leaders.length;
        codes[i] = leaders.length;
        leaders.push(i);
        break;
      }
      const leader = leaders[code] as number;
      if (low(leader) === a && high(leader) === b) {
        codes[i] = code;
        break;
      }
      slot = (slot + 1) & (slots.length - 1);
    }
  }
  const { hashes } = first.dictionary;
  const made = sharedIntegers(leaders.length);
  for (const [code, i] of leaders.entries()) made[code] = (hashes[low(i)] as number) ^ (hashes[high(i)] as number);
  const name = `${first.field.name} and ${last.field.name} in either order`;
  return [measured(name, last, false, codes, made)];
}

/** Columns whose keys are wanted: the next one to take. */
export interface KeyRequest {
  readonly cursor: Int32Array;
}

/** A column's keys, or those of several columns together; what they are made of is known to who asked. */
export interface MadeKeys {
  readonly at: number;
  readonly keys: readonly (Omit<Key, "column"> & { readonly of: number })[];
}

/** The keys of the columns that no other thread has taken. */
export function makeKeys({ columns }: { readonly columns: readonly Column[] }, { cursor }: KeyRequest): MadeKeys[] {
  const made: MadeKeys[] = [];
  // What takes longest comes first.
  for (let at = Atomics.add(cursor, 0, 1); at <= columns.length; at = Atomics.add(cursor, 0, 1)) {
    const column = columns[at - 1];
    const keys = column === undefined ? eitherOrder(columns) : keysOfColumn(column);
    made.push({ at, keys: keys.map(({ column: own, ...key }) => ({ ...key, of: columns.indexOf(own) })) });
  }
  return made;
}

/** The keys that the columns offer; those on which everybody or nobody agrees are left out. */
export function keysOf(columns: readonly Column[], made: readonly MadeKeys[]): Key[] {
  return [...made]
    .sort((a, b) => a.at - b.at)
    .flatMap(({ keys }) => keys.map(({ of, ...key }) => ({ ...key, column: columns[of] as Column })))
    .filter((key) => key.collision > 0 && key.collision < 0.5);
}
