import { readFileSync } from "node:fs";
import { join } from "node:path";
import { AwsError, type Kernel, type RequiredPermission } from "../../src/kernel";
import * as athena from "../../src/services/athena";
import { LakeEngine } from "../../src/services/duckdb";
import * as glue from "../../src/services/glue";
import * as s3 from "../../src/services/s3";
import { TestLake } from "./lake-support";

const roleArn = "arn:aws:iam::000000000000:role/analyst";
const policy = { refuse: undefined as ((needed: RequiredPermission) => boolean) | undefined };
const install = (kernel: Kernel) => {
  kernel.authorizer = {
    check(_principal, needed) {
      if (policy.refuse?.(needed))
        throw new AwsError("AccessDeniedException", `no ${needed.action} on ${needed.resource}`, { status: 403 });
    },
  };
  return [s3, glue, athena].flatMap((service) => service.install(kernel));
};
let lake: TestLake;

const view = (
  name: string,
  originalSql: string,
  columns: Record<string, string>,
  more: Record<string, unknown> = {},
) => {
  const [databaseName = "", tableName = ""] = name.split(".");
  const told = Object.entries(columns).map(([column, type]) => ({ name: column, type }));
  const hive = (type: string) => ({ varchar: "string", integer: "int", "timestamp(3)": "timestamp" })[type] ?? type;
  const text = Buffer.from(
    JSON.stringify({ originalSql, catalog: "awsdatacatalog", schema: databaseName, columns: told }),
  );
  return lake.add("aws:glue/catalogTable:CatalogTable", name, {
    name: tableName,
    databaseName,
    tableType: "VIRTUAL_VIEW",
    parameters: { presto_view: "true" },
    viewOriginalText: `/* Presto View: ${text.toString("base64")} */`,
    viewExpandedText: "/* Presto View */",
    storageDescriptor: { columns: told.map((column) => ({ ...column, type: hive(column.type) })) },
    ...more,
  });
};
const rows = async (sql: string) => (await athena.queryRows(lake.kernel, sql)).rows;
const asAnalyst = async (QueryString: string) => {
  const { QueryExecutionId } = await lake.kernel.call<{ QueryExecutionId: string }>(
    "athena",
    "StartQueryExecution",
    { QueryString, ResultConfiguration: { OutputLocation: "s3://results/" } },
    { kind: "role", roleArn, session: "test" },
  );
  return await athena.executionsOf(lake.kernel).settled(QueryExecutionId);
};

beforeAll(async () => {
  lake = TestLake.open(install);
  lake.role("analyst", "sagemaker.amazonaws.com");
  for (const bucket of ["curated", "results"]) await lake.add("aws:s3/bucket:Bucket", bucket, { bucket });
  await lake.add("aws:glue/catalogDatabase:CatalogDatabase", "curated", { name: "curated" });
  await lake.add("aws:glue/catalogTable:CatalogTable", "curated.orders", {
    name: "orders",
    databaseName: "curated",
    parameters: { classification: "parquet" },
    storageDescriptor: {
      location: "s3://curated/orders/",
      columns: [
        { name: "invoice", type: "string" },
        { name: "quantity", type: "int" },
        { name: "revenue", type: "decimal(18,2)" },
      ],
    },
  });
  await LakeEngine.of(lake.kernel).with("duckdb", async (session) => {
    const path = `${lake.kernel.folder("tmp")}/seed.parquet`;
    await session.run(
      `COPY (SELECT * FROM (VALUES ('A', 2, 10.50), ('B', -1, 3.25)) t(invoice, quantity, revenue)) TO '${path}' (FORMAT parquet)`,
    );
    await s3.putLocalFile(lake.kernel, "curated", "orders/a.parquet", path);
  });
  await view("curated.big", "select invoice, revenue from curated.orders where revenue > 5", {
    invoice: "varchar",
    revenue: "decimal(18,2)",
  });
  await view("curated.total", "select count(*) as orders, sum(revenue) as revenue from curated.big", {
    orders: "bigint",
    revenue: "decimal(38,2)",
  });
});
afterEach(() => {
  policy.refuse = undefined;
});
afterAll(() => lake.close());

