import * as fc from "fast-check";
import type { ValueColumn } from "../src/rules/columns";
import { encode, type HashColumn } from "../src/rules/encode";
import { groupsOf } from "../src/rules/groups";
import { Keys } from "../src/rules/keys";
import { sharedValues } from "../src/rules/shared-values";

/** Hashes of numbers; 0 is not known. */
function hashes(numbers: readonly number[]): HashColumn {
  const [low, high] = [new Int32Array(numbers.length), new Int32Array(numbers.length)];
  for (const [row, number] of numbers.entries()) {
    low[row] = Math.imul(number, 0x9e3779b1);
    high[row] = Math.imul(number, 0x85ebca6b);
  }
  return { low, high, known: numbers.filter((number) => number !== 0).length };
}

function naive(columns: readonly (readonly number[])[]): string[] {
  const groups = new Map<string, number[]>();
  for (let row = 0; row < (columns[0] as readonly number[]).length; row++) {
    const key = columns.map((numbers) => numbers[row]);
    if (key.includes(0)) continue;
    groups.set(key.join(), [...(groups.get(key.join()) ?? []), row]);
  }
  return [...groups.values()]
    .filter(({ length }) => length > 1)
    .map((rows) => rows.join())
    .sort();
}

function found(columns: readonly ValueColumn[]): { groups: string[]; blocks: number; records: number } {
  const groups: string[] = [];
  const pools = columns.map((_, value) => ({ choices: [{ value, tag: 0 }], emptyValues: false }));
  const keys = new Keys({ pools, fuzzy: [] }, columns);
  const { blocks, records } = groupsOf(columns, 0, sharedValues(columns[0] as ValueColumn), keys, (rows, count) =>
    groups.push(rows.subarray(0, count).join()),
  );
  return { groups: groups.sort(), blocks, records };
}

test("records of one key are found, whatever the number of columns, values and records of one", () => {
  const value = fc.oneof({ weight: 3, arbitrary: fc.nat(40) }, { weight: 1, arbitrary: fc.nat(2) });
  const column = (rows: number) => fc.array(value, { minLength: rows, maxLength: rows });
  const input = fc
    .tuple(fc.integer({ min: 1, max: 4 }), fc.nat(500))
    .chain(([width, rows]) => fc.array(column(rows), { minLength: width, maxLength: width }));
  fc.assert(
    fc.property(input, fc.boolean(), (numbers, manyValues) => {
      const columns = numbers.map((column) => {
        const [made] = encode([hashes(column)]) as [ValueColumn];
        // As if there were so many values that a key is not exact as one number.
        return manyValues
          ? { ...made, dictionary: { ...made.dictionary, kinds: made.dictionary.kinds + 2 ** 30 } }
          : made;
      });
      const { groups, blocks, records } = found(
        manyValues ? columns.with(0, encode([hashes(numbers[0] ?? [])])[0] as ValueColumn) : columns,
      );
      expect(groups).toEqual(naive(numbers));
      const keys = (numbers[0] ?? [])
        .map((_, row) => numbers.map((column) => column[row]))
        .filter((key) => !key.includes(0));
      expect({ blocks, records }).toEqual({ blocks: new Set(keys.map(String)).size, records: keys.length });
    }),
    { seed: 11, numRuns: 150 },
  );
});

test("a value has one code in all columns that are compared with each other, and its true count", () => {
  // More than one part, one value in many records, and values that both columns have.
  const numbers = [3, 5].map((step) =>
    Array.from({ length: 30_000 }, (_, row) => (row % 7 === 0 ? 0 : row % 3 === 0 ? 1 : (row * step) % 20_011)),
  );
  const columns = encode(numbers.map(hashes));
  const counts = new Map<number, number>();
  for (const number of numbers.flat()) if (number !== 0) counts.set(number, (counts.get(number) ?? 0) + 1);
  const codeOf = new Map<number, number>();
  for (const [place, { codes, dictionary }] of columns.entries()) {
    expect([dictionary.kinds, dictionary.known]).toEqual([counts.size, [...counts.values()].reduce((a, b) => a + b)]);
    for (const [row, code] of codes.entries()) {
      const number = numbers[place]?.[row] as number;
      const known = codeOf.get(number) ?? code;
      codeOf.set(number, known);
      const isRight =
        number === 0
          ? code === 0
          : known === code &&
            dictionary.counts[code] === counts.get(number) &&
            dictionary.low[code] === Math.imul(number, 0x9e3779b1);
      // An expectation for each of 60,000 takes seconds.
      if (!isRight) throw new Error(`${number} in row ${row} has code ${code}`);
    }
  }
  codeOf.delete(0);
  expect(new Set(codeOf.values()).size).toBe(counts.size);
});
