import type { AttributeType } from "@tributary/model";
import type { Frequencies } from "./frequencies";
import type { HashColumn } from "./hashes";
import type { ComparedValue } from "./values";

/** A value or key that links too many to mean one person, and is therefore left out. */
export interface Suppressed {
  /** The match key, or the rule. */
  readonly of: string;
  /** A record that has it. */
  readonly row: number;
  /** The column that has it; undefined for a rule's key. */
  readonly value: number | undefined;
  readonly records: number;
  readonly reason: string;
}

/** Types of which one value is one person's, but for households and junk. */
const identifying: ReadonlySet<AttributeType> = new Set<AttributeType>([
  "EMAIL_ADDRESS",
  "PHONE",
  "PHONE_NUMBER",
  "UNIQUE_ID",
  "PROVIDER_ID",
  "MAID",
  "IPV4",
  "IPV6",
]);

/** Types whose values differ between people, in the order in which they tell them apart best. */
const personal: readonly AttributeType[] = ["DATE", "NAME", "NAME_FIRST", "NAME_LAST"];

/** People that may share a phone or an address: a large household. More, and the value is nobody's. */
const mostPeople = 10;
/** Records of one value where nothing else tells people apart. */
const mostRecords = 50;

export const isIdentifying = (type: AttributeType): boolean => identifying.has(type);

export const isPersonal = (type: AttributeType): boolean => personal.includes(type);

/**
 * The number of equally frequent values that would be as mixed as these (inverse Simpson): a person's many spellings of
 * one name count hardly more than one, thirty strangers count thirty.
 */
export function effectiveNumber(counts: Iterable<number>): number {
  let sum = 0;
  let squares = 0;
  for (const count of counts) {
    sum += count;
    squares += count * count;
  }
  return squares === 0 ? 0 : (sum * sum) / squares;
}

/** Counts people behind each of some values or keys, by the values of columns that tell people apart. */
export class PeopleBehind {
  private readonly byKey = new Map<number, { records: number; row: number; values: Map<number, number>[] }>();

  constructor(private readonly columns: readonly HashColumn[]) {}

  add(key: number, row: number): void {
    let entry = this.byKey.get(key);
    if (!entry) {
      entry = { records: 0, row, values: this.columns.map(() => new Map()) };
      this.byKey.set(key, entry);
    }
    entry.records++;
    for (let index = 0; index < this.columns.length; index++) {
      const column = this.columns[index] as HashColumn;
      const low = column.low[row] as number;
      const high = column.high[row] as number;
      if ((low | high) === 0) continue;
      const value = (high >>> 0) * 0x200000 + (low >>> 11);
      const counts = entry.values[index] as Map<number, number>;
      counts.set(value, (counts.get(value) ?? 0) + 1);
    }
  }

  /** The keys that hold too many people, with how many. */
  *tooMany(
    people = mostPeople,
    records = mostRecords,
  ): Generator<{ key: number; row: number; records: number; people: number }> {
    for (const [key, entry] of this.byKey) {
      const behind = Math.max(0, ...entry.values.map((counts) => effectiveNumber(counts.values())));
      const known = entry.values.some((counts) => counts.size > 0);
      if (known ? behind > people : entry.records > records) {
        yield { key, row: entry.row, records: entry.records, people: Math.round(behind) };
      }
    }
  }
}

/**
 * Finds the values of identifying columns that too many people have (`test@test.com`, a switchboard's number) and takes
 * them out of their columns, as if they were not known.
 */
export function suppressJunk(
  values: readonly ComparedValue[],
  columns: readonly HashColumn[],
  frequencies: ReadonlyMap<string, Frequencies>,
): Suppressed[] {
  const found: Suppressed[] = [];
  const tellApart = columns.filter((_, index) => isPersonal((values[index] as ComparedValue).type));
  for (const [matchKey, frequency] of frequencies) {
    const members = values.flatMap((value, index) =>
      value.matchKey === matchKey && (isIdentifying(value.type) || value.identifier !== undefined) ? [index] : [],
    );
    if (members.length === 0) continue;
    const behind = new PeopleBehind(tellApart);
    eachFrequent(members, columns, frequency, (key, row) => behind.add(key, row));
    const junk = new Map([...behind.tooMany()].map((entry) => [entry.key, entry]));
    if (junk.size === 0) continue;
    const reported = new Set<number>();
    eachFrequent(members, columns, frequency, (key, row, index) => {
      const entry = junk.get(key);
      if (!entry) return;
      const column = columns[index] as HashColumn;
      column.low[row] = 0;
      column.high[row] = 0;
      column.known--;
      if (reported.has(key)) return;
      reported.add(key);
      const reason = entry.people > 0 ? `about ${entry.people} people have it` : `${entry.records} records have it`;
      found.push({ of: matchKey, row, value: index, records: entry.records, reason });
    });
  }
  return found;
}

function eachFrequent(
  members: readonly number[],
  columns: readonly HashColumn[],
  frequency: Frequencies,
  call: (key: number, row: number, index: number) => void,
): void {
  for (const index of members) {
    const column = columns[index] as HashColumn;
    const { low, high } = column;
    for (let row = 0; row < low.length; row++) {
      const a = low[row] as number;
      const b = high[row] as number;
      if ((a | b) === 0 || frequency.of(column, row) <= mostPeople) continue;
      call((b >>> 0) * 0x200000 + (a >>> 11), row, index);
    }
  }
}
