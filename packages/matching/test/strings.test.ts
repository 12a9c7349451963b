import { type DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";
import fc from "fast-check";
import * as strings from "../src/probabilistic/strings";

const { bits } = strings;
type Distance<T> = (units: Uint16Array, a: number, m: number, b: number, n: number) => T;
/** A distance of two strings: of two texts that lie in one array, not one right behind the other. */
const ofTwo =
  <T>(distance: Distance<T>) =>
  (a: string, b: string): T => {
    const units = Uint16Array.from(`-${a}--${b}-`, (unit) => unit.charCodeAt(0));
    return distance(units, 1, a.length, a.length + 3, b.length);
  };
const withinOneEdit = ofTwo(strings.withinOneEdit);
const editDistance = ofTwo(strings.editDistance);
const jaroWinkler = ofTwo(strings.jaroWinkler);
const characterMask = (text: string) =>
  strings.characterMask(
    Uint16Array.from(`0${text}1`, (unit) => unit.charCodeAt(0)),
    1,
    text.length + 1,
  );

const seed = Number(process.env.TRIBUTARY_SEED ?? 20261123);
const word = fc.string({ unit: fc.constantFrom(..."abcde0"), maxLength: 9 });

let instance: DuckDBInstance;
let connection: DuckDBConnection;
beforeAll(async () => {
  instance = await DuckDBInstance.create(":memory:");
  connection = await instance.connect();
});
afterAll(() => {
  connection.closeSync();
  instance.closeSync();
});

test("distances agree with DuckDB's", async () => {
  const pairs = fc.sample(fc.tuple(word, word), { seed, numRuns: 3_000 });
  const values = pairs.map(([a, b]) => `('${a}', '${b}')`).join(", ");
  const query = `SELECT jaro_winkler_similarity(a, b), levenshtein(a, b), damerau_levenshtein(a, b) FROM (VALUES ${values}) v(a, b)`;
  const rows = (await connection.runAndReadAll(query)).getRows();
  rows.forEach(([jaro, plain, damerau], at) => {
    const [a, b] = pairs[at] as [string, string];
    // Two empty texts are alike to DuckDB; here an empty text is like nothing. Below .7 DuckDB leaves the prefix out.
    if (a !== "" && b !== "" && Number(jaro) >= 0.7)
      expect([a, b, jaroWinkler(a, b)]).toEqual([a, b, expect.closeTo(Number(jaro), 9)]);
    expect(editDistance(a, b)).toBeLessThanOrEqual(Number(plain));
    // Optimal string alignment edits no part twice, so it is between the two.
    expect(editDistance(a, b)).toBeGreaterThanOrEqual(Number(damerau));
  });
});

test("Jaro-Winkler is the same by bits, by table and for any alphabet", () => {
  const cases = fc.string({ unit: fc.constantFrom(..."abcA9@"), maxLength: 40 });
  fc.assert(
    fc.property(cases, cases, (a, b) => {
      // Characters that are no ASCII, and texts of more than 31 characters, are compared one by one.
      const shifted = [a, b].map((text) =>
        [...text].map((one) => String.fromCharCode(one.charCodeAt(0) + 300)).join(""),
      );
      expect(jaroWinkler(a, b)).toBe(jaroWinkler(...(shifted as [string, string])));
    }),
    { seed, numRuns: 3_000 },
  );
});

test("one edit is a distance of one", () => {
  fc.assert(
    fc.property(word, word, (a, b) => {
      expect(withinOneEdit(a, b)).toBe(editDistance(a, b) <= 1);
    }),
    { seed, numRuns: 5_000 },
  );
});

test("masks never deny what is near", () => {
  fc.assert(
    fc.property(word, word, (a, b) => {
      const onlyA = bits(characterMask(a) & ~characterMask(b));
      const onlyB = bits(characterMask(b) & ~characterMask(a));
      expect(Math.max(onlyA, onlyB)).toBeLessThanOrEqual(editDistance(a, b));
    }),
    { seed, numRuns: 5_000 },
  );
});
