import type { AttributeType } from "@tributary/model";
import type { ValueColumn } from "./columns";
import { type ComparedValue, valuesByKey } from "./values";

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

/** How many people are behind some records, by the values of columns that tell people apart; undefined where none is known. */
export function peopleBehind(rows: Iterable<number>, columns: readonly ValueColumn[]): number | undefined {
  const values = columns.map(() => new Map<number, number>());
  for (const row of rows) {
    for (let index = 0; index < columns.length; index++) {
      const code = (columns[index] as ValueColumn).codes[row] as number;
      if (code === 0) continue;
      const counts = values[index] as Map<number, number>;
      counts.set(code, (counts.get(code) ?? 0) + 1);
    }
  }
  const known = values.some((counts) => counts.size > 0);
  return known ? Math.max(...values.map((counts) => effectiveNumber(counts.values()))) : undefined;
}

/** Why a value or key of some records is nobody's; undefined where it may be somebody's. */
export function tooMany(
  rows: ArrayLike<number> & Iterable<number>,
  columns: readonly ValueColumn[],
): string | undefined {
  const people = peopleBehind(rows, columns);
  if (people === undefined) return rows.length > mostRecords ? `${rows.length} records have it` : undefined;
  return people > mostPeople ? `about ${Math.round(people)} people have it` : undefined;
}

/**
 * Finds the values of identifying columns that too many people have (`test@test.com`, a switchboard's number) and takes
 * them out of their columns, as if they were not known.
 */
export function suppressJunk(values: readonly ComparedValue[], columns: readonly ValueColumn[]): Suppressed[] {
  const found: Suppressed[] = [];
  const tellApart = columns.filter((_, index) => isPersonal((values[index] as ComparedValue).type));
  for (const [matchKey, all] of valuesByKey(values)) {
    const members = all.filter((index) => {
      const { type, identifier } = values[index] as ComparedValue;
      return isIdentifying(type) || identifier !== undefined;
    });
    const dictionary = columns[members[0] ?? -1]?.dictionary;
    if (!dictionary?.counts.some((count) => count > mostPeople)) continue;
    const behind = new Map<number, number[]>();
    eachFrequent(members, columns, (code, row) => {
      const rows = behind.get(code);
      if (rows) rows.push(row);
      else behind.set(code, [row]);
    });
    const junk = new Map<number, { records: number; reason: string }>();
    for (const [code, rows] of behind) {
      const reason = tooMany(rows, tellApart);
      if (reason) junk.set(code, { records: rows.length, reason });
    }
    if (junk.size === 0) continue;
    const reported = new Set<number>();
    eachFrequent(members, columns, (code, row, index) => {
      const entry = junk.get(code);
      if (!entry) return;
      (columns[index] as ValueColumn).codes[row] = 0;
      if (reported.has(code)) return;
      reported.add(code);
      found.push({ of: matchKey, row, value: index, ...entry });
    });
  }
  return found;
}

function eachFrequent(
  members: readonly number[],
  columns: readonly ValueColumn[],
  call: (code: number, row: number, index: number) => void,
): void {
  for (const index of members) {
    const { codes, dictionary } = columns[index] as ValueColumn;
    const { counts } = dictionary;
    for (let row = 0; row < codes.length; row++) {
      const code = codes[row] as number;
      if ((counts[code] as number) > mostPeople) call(code, row, index);
    }
  }
}
