import { type DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";
import { type NormalForm, normalExpression } from "../src/normalise/expressions";

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

async function normal(form: NormalForm, text: string, dayFirst = true): Promise<unknown> {
  const sql = `SELECT ${normalExpression(form, "v", { dayFirst })} FROM (SELECT $1::VARCHAR AS v)`;
  return (await connection.runAndReadAll(sql, [text])).getRows()[0]?.[0];
}

test.each<[NormalForm, string, string | null]>([
  ["name", "  Zoë  ", "zoe"],
  ["name", "O'Brien-Smith", "obrien smith"],
  ["name", "Łukasz", "łukasz"],
  ["name", "李", "李"],
  ["name", "N/A", null],
  ["name", "...", null],
  ["address", "12, North Street", "12 n st"],
  ["address", "Northumberland Avenue 3", "northumberland ave 3"],
  ["postcode", "SW1A 1aa", "sw1a1aa"],
  ["phone", "+44 (0)7911 123-456", "911123456"],
  ["phone", "07911123456 ext 12", "911123456"],
  ["phone", "none", null],
  ["email", " Ann <ANN.Lee+news@Example.com>", "ann.lee@example.com"],
  ["email", "a.n.n+x@googlemail.com", "ann@gmail.com"],
  ["email", "not an address", null],
  ["date", "1980-02-03", "1980-02-03"],
  ["date", "1980-2-3T00:00:00Z", "1980-02-03"],
  ["date", "19800203", "1980-02-03"],
  ["date", "3/2/1980", "1980-02-03"],
  ["date", "2/25/80", "1980-02-25"],
  ["date", "3. Feb 1980", "1980-02-03"],
  ["date", "February 3rd, 1980", "1980-02-03"],
  ["date", "1980", "1980-00-00"],
  ["date", "1980-02", "1980-02-00"],
  // What is wrong is kept: it may be the same mistake twice.
  ["date", "19951333", "1995-13-33"],
  ["date", "yesterday", null],
])("%s of %j is %j", async (form, text, expected) => {
  expect(await normal(form, text)).toBe(expected);
});

test("month before day where the column shows it", async () => {
  expect(await normal("date", "3/2/1980", false)).toBe("1980-03-02");
  expect(await normal("date", "25/2/1980", false)).toBe("1980-02-25");
});
