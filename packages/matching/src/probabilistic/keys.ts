import type { Column, Encoded } from "./encode";
import { partsOf, userOf } from "./parts";
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

function derived(name: string, column: Column, of: (value: string) => string): Key {
  const parts = partsOf(column.dictionary, name, of);
  const nothing = parts.values.indexOf("");
  const codes = new Int32Array(column.codes.length);
  for (let i = 0; i < codes.length; i++) {
    const code = column.codes[i] as number;
    const part = code < 0 ? -1 : (parts.codes[code] as number);
    codes[i] = part === nothing ? -1 : part;
  }
  return measured(`${column.field.name} ${name}`, column, false, codes, Int32Array.from(parts.values, hashOf));
}

function keysOfColumn(column: Column): Key[] {
  const equal = measured(column.field.name, column, true, column.codes, column.dictionary.hashes);
  switch (column.role) {
    case "first":
    case "last":
      return [equal, derived("sound", column, phonetic), derived("start", column, (value) => value.slice(0, 3))];
    case "date":
      return [
        equal,
        derived("year", column, (value) => value.slice(0, 4)),
        derived("month and day", column, (value) => (value.endsWith("-00") ? "" : value.slice(5))),
      ];
    case "postcode":
      return [equal, derived("area", column, (value) => value.slice(0, Math.max(2, value.length - 3)))];
    case "email":
      return [equal, derived("user", column, userOf)];
    case "street":
      return [equal, derived("start", column, (value) => value.slice(0, 6))];
    default:
      return [equal];
  }
}

/** First and last name in either order: swapped names meet here. */
function eitherOrder(encoded: Encoded): Key[] {
  const first = encoded.columns.find((column) => column.role === "first");
  const last = encoded.columns.find((column) => column.role === "last");
  if (first === undefined || last === undefined || first.dictionary !== last.dictionary) return [];
  const ids = new Map<number, number>();
  const { size } = first.dictionary;
  const made: number[] = [];
  const codes = Int32Array.from(first.codes, (a, i) => {
    const b = last.codes[i] as number;
    if (a < 0 || b < 0) return -1;
    const pair = Math.min(a, b) * size + Math.max(a, b);
    let id = ids.get(pair);
    if (id === undefined) {
      id = ids.size;
      ids.set(pair, id);
    }
    return id;
  });
  return [
    measured(`${first.field.name} and ${last.field.name} in either order`, last, false, codes, Int32Array.from(made)),
  ];
}

/** The keys that the columns offer; those on which everybody or nobody agrees are left out. */
export function keysOf(encoded: Encoded): Key[] {
  return [...encoded.columns.flatMap(keysOfColumn), ...eitherOrder(encoded)].filter(
    (key) => key.collision > 0 && key.collision < 0.5,
  );
}
