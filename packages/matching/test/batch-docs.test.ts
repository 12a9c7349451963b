import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { matchingSchema } from "@tributary/model";
import { match } from "../src";

const home = process.cwd();
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "tributary-batch-docs-"));
  process.chdir(folder);
});
afterAll(() => {
  process.chdir(home);
  rmSync(folder, { recursive: true, force: true });
});

/** The lines between the marks, as they stand on the page. */
async function example() {
  // example
  const { summary, suppressed, cut } = await match({
    files: ["exports/*.csv", "shop.parquet"],
    rules: matchingSchema.parse({
      attributes: [
        { column: "id", type: "UNIQUE_ID" },
        { column: "first_name", type: "NAME_FIRST", matchKey: "first" },
        { column: "last_name", type: "NAME_LAST", matchKey: "last" },
        { column: "dob", type: "DATE", matchKey: "dob" },
        { column: "email", type: "EMAIL_ADDRESS", matchKey: "email", identifier: "email" },
      ],
      rules: [
        { name: "e-mail and first name", matchKeys: ["email", "first"] },
        { name: "name and birthday", matchKeys: ["first", "last", "dob"] },
      ],
      probabilistic: true,
      constraints: { veto: [{ attribute: "dob" }], maxSize: 100 },
    }),
    out: "people.parquet",
    edges: { path: "edges.jsonl", job: "nightly" },
  });
  // end
  return { summary, suppressed, cut };
}

test("the page's example is this code, and runs", async () => {
  const own = readFileSync(__filename, "utf8").split("// example\n")[1]?.split("  // end")[0]?.replace(/^ {2}/gm, "");
  const page = readFileSync(join(home, "docs/identity/batch.md"), "utf8");
  expect(page.split("```ts\n")[1]?.split("```")[0]).toBe(own?.trimStart());

  mkdirSync("exports");
  const head = "id,first_name,last_name,dob,email";
  writeFileSync("exports/a.csv", `${head}\n1,Ann,Lee,1980-01-02,ann@x.org\n2,Bob,Ray,1970-05-06,bob@x.org\n`);
  writeFileSync("exports/b.csv", `${head}\n3,Ann,Lee,1980-01-02,\n4,Ann,Li,,ann@x.org\n`);
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  await connection.run(
    "copy (select '5' as id, 'Cy' as first_name, 'Orr' as last_name, '1999-09-09' as dob, null::VARCHAR as email) to 'shop.parquet'",
  );
  connection.closeSync();
  instance.closeSync();
  const { summary } = await example();
  expect(summary).toMatchObject({ records: 5, profiles: 3 });
});