describe("views of Athena's", () => {
  it("are read as tables are, views of views as well", async () => {
    expect(await rows("select * from curated.big")).toEqual([["A", 10.5]]);
    expect(await rows("with t as (select * from curated.total) select orders, revenue from t")).toEqual([[1, 10.5]]);
    expect(await rows("show views in curated")).toEqual([["big"], ["total"]]);
    expect(await rows("show tables in curated")).toEqual([["big"], ["orders"], ["total"]]);
    expect(await rows("describe curated.total")).toContainEqual(["orders", "bigint", ""]);
  });

  it("tell their text as Glue does", async () => {
    const { Table } = await lake.kernel.call<{ Table: Record<string, unknown> }>("glue", "GetTable", {
      DatabaseName: "curated",
      Name: "big",
    });
    expect(Table).toMatchObject({
      TableType: "VIRTUAL_VIEW",
      ViewOriginalText: expect.stringMatching(/^\/\* Presto View: \S+ \*\/$/),
      ViewExpandedText: "/* Presto View */",
    });
  });

  it.each([
    ["glue:GetTable", "arn:aws:glue:us-east-1:000000000000:table/curated/total"],
    ["glue:GetTable", "arn:aws:glue:us-east-1:000000000000:table/curated/big"],
    ["glue:GetTable", "arn:aws:glue:us-east-1:000000000000:table/curated/orders"],
    ["s3:GetObject", "arn:aws:s3:::curated/orders/"],
  ])("need %s on %s of whoever asks", async (action, resource) => {
    expect(await asAnalyst("select * from curated.total")).toMatchObject({ state: "SUCCEEDED" });
    policy.refuse = (needed) => needed.action === action && needed.resource.startsWith(resource);
    expect(await asAnalyst("select * from curated.total")).toMatchObject({
      state: "FAILED",
      reason: expect.stringContaining(`no ${action} on ${resource}`),
    });
  });

  it.each<[string, Parameters<typeof view>[1], Record<string, string>, RegExp, Record<string, unknown>]>([
    [
      "of other types",
      "select quantity from curated.orders",
      { quantity: "varchar" },
      /VIEW_IS_STALE: .*curated\.odd.*quantity is integer in its query, varchar/,
      {},
    ],
    [
      "of other columns",
      "select invoice from curated.orders",
      { id: "varchar" },
      /VIEW_IS_STALE: .*column 1 is invoice in its query, id in/,
      {},
    ],
    [
      "of more columns",
      "select invoice, quantity from curated.orders",
      { invoice: "varchar" },
      /gives 2 columns, it declares 1/,
      {},
    ],
    [
      "of itself",
      "select invoice from curated.odd",
      { invoice: "varchar" },
      /VIEW_IS_RECURSIVE: curated\.odd reads curated\.odd/,
      {},
    ],
    [
      "of nothing",
      "select invoice from curated.gone",
      { invoice: "varchar" },
      /TABLE_NOT_FOUND: table curated\.gone/,
      {},
    ],
    [
      "of a bare name",
      "select invoice from orders",
      { invoice: "varchar" },
      /NotSupportedLocally.*Write curated\.orders/,
      {},
    ],
    [
      "of text that is none",
      "select 1 as a",
      { a: "integer" },
      /curated\.odd has no Presto text/,
      { viewOriginalText: "select 1" },
    ],
    [
      "of broken JSON",
      "select 1 as a",
      { a: "integer" },
      /holds no JSON/,
      { viewOriginalText: "/* Presto View: e30x */" },
    ],
    ["without its parameter", "select 1 as a", { a: "integer" }, /presto_view = "true"/, { parameters: {} }],
  ])("%s say so", async (_what, sql, columns, reason, more) => {
    await view("curated.odd", sql, columns, more);
    await expect(rows("select * from curated.odd")).rejects.toThrow(reason);
    // What is broken breaks nothing beside it.
    expect(await rows("select count(*) from curated.orders")).toEqual([[2]]);
  });
});

/** Rows of docs/lake/sql.md: what it is, an example, what it gives. */
const documented = readFileSync(join(__dirname, "..", "..", "..", "..", "docs", "lake", "sql.md"), "utf8")
  .split("\n")
  .flatMap((line) => {
    const [, what = "", sql = "", gives = ""] = line.split("|").map((cell) => cell.trim());
    return /^`(select|with|create|delete|unload|explain|execute) /.test(sql)
      ? [[what, sql.slice(1, -1), gives] as const]
      : [];
  });

describe("Athena's SQL, as docs/lake/sql.md tells it", () => {
  it("has rows to run", () => expect(documented.length).toBeGreaterThan(40));

  it.each(documented)("%s", async (_what, sql, gives) => {
    const value = /^`(\[.*\])`$/.exec(gives)?.[1];
    if (value !== undefined) {
      expect((await rows(sql))[0]).toEqual(JSON.parse(value));
      return;
    }
    const code = /^\w+/.exec(gives)?.[0] ?? "";
    const message = await rows(sql).then(
      () => "answered",
      (error: Error) => error.message,
    );
    expect(message).toMatch(new RegExp(`^${code}: `));
    // What to write instead is in the message as it is in the docs.
    for (const [, word = ""] of gives.matchAll(/`([a-z_]+)/g)) expect(message).toContain(word);
  });
});
