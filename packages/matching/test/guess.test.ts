import { DuckDBInstance } from "@duckdb/node-api";
import { guessAttributes, suggestedRules, wordsOfName } from "../src/guess";

async function guessed(select: string) {
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  try {
    await connection.run(`CREATE TABLE t AS ${select}`);
    const columns = (await connection.runAndReadAll("DESCRIBE t")).getRows().map(([name]) => String(name));
    return await guessAttributes(connection, "t", columns, (name) => `"${name}"`, new Set(["truth"]));
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

test.each([
  ["givenName", "given name"],
  ["Given Name", "given name"],
  ["ADDRESS_1", "address 1"],
  ["address1", "address 1"],
])("%s is %s", (name, words) => expect(wordsOfName(name)).toBe(words));

test("by name, by value where the name says nothing, and nothing where neither does", async () => {
  const found = await guessed(`SELECT
    'r' || i AS source_id, 'n' || i % 9 AS "Given Name", 's' || i % 7 AS surname, 'p' || i % 5 AS truth,
    'u' || i % 50 || '@x.org' AS contact, '19' || (50 + i % 40) || '-01-0' || (1 + i % 8) AS b,
    '+44 7911 12345' || i % 10 AS c, 'gold' AS tier, NULL::VARCHAR AS blank, 'x' || i % 3 AS segment,
    'n.k.' AS dob, now()::VARCHAR || i AS updated_at FROM range(100) r(i)`);
  expect(Object.fromEntries(found.map(({ column, type }) => [column, type]))).toEqual({
    source_id: "UNIQUE_ID",
    "Given Name": "NAME_FIRST",
    surname: "NAME_LAST",
    truth: undefined,
    contact: "EMAIL_ADDRESS",
    b: "DATE",
    c: "PHONE_NUMBER",
    tier: undefined,
    blank: undefined,
    segment: "STRING",
    dob: undefined,
    updated_at: undefined,
  });
  for (const { reason } of found) expect(reason).not.toBe("");
  expect(suggestedRules(found).attributes).toHaveLength(7);
});

test("a name that the values contradict is not believed", async () => {
  const [first] = await guessed("SELECT 'level ' || i % 4 AS dob FROM range(40) r(i)");
  expect(first).toEqual({
    column: "dob",
    type: "STRING",
    reason: "named like a date of birth, but only 0 % of its values read as dates",
  });
});
