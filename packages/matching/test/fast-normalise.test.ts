import { DuckDBInstance } from "@duckdb/node-api";
import * as fc from "fast-check";
import { type NormalForm, normalExpression, streetWords } from "../src/normalise/expressions";
import { fastNormalExpression } from "../src/normalise/fast";

const forms: NormalForm[] = ["name", "date", "address", "place", "postcode", "phone", "email", "code", "text"];
const word = fc.constantFrom(
  ...["Jo", "jo", "O'Neil", "Zoë", "12", "null", "N/A", "-", "none", "x", "+44", "020", "street", "East", "a.b+c", "é"],
  ...["1980-01-02", "03/04/1980", "19800102", "12 jan 1980", "gmail.com", "@", "j.o@gmail.com", "A.B@x.org", "ext 5"],
  ...streetWords.slice(0, 6).map(([long]) => long),
);
const separator = fc.constantFrom("", " ", " ", "  ", "-", ".", "@", ",");
const text = fc
  .array(fc.tuple(word, separator), { minLength: 1, maxLength: 4 })
  .map((parts) => parts.flat().join("").trim());

test("the quick normal form of a value is its normal form", async () => {
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  const values = [...new Set(fc.sample(text, { seed: 4, numRuns: 3_000 }))].filter((value) => value !== "");
  const list = values.map((value) => `('${value.replaceAll("'", "''")}')`).join(", ");
  await connection.run(`create table t as select v from (values ${list}) x(v)`);
  for (const form of forms) {
    const found = await connection.runAndReadAll(
      `select v, a, b from (select v, ${normalExpression(form, "v")} as a, ${fastNormalExpression(form, "v")} as b from t) where a is distinct from b`,
    );
    expect([form, found.getRowsJS()]).toEqual([form, []]);
  }
  connection.closeSync();
  instance.closeSync();
});
