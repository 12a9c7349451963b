import { executionsOf } from "../../local/src/services/athena";
import { queries } from "../src";
import { fillShop, ServedLake } from "./serving-support";

let lake: ServedLake;
beforeAll(async () => {
  lake = await ServedLake.up();
  await fillShop(lake);
});
afterAll(() => lake.down());

describe("views", () => {
  it("give a person with common traits and the orders of all customer ids", async () => {
    expect(
      await lake.rows(
        "select profile_id, email, first_name, country, identifiers, orders, revenue, cast(last_ordered_at as date) from curated.customer_360 order by 1",
      ),
    ).toEqual([
      ["p_1", "ann@x.yz", "Ann", "FR", 3, 2, 120.5, "2026-01-02"],
      ["p_2", null, null, null, 1, 0, 0, null],
    ]);
  });

  it("give how identifiers share out, and what the jobs' runs came to", async () => {
    expect(await lake.rows("select * from curated.identity_quality order by 1")).toEqual([
      ["email", 1, 1, 1, 0],
      ["user_id", 3, 2, 2, 1],
    ]);
    expect(await lake.rows("select * from curated.pipeline_health order by table_name")).toEqual([
      ["2026-11-23 03:00:00.123", "lake-curate", "jr_1", false, "curated.orders", 3, 1, 1],
      ["2026-11-23 03:00:00.123", "lake-curate", "jr_1", false, "curated.people", 2, 0, 0],
    ]);
  });

  it("leave personal and sensitive columns out", async () => {
    const { columns } = await lake.runtime.query("select * from shop_curated.people_masked");
    expect(columns.map(({ name }) => name)).toEqual([
      "profile_id",
      "first_seen",
      "last_seen",
      "identifiers",
      "version",
      "changed_at",
    ]);
  });

  it("are the user's, too", async () => {
    expect(await lake.rows("select * from shop_curated.big_orders")).toEqual([["shop", "i1", 100.5]]);
    expect(await lake.rows("select * from shop_curated.revenue_by_month")).toEqual([
      ["2026-01-01 00:00:00.000", 120.5],
    ]);
  });

  it("all answer, whatever they are made of", async () => {
    const names = (await lake.rows("show views in shop_curated")).map(([name]) => String(name));
    expect(names).toEqual(expect.arrayContaining(["customer_360", "events_masked", "orders_masked", "big_orders"]));
    for (const name of names) await lake.rows(`select * from shop_curated.${name} limit 1`);
  });
});

describe("named queries", () => {
  it.each(queries.map((query) => [query.name, query] as const))("%s runs", async (_name, { sql }) => {
    await lake.rows(sql);
  });

  it("lie in the workgroup, with the deployment's names", async () => {
    const { NamedQueryIds } = await lake.runtime.call<{ NamedQueryIds: string[] }>("athena", "ListNamedQueries", {
      WorkGroup: lake.contract.workgroup,
    });
    expect(NamedQueryIds).toHaveLength(queries.length);
    const { NamedQueries } = await lake.runtime.call<{ NamedQueries: { QueryString: string }[] }>(
      "athena",
      "BatchGetNamedQuery",
      { NamedQueryIds },
    );
    for (const { QueryString } of NamedQueries) await lake.runtime.query(QueryString);
  });
});

describe("readers", () => {
  const asNotebook = async (sql: string) => {
    const { QueryExecutionId } = await lake.runtime.kernel.call<{ QueryExecutionId: string }>(
      "athena",
      "StartQueryExecution",
      { QueryString: lake.bound(sql), WorkGroup: lake.contract.workgroup },
      { kind: "role", roleArn: String(lake.outputs.notebookRole), session: "notebook" },
    );
    return await executionsOf(lake.runtime.kernel).settled(QueryExecutionId);
  };

  it.each(["curated.people", "curated.customer_360"])("may query %s, under the role's own policies", async (table) => {
    expect(await asNotebook(`select count(*) from ${table}`)).toMatchObject({ state: "SUCCEEDED" });
  });

  it("may read the files of their tables, and no others", async () => {
    const as = { kind: "role", roleArn: String(lake.outputs.notebookRole), session: "notebook" } as const;
    const { kernel } = lake.runtime;
    const Bucket = lake.contract.buckets.curated;
    await kernel.call("s3", "GetObject", { Bucket, Key: "people/part-0.parquet" }, as);
    await expect(kernel.call("s3", "GetObject", { Bucket, Key: "orders/part-0.parquet" }, as)).rejects.toThrow(
      /s3:GetObject/,
    );
  });

  it.each(["curated.orders", "curated.identity_quality", "raw.events"])("may not query %s", async (table) => {
    expect(await asNotebook(`select * from ${table}`)).toMatchObject({
      state: "FAILED",
      reason: expect.stringMatching(/not authorized to perform: glue:GetTable/),
    });
  });
});
