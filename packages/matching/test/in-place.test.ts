import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { matchingSchema } from "@tributary/model";
import { match } from "../src";

const folder = mkdtempSync(join(tmpdir(), "tributary-in-place-"));
const path = (name: string): string => join(folder, name);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const rules = matchingSchema.parse({
  attributes: [
    { column: "email", type: "EMAIL_ADDRESS", matchKey: "email" },
    { column: "first", type: "NAME_FIRST", matchKey: "first" },
  ],
  rules: [{ name: "both", matchKeys: ["email", "first"] }],
});

async function sql<T>(...statements: string[]): Promise<T[]> {
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  try {
    let rows: T[] = [];
    for (const statement of statements) rows = (await connection.runAndReadAll(statement)).getRowObjectsJS() as T[];
    return rows;
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

test("Parquet that is read where it lies gives what a copied file gives, over the input itself too", async () => {
  await sql(
    `create table t as select n as id, case n % 7 when 3 then ' ' else ' P' || n // 3 || '@x.org ' end as email, 'Jo' || n % 2 as first from range(5000) r(n)`,
    ...[0, 1, 2].map(
      (part) => `copy (from t where id % 3 = ${part}) to '${path(`part-${part}.parquet`)}' (format parquet)`,
    ),
    `copy (${[0, 1, 2].map((part) => `from t where id % 3 = ${part}`).join(" union all ")}) to '${path("all.csv")}' (header)`,
  );
  const partsFirst = [0, 1, 2].map((part) => path(`part-${part}.parquet`));
  for (const idColumn of ["id", undefined]) {
    const ids = idColumn === undefined ? {} : { idColumn };
    await match({ files: partsFirst, rules, ...ids, out: path("a.parquet") });
    await match({ files: [path("all.csv")], rules, ...ids, out: path("b.parquet") });
    const [differing] = await sql<{ n: bigint; rows: bigint }>(
      `select (select count(*) from (from '${path("a.parquet")}' except from '${path("b.parquet")}')) as n, (select count(*) from '${path("a.parquet")}') as rows`,
    );
    expect(differing).toEqual({ n: 0n, rows: 5_000n });
  }
  const [first] = partsFirst as [string];
  const { summary } = await match({ files: [first], rules, idColumn: "id", out: first });
  const [written] = await sql<{ rows: bigint; profiles: bigint }>(
    `select count(*) as rows, count(distinct profile_id) as profiles from '${first}'`,
  );
  expect(written).toEqual({ rows: BigInt(summary.records), profiles: BigInt(summary.profiles) });
});
