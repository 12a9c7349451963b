import { executionsOf } from "../../local/src/services/athena";
import { statementsOf } from "../../local/src/services/redshift";
import { queries, traitQueries } from "../src";
import { dashboardDataSets } from "../src/serving/quicksight-definition";
import { fillShop, ServedLake } from "./serving-support";

let lake: ServedLake;
beforeAll(async () => {
  lake = await ServedLake.up();
  await fillShop(lake);
});
afterAll(() => lake.down());

/** Runs a state machine to its end. */
async function run(stateMachineArn: unknown) {
  const { executionArn } = await lake.runtime.call<{ executionArn: string }>("sfn", "StartExecution", {
    stateMachineArn,
    input: "{}",
  });
  for (let tries = 0; tries < 400; tries++) {
    const told = await lake.runtime.call<{ status: string; cause?: string }>("sfn", "DescribeExecution", {
      executionArn,
    });
    if (told.status === "FAILED") return { status: `FAILED: ${told.cause}` };
    if (told.status !== "RUNNING") return told;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("the execution did not end in 20 s");
}

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
  it.each([...queries, ...traitQueries].map((query) => [query.name, query] as const))(
    "%s runs",
    async (_name, { sql }) => {
      await lake.rows(sql);
    },
  );

  it("lie in the workgroup, with the deployment's names", async () => {
    const { NamedQueryIds } = await lake.runtime.call<{ NamedQueryIds: string[] }>("athena", "ListNamedQueries", {
      WorkGroup: lake.contract.workgroup,
    });
    expect(NamedQueryIds).toHaveLength(queries.length + traitQueries.length);
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

describe("QuickSight", () => {
  it("copies each data set's rows, under the data source's role", async () => {
    expect(await run(lake.outputs.quicksightRefresh)).toMatchObject({ status: "SUCCEEDED" });
    const rowsOf = async (set: string) => {
      const { Ingestions } = await lake.runtime.call<{ Ingestions: { RowInfo: { RowsIngested: number } }[] }>(
        "quicksight",
        "ListIngestions",
        { AwsAccountId: "000000000000", DataSetId: `lake-test-${set}` },
      );
      return Ingestions.map(({ RowInfo }) => RowInfo.RowsIngested);
    };
    expect(await rowsOf("customers")).toEqual([2]);
    expect(await rowsOf("identity-quality")).toEqual([2]);
    expect(await rowsOf("pipeline-health")).toEqual([2]);
    expect(await rowsOf("segments")).toEqual([2]);
    const [sql] = dashboardDataSets(new Set(["curated.segment_changes"])).flatMap((set) =>
      set.id === "segments" ? [set.sql] : [],
    );
    expect(await lake.rows(`select segment, members from (${sql}) s order by changed_at`)).toEqual([
      ["lapsed", 2],
      ["lapsed", 1],
    ]);
  });
});

describe("Redshift", () => {
  const redshift = async (sql: string) => {
    const { runtime } = lake;
    const { workgroups } = await runtime.call<{ workgroups: { workgroupName: string }[] }>(
      "redshift-serverless",
      "ListWorkgroups",
      {},
    );
    const WorkgroupName = workgroups[0]?.workgroupName;
    const { Id } = await runtime.call<{ Id: string }>("redshift-data", "ExecuteStatement", { WorkgroupName, Sql: sql });
    const { error } = await statementsOf(runtime.kernel).settled(Id);
    if (error !== undefined) throw new Error(error);
    const { Records } = await runtime.call<{ Records: object[][] }>("redshift-data", "GetStatementResult", { Id });
    return Records.map((row) => row.map((field) => ("isNull" in field ? null : Object.values(field)[0])));
  };
  const load = () => run(lake.outputs.redshiftLoad);
  const event = (id: string) =>
    `SELECT 'shop' AS source_id, '${id}' AS message_id, 'track' AS type, TIMESTAMP '2026-01-02' AS occurred_at`;
  const loads = () => redshift("select table_name, part, files from tributary.loads order by 1, 2");

  it("gets what the lake has, under the roles that are deployed, partition by partition", async () => {
    await lake.fill("curated.events", event("a"), "dt=2026-11-01/one");
    await lake.fill("curated.events", event("b"), "dt=2026-11-02/one");
    expect(await load()).toMatchObject({ status: "SUCCEEDED" });
    expect(await redshift("select message_id, dt from curated.events order by 1")).toEqual([
      ["a", "2026-11-01"],
      ["b", "2026-11-02"],
    ]);
    expect(await redshift("select count(*) from curated.people")).toEqual([[2]]);
    expect((await loads()).map(([table, part]) => [table, part])).toEqual([
      ["curated.customers", "*"],
      ["curated.events", "2026-11-01"],
      ["curated.events", "2026-11-02"],
      ["curated.people", "*"],
    ]);
  });

  it("loads nothing again where nothing changed, and of what changed the partition alone", async () => {
    const before = await loads();
    // Were its partition loaded again, this row of nobody's would be gone.
    await redshift("update curated.events set event = 'kept' where dt = '2026-11-01'").catch(() => []);
    expect(await load()).toMatchObject({ status: "SUCCEEDED" });
    expect(await loads()).toEqual(before);
    await lake.fill("curated.events", event("late"), "dt=2026-11-02/two");
    expect(await load()).toMatchObject({ status: "SUCCEEDED" });
    expect(await redshift("select message_id, event, dt from curated.events order by 1")).toEqual([
      ["a", "kept", "2026-11-01"],
      ["b", null, "2026-11-02"],
      ["late", null, "2026-11-02"],
    ]);
  });

  it("takes rows away that the lake has no more", async () => {
    const { kernel } = lake.runtime;
    const Bucket = lake.contract.buckets.curated;
    await kernel.call("s3", "DeleteObject", { Bucket, Key: "events/dt=2026-11-01/one.parquet" });
    expect(await load()).toMatchObject({ status: "SUCCEEDED" });
    expect(await redshift("select distinct dt from curated.events")).toEqual([["2026-11-02"]]);
  });

  it("adds a column that a table lacks", async () => {
    await redshift("alter table curated.people drop column version").catch(() => []);
    expect(await load()).toMatchObject({ status: "SUCCEEDED" });
    expect(await redshift("select count(*), count(version) from curated.people")).toEqual([[2, 0]]);
  });

  it("undoes a load whose rows are not the lake's, and says which table", async () => {
    const before = await redshift("select count(*) from curated.customers");
    // A row that the lake has not, under the load's own statements: a constraint of another's making.
    await redshift("delete from tributary.loads where table_name = 'curated.customers'").catch(() => []);
    await redshift("alter table curated.customers alter column revenue set data type integer").catch(() => []);
    await lake.fill(
      "curated.customers",
      "SELECT 'shop' AS source_id, 'u1' AS customer_id, 99999999999.5::DECIMAL(28,4) AS revenue",
      "part-1",
    );
    const { status } = await load();
    expect(status).toMatch(/^FAILED: Load of curated\.customers: ERROR: Failed to cast decimal value/);
    expect(await redshift("select count(*) from curated.customers")).toEqual(before);
  });

  it.each([
    ["copy curated.people from 's3://x' iam_role default", /NotSupportedLocally: Redshift: COPY and UNLOAD/],
    ["create view v as select 1", /NotSupportedLocally: Redshift: views/],
    ["grant select on curated.people to public", /NotSupportedLocally: Redshift: users and their rights/],
    ["select * from read_parquet('/etc/passwd')", /does not exist/],
    ["select 1; select 2", /one statement at a time/],
    ["select * from lake_curated.orders", /is not authorized to perform: glue:GetTable/],
    ["select * from lake_curated.gone", /TABLE_NOT_FOUND: table shop_curated.gone/],
    ["selec 1", /begins with selec/],
  ])("%s fails by name", async (sql, reason) => {
    await expect(redshift(sql)).rejects.toThrow(reason);
  });
});

test("the nightly pipeline serves what it made, by the roles that are deployed", async () => {
  const served = async () =>
    await Promise.all(
      [lake.outputs.redshiftLoad, lake.outputs.quicksightRefresh].map(async (stateMachineArn) => {
        const { executions } = await lake.runtime.call<{ executions: { status: string }[] }>("sfn", "ListExecutions", {
          stateMachineArn,
        });
        return executions.filter(({ status }) => status === "SUCCEEDED").length;
      }),
    );
  // What an earlier test left: a column that the lake's rows do not fit.
  await lake.fill(
    "curated.customers",
    "SELECT 'shop' AS source_id, 'u1' AS customer_id, 1::DECIMAL(28,4) AS revenue",
    "part-1",
  );
  const before = await served();
  expect(await run(lake.contract.pipelines.nightly)).toMatchObject({ status: "SUCCEEDED" });
  expect(await served()).toEqual(before.map((count) => count + 1));
});
