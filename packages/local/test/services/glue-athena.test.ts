import { AwsError, type Kernel, type RequiredPermission } from "../../src/kernel";
import * as athena from "../../src/services/athena";
import { LakeEngine, toJson } from "../../src/services/duckdb";
import * as glue from "../../src/services/glue";
import * as s3 from "../../src/services/s3";
import { TestLake } from "./lake-support";

const parquet = {
  inputFormat: "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
  outputFormat: "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
  serDeInfo: { serializationLibrary: "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe" },
};
const columns = (declaration: string) =>
  declaration.split(", ").map((each) => {
    const [name = "", type = ""] = each.split(": ");
    return { name, type };
  });
const roleArn = "arn:aws:iam::000000000000:role/job";

/** What the authorizer of these tests refuses, and what it was asked. */
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
const table = (name: string, location: string, declared: string, extra: Record<string, unknown> = {}) => {
  const [databaseName = "", tableName = ""] = name.split(".");
  return lake.add("aws:glue/catalogTable:CatalogTable", name, {
    name: tableName,
    databaseName,
    storageDescriptor: { ...parquet, location, columns: columns(declared) },
    ...extra,
  });
};
/** Writes a Parquet object from a query. */
const seed = (bucket: string, key: string, sql: string) =>
  LakeEngine.of(lake.kernel).with("duckdb", async (session) => {
    const path = `${lake.kernel.folder("tmp")}/seed.parquet`;
    await session.run(`COPY (${sql}) TO '${path}' (FORMAT parquet)`);
    await s3.putLocalFile(lake.kernel, bucket, key, path);
  });
const rows = async (sql: string) => (await athena.queryRows(lake.kernel, sql)).rows;

beforeEach(async () => {
  policy.refuse = undefined;
  lake = TestLake.open(install);
  lake.role("job", "glue.amazonaws.com");
  for (const bucket of ["raw", "clean", "curated", "scripts", "results"]) {
    await lake.add("aws:s3/bucket:Bucket", bucket, { bucket });
  }
  for (const name of ["raw", "clean", "curated"]) {
    await lake.add("aws:glue/catalogDatabase:CatalogDatabase", name, { name });
  }
});
afterEach(() => lake.close());

describe("catalog tables as relations", () => {
  it("gives the catalog's columns and types whatever the files hold", async () => {
    await table(
      "raw.things",
      "s3://raw/things/",
      "id: bigint, price: decimal(18,4), at: timestamp, ok: boolean, missing: string, tags: array<string>",
      {
        partitionKeys: columns("dt: string"),
      },
    );
    await seed(
      "raw",
      "things/dt=2024-01-01/a.parquet",
      "SELECT 1 AS id, 2.5 AS price, '2024-01-01 10:00:00' AS at, 1 AS unknown, ['x'] AS tags",
    );
    await seed("raw", "things/dt=007/b.parquet", "SELECT 2 AS id, true AS ok");
    // Names that begin with an underscore and files outside of partitions are no data.
    await seed("raw", "things/dt=007/_tmp.parquet", "SELECT 3 AS id");
    await seed("raw", "things/stray.parquet", "SELECT 4 AS id");
    const result = await athena.queryRows(lake.kernel, "SELECT * FROM raw.things ORDER BY id");
    expect(result.columns).toEqual([
      { name: "id", type: "bigint" },
      { name: "price", type: "decimal" },
      { name: "at", type: "timestamp" },
      { name: "ok", type: "boolean" },
      { name: "missing", type: "varchar" },
      { name: "tags", type: "array" },
      { name: "dt", type: "varchar" },
    ]);
    expect(result.rows).toEqual([
      [1, 2.5, "2024-01-01 10:00:00.000", null, null, ["x"], "2024-01-01"],
      [2, null, null, true, null, null, "007"],
    ]);
  });

  it("is empty, and typed, without files", async () => {
    await table("raw.things", "s3://raw/things/", "id: bigint, day: date");
    const result = await athena.queryRows(lake.kernel, "SELECT count(*), sum(id), max(day) FROM raw.things");
    expect(result.rows).toEqual([[0, null, null]]);
    expect(result.columns[2]?.type).toBe("date");
  });

  it("reads JSON lines and CSV by their SerDe", async () => {
    await table("raw.lines", "s3://raw/lines/", "a: int, b: string", {
      storageDescriptor: {
        location: "s3://raw/lines",
        columns: columns("a: int, b: string"),
        serDeInfo: { serializationLibrary: "org.openx.data.jsonserde.JsonSerDe" },
      },
    });
    await lake.putText("raw", "lines/x.json", '{"a":1,"b":"x"}\n{"b":"y","c":2}\n');
    await table("raw.sheet", "s3://raw/sheet/", "", {
      parameters: { "skip.header.line.count": "1" },
      storageDescriptor: {
        location: "s3://raw/sheet/",
        columns: columns("a: int, b: string"),
        serDeInfo: { serializationLibrary: "org.apache.hadoop.hive.serde2.OpenCSVSerde" },
      },
    });
    await lake.putText("raw", "sheet/x.csv", 'a,b\n7,"q, ""z"""\n');
    expect(await rows("SELECT * FROM raw.lines ORDER BY b")).toEqual([
      [1, "x"],
      [null, "y"],
    ]);
    expect(await rows("SELECT * FROM raw.sheet")).toEqual([[7, 'q, "z"']]);
  });

  it("lists partitions from folders", async () => {
    await table("raw.things", "s3://raw/things/", "id: bigint", { partitionKeys: columns("dt: string") });
    await seed("raw", "things/dt=2024-01-01/a.parquet", "SELECT 1 AS id");
    const { Partitions } = await lake.kernel.call<{
      Partitions: { Values: string[]; StorageDescriptor: { Location: string } }[];
    }>("glue", "GetPartitions", { DatabaseName: "raw", TableName: "things" });
    expect(Partitions.map(({ Values, StorageDescriptor }) => [Values, StorageDescriptor.Location])).toEqual([
      [["2024-01-01"], "s3://raw/things/dt=2024-01-01/"],
    ]);
  });
});

describe("Glue SQL jobs", () => {
  const cleanSql = `-- first copy of each
    SELECT id, price, dt FROM (SELECT *, row_number() OVER (PARTITION BY id ORDER BY price) AS n FROM raw.things) x WHERE n = 1;`;
  const totalSql =
    "SELECT dt AS day, cast(count(*) AS bigint) AS things, cast(sum(price) AS decimal(28,4)) AS revenue FROM clean.things GROUP BY dt";
  const manifest = (mode = "overwrite") => ({
    version: 1,
    steps: [
      { name: "clean.things", sql: "s3://scripts/clean.sql", target: { database: "clean", table: "things" }, mode },
      {
        name: "curated.totals",
        sql: "s3://scripts/total.sql",
        target: { database: "curated", table: "totals" },
        mode: "overwrite",
      },
    ],
  });
  const run = async (JobName = "nightly", Arguments: Record<string, string> = {}) => {
    const { JobRunId } = await lake.kernel.call<{ JobRunId: string }>("glue", "StartJobRun", { JobName, Arguments });
    await glue.jobRunsOf(lake.kernel).settled(JobName, JobRunId);
    const { JobRun } = await lake.kernel.call<{ JobRun: Record<string, unknown> }>("glue", "GetJobRun", {
      JobName,
      RunId: JobRunId,
    });
    return JobRun;
  };

  beforeEach(async () => {
    await table("raw.things", "s3://raw/things/", "id: bigint, price: decimal(18,4)", {
      partitionKeys: columns("dt: string"),
    });
    await table("clean.things", "s3://clean/things/", "id: bigint, price: decimal(18,4)", {
      partitionKeys: columns("dt: string"),
    });
    await table("curated.totals", "s3://curated/totals/", "day: string, things: bigint, revenue: decimal(28,4)");
    await seed(
      "raw",
      "things/dt=a/1.parquet",
      "SELECT * FROM (VALUES (1, 0.1::DECIMAL(18,4)), (1, 0.1), (2, 0.2)) t(id, price)",
    );
    await seed("raw", "things/dt=b/1.parquet", "SELECT 3 AS id, 1.0001::DECIMAL(18,4) AS price");
    await lake.putText("scripts", "clean.sql", cleanSql);
    await lake.putText("scripts", "total.sql", totalSql);
    await lake.putText("scripts", "manifest.json", JSON.stringify(manifest()));
    await lake.add("aws:glue/job:Job", "nightly", {
      name: "nightly",
      roleArn,
      command: { scriptLocation: "s3://scripts/driver.py" },
      defaultArguments: { "--manifest": "s3://scripts/manifest.json" },
    });
  });

  it("runs its steps in order and counts rows", async () => {
    const result = await run();
    expect(result).toMatchObject({
      JobRunState: "SUCCEEDED",
      Statistics: [
        { name: "clean.things", rows: 3 },
        { name: "curated.totals", rows: 2 },
      ],
    });
    expect(await rows("SELECT * FROM curated.totals ORDER BY day")).toEqual([
      ["a", 2, 0.3],
      ["b", 1, 1.0001],
    ]);
    expect((await lake.keys("clean")).map((key) => key.replace(/-[0-9a-f]{20}\./, "."))).toEqual([
      "things/dt=a/part-00000.zstd.parquet",
      "things/dt=b/part-00000.zstd.parquet",
    ]);
  });

  it("replaces what was there, and only the written partitions where asked", async () => {
    await seed("clean", "things/dt=a/old.parquet", "SELECT 9 AS id");
    await seed("clean", "things/dt=z/old.parquet", "SELECT 9 AS id");
    await lake.putText("scripts", "manifest.json", JSON.stringify(manifest("overwrite-partitions")));
    await run();
    expect(await rows("SELECT id, dt FROM clean.things ORDER BY dt, id")).toEqual([
      [1, "a"],
      [2, "a"],
      [3, "b"],
      [9, "z"],
    ]);
    await lake.putText("scripts", "manifest.json", JSON.stringify(manifest()));
    await run();
    expect(await rows("SELECT count(*) FROM clean.things")).toEqual([[3]]);
  });

  it("leaves a table as it was when its step fails, and says which step and why", async () => {
    await run();
    await lake.putText(
      "scripts",
      "total.sql",
      "SELECT dt AS daz, 1 AS things, error('boom') AS revenue FROM clean.things",
    );
    expect(await run()).toMatchObject({
      JobRunState: "FAILED",
      ErrorMessage: expect.stringMatching(
        /^step curated\.totals \(s3:\/\/scripts\/total\.sql\): .*column day is missing \(the query has daz\)/,
      ),
      Statistics: [{ name: "clean.things", rows: 3 }],
    });
    await lake.putText(
      "scripts",
      "total.sql",
      "SELECT dt AS day, 1 AS things, error('boom') AS revenue FROM clean.things",
    );
    expect(await run()).toMatchObject({ JobRunState: "FAILED", ErrorMessage: expect.stringContaining("boom") });
    expect(await rows("SELECT count(*) FROM curated.totals")).toEqual([[2]]);
  });

  it("clears away what a crash left of a swap, on either side of its commit", async () => {
    await run();
    const [kept = ""] = await lake.keys("curated");
    // As a kill leaves it: files moved into place whose rows were never committed.
    await seed("curated", "totals/part-00000-lost.parquet", "SELECT 1 AS things");
    await lake.kernel.store.write(() => {
      lake.kernel.store.table("s3.objects").remove(["curated", "totals/part-00000-lost.parquet"]);
      lake.kernel.store
        .table("glue.swaps")
        .put("lost", { bucket: "curated", paths: ["totals/part-00000-lost.parquet"] });
    });
    expect(await rows("SELECT count(*) FROM curated.totals")).toEqual([[2]]);
    await lake.reopen();
    await lake.kernel.quiesce();
    expect(await rows("SELECT count(*) FROM curated.totals")).toEqual([[2]]);
    expect(await lake.keys("curated")).toEqual([kept]);
    expect([...lake.kernel.store.table("glue.swaps").entries()]).toEqual([]);
  });

  it.each([
    ["s3:GetObject", "arn:aws:s3:::raw/"],
    ["s3:PutObject", "arn:aws:s3:::clean/"],
    ["glue:GetTable", "arn:aws:glue:us-east-1:000000000000:table/raw/things"],
  ])("needs %s on %s", async (action, resource) => {
    policy.refuse = (needed) => needed.action === action && needed.resource.startsWith(resource);
    expect(await run()).toMatchObject({
      JobRunState: "FAILED",
      ErrorMessage: expect.stringContaining(`no ${action} on ${resource}`),
    });
  });

  it("refuses a job without a manifest, by name", async () => {
    await lake.add("aws:glue/job:Job", "spark", {
      name: "spark",
      roleArn,
      command: { scriptLocation: "s3://scripts/other.py" },
    });
    await expect(run("spark")).rejects.toMatchObject({
      name: "NotSupportedLocally",
      message: expect.stringContaining("s3://scripts/other.py"),
    });
  });

  it("says what is wrong with a manifest", async () => {
    await lake.putText(
      "scripts",
      "bad.json",
      '{"version":1,"steps":[{"name":"x","sql":"local.sql","target":{"database":"a","table":"b"},"mode":"append"}]}',
    );
    const { ErrorMessage } = await run("nightly", { "--manifest": "s3://scripts/bad.json" });
    expect(ErrorMessage).toMatch(/steps\[0\]\.sql/);
    expect(ErrorMessage).toMatch(/steps\[0\]\.mode/);
  });

  it("fails a run that a restart cut short", async () => {
    const { JobRunId } = await lake.kernel.call<{ JobRunId: string }>("glue", "StartJobRun", { JobName: "nightly" });
    const done = await glue.jobRunsOf(lake.kernel).settled("nightly", JobRunId);
    await lake.kernel.store.write(() =>
      lake.kernel.store.table("glue.runs").put(["nightly", JobRunId], { ...done, state: "RUNNING" }),
    );
    await lake.reopen();
    expect(await glue.jobRunsOf(lake.kernel).settled("nightly", JobRunId)).toMatchObject({
      state: "FAILED",
      errorMessage: expect.stringContaining("stopped while the job ran"),
    });
  });
});

describe("Athena", () => {
  const start = async (QueryString: string, extra: Record<string, unknown> = {}) => {
    const { QueryExecutionId } = await lake.kernel.call<{ QueryExecutionId: string }>(
      "athena",
      "StartQueryExecution",
      { QueryString, WorkGroup: "analysts", ...extra },
      { kind: "role", roleArn, session: "test" },
    );
    return await athena.executionsOf(lake.kernel).settled(QueryExecutionId);
  };
  const results = (QueryExecutionId: string, page: Record<string, unknown> = {}) =>
    lake.kernel.call<{
      ResultSet: {
        Rows: { Data: { VarCharValue?: string }[] }[];
        ResultSetMetadata: { ColumnInfo: { Type: string }[] };
      };
      NextToken?: string;
    }>("athena", "GetQueryResults", { QueryExecutionId, ...page });

  beforeEach(async () => {
    await lake.add("aws:athena/workgroup:Workgroup", "analysts", {
      name: "analysts",
      configuration: {
        bytesScannedCutoffPerQuery: 10_485_760,
        resultConfiguration: { outputLocation: "s3://results/q/" },
      },
    });
    await table(
      "curated.order_lines",
      "s3://curated/order_lines/",
      "invoice: string, quantity: int, unit_price: decimal(18,4), ordered_at: timestamp",
    );
    await seed(
      "curated",
      "order_lines/a.parquet",
      `SELECT * FROM (VALUES ('A', 2, 1.10::DECIMAL(18,4), TIMESTAMP '2011-01-01 10:00:00'), ('B', -1, 0.50, NULL)) t(invoice, quantity, unit_price, ordered_at)`,
    );
  });

  it("pages typed results with a header row, and writes them as CSV", async () => {
    const execution = await start(
      `SELECT invoice, quantity, unit_price, ordered_at, quantity * 1.5e0 AS d, quantity > 0 AS ok FROM curated.order_lines ORDER BY invoice`,
    );
    expect(execution).toMatchObject({ state: "SUCCEEDED", outputLocation: `s3://results/q/${execution.id}.csv` });
    const first = await results(execution.id, { MaxResults: 2 });
    const second = await results(execution.id, { MaxResults: 2, NextToken: first.NextToken });
    const cells = [...first.ResultSet.Rows, ...second.ResultSet.Rows].map(({ Data }) =>
      Data.map(({ VarCharValue }) => VarCharValue),
    );
    expect(cells).toEqual([
      ["invoice", "quantity", "unit_price", "ordered_at", "d", "ok"],
      ["A", "2", "1.1000", "2011-01-01 10:00:00.000", "3.0", "true"],
      ["B", "-1", "0.5000", undefined, "-1.5", "false"],
    ]);
    expect(second.NextToken).toBeUndefined();
    expect(first.ResultSet.ResultSetMetadata.ColumnInfo.map(({ Type }) => Type)).toEqual([
      "varchar",
      "integer",
      "decimal",
      "timestamp",
      "double",
      "boolean",
    ]);
    expect(await lake.getText("results", `q/${execution.id}.csv`)).toBe(
      '"invoice","quantity","unit_price","ordered_at","d","ok"\n"A","2","1.1000","2011-01-01 10:00:00.000","3.0","true"\n"B","-1","0.5000",,"-1.5","false"\n',
    );
  });

  it("sums money exactly", async () => {
    expect(await rows("SELECT count(*), sum(quantity * unit_price) FROM curated.order_lines")).toEqual([[2, 1.7]]);
  });

  it("answers SHOW and DESCRIBE from the catalog", async () => {
    expect(await rows("SHOW DATABASES")).toEqual([["clean"], ["curated"], ["raw"]]);
    expect(await rows("SHOW TABLES IN curated")).toEqual([["order_lines"]]);
    expect(await rows("DESCRIBE curated.order_lines")).toContainEqual(["unit_price", "decimal(18,4)", ""]);
  });

  it("resolves bare names in the query's database", async () => {
    const { id } = await start("SELECT count(*) FROM order_lines", { QueryExecutionContext: { Database: "curated" } });
    expect((await results(id)).ResultSet.Rows[1]?.Data).toEqual([{ VarCharValue: "2" }]);
  });

  it.each([
    [
      "SELECT 1 FROM curated.order_line",
      /TABLE_NOT_FOUND: table curated\.order_line does not exist; did you mean curated\.order_lines\?/,
    ],
    ["SELECT 1 FROM order_lines", /TABLE_NOT_FOUND.*did you mean curated\.order_lines\?/],
    ["SELECT invoce FROM curated.order_lines", /COLUMN_NOT_FOUND:.*invoce.*invoice/s],
    ["SELECT frobnicate(1)", /FUNCTION_NOT_FOUND:.*frobnicate/],
    ["SELECT CAST('x' AS integer)", /INVALID_CAST_ARGUMENT/],
    ["SELEC 1", /SYNTAX_ERROR/],
    ["SELECT 1; SELECT 2", /SYNTAX_ERROR: one statement at a time/],
    ["SELECT * FROM read_csv('/etc/passwd')", /FUNCTION_NOT_FOUND: .*read_csv/],
    ["SHOW TABLES IN curate", /SCHEMA_NOT_FOUND.*did you mean curated\?/],
    ["CREATE TABLE x AS SELECT 1", /NotSupportedLocally: Athena CREATE statement/],
    ["INSERT INTO curated.order_lines VALUES (1)", /NotSupportedLocally: Athena INSERT statement/],
  ])("%s fails by name", async (sql, reason) => {
    expect(await start(sql)).toMatchObject({ state: "FAILED", reason: expect.stringMatching(reason) });
    await expect(athena.queryRows(lake.kernel, sql)).rejects.toThrow(reason);
  });

  it.each([
    ["glue:GetTable", "arn:aws:glue:us-east-1:000000000000:database/curated"],
    ["s3:GetObject", "arn:aws:s3:::curated/order_lines/"],
    ["s3:PutObject", "arn:aws:s3:::results/q/"],
  ])("needs the caller's %s on %s", async (action, resource) => {
    policy.refuse = (needed) => needed.action === action && needed.resource.startsWith(resource);
    expect(await start("SELECT 1 FROM curated.order_lines")).toMatchObject({
      state: "FAILED",
      reason: expect.stringContaining(`no ${action} on ${resource}`),
    });
  });

  it("honours the workgroup's scan limit", async () => {
    await lake.putText("curated", "order_lines/_ignored", "x".repeat(20_000_000));
    expect(await start("SELECT count(*) FROM curated.order_lines")).toMatchObject({ state: "SUCCEEDED" });
    await seed(
      "curated",
      "order_lines/big.parquet",
      "SELECT sha256(i::VARCHAR) AS invoice, 1 AS quantity FROM range(400000) t(i)",
    );
    expect(await start("SELECT count(*) FROM curated.order_lines")).toMatchObject({
      state: "FAILED",
      reason: expect.stringContaining("Bytes scanned limit was exceeded"),
    });
  });
});

describe("functions of each dialect", () => {
  const spark: [string, unknown][] = [
    ["regexp_replace('a1b22', '[0-9]+', '#')", "a#b#"],
    ["regexp_replace('a1', '([a-z])([0-9])', '$2$1')", "1a"],
    ["regexp_replace(NULL, 'a', 'b')", null],
    ["regexp_like('abc', 'b')", true],
    ["regexp_extract('a-12', '([a-z])-([0-9]+)')", "a"],
    ["regexp_extract('a-12', '([a-z])-([0-9]+)', 2)", "12"],
    ["regexp_extract('zzz', '([0-9])', 1)", ""],
    ["concat('a', NULL)", null],
    ["concat('a', 1, 'b')", "a1b"],
    ["split('a1b22c', '[0-9]+')", ["a", "b", "c"]],
    ["substr('abc', 0, 2)", "ab"],
    ["substr('abc', -2)", "bc"],
    ["substring('abc', -5, 4)", "ab"],
    ["pmod(-7, 3)", 2],
    ["last_day('2024-02-05')", "2024-02-29"],
    ["sequence(1, 3)", [1, 2, 3]],
    ["lpad('7', 3, '0')", "007"],
    ["locate('b', 'abc')", 2],
    ["initcap('ada LOVELACE')", "Ada Lovelace"],
    ["sha2('a', 256)", "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"],
    ["base64('hi')", "aGk="],
    ['get_json_object(\'{"a":{"b":[1,"x"]}}\', \'$.a.b[1]\')', "x"],
    ["get_json_object('{\"a\":{\"b\":1}}', '$.a')", '{"b":1}'],
    ["get_json_object('{\"a\":null}', '$.a')", null],
    ["get_json_object('{\"a\":1}', '$.b')", null],
    ["get_json_object('not json', '$.a')", null],
    ["json_array_length('[1,2]')", 2],
    ["json_array_length('{}')", null],
    ["json_array_length('oops')", null],
    ["nvl(NULL, 2)", 2],
    ["nvl2(NULL, 1, 2)", 2],
    ["if(1 > 2, 'a', 'b')", "b"],
    ["datediff('2024-03-01', '2024-02-28')", 2],
    ["datediff(NULL, '2024-02-28')", null],
    ["date_add('2024-01-31', 1)", "2024-02-01"],
    ["date_sub('2024-03-01', 1)", "2024-02-29"],
    ["add_months('2024-01-31', 1)", "2024-02-29"],
    ["to_date('2024-01-05T23:00:00-02:00')", "2024-01-05"],
    ["to_date('05/01/2024', 'dd/MM/yyyy')", "2024-01-05"],
    ["to_date('nonsense')", null],
    ["to_timestamp('2024-01-05T10:00:00+02:00')", "2024-01-05 08:00:00.000"],
    ["to_timestamp('nope')", null],
    ["date_format('2024-01-05 10:20:30', 'yyyy/MM/dd HH:mm')", "2024/01/05 10:20"],
    ["unix_timestamp('2024-01-05 10:00:00')", 1704448800],
    ["from_unixtime(1704448800)", "2024-01-05 10:00:00"],
    ["timestamp_millis(1704448800123)", "2024-01-05 10:00:00.123"],
    ["dayofweek(DATE '2024-01-07')", 1],
    ["weekday(DATE '2024-01-07')", 6],
    ["floor(-2.5)", -3],
    ["ceil(2.1)", 3],
    ["1 / 0", null],
    ["7 / 2", 3.5],
    ["size(split('a,b', ','))", 2],
    ["size(NULL::VARCHAR[])", -1],
    ["element_at([1, 2, 3], -1)", 3],
    ["element_at([1], 5)", null],
    ["sort_array([3, NULL, 1])", [null, 1, 3]],
    ["sort_array([3, NULL, 1], false)", [3, 1, null]],
    ["array_contains([1, NULL], 1)", true],
    ["array_contains([1, NULL], 2)", null],
    ["array_join(['a', NULL, 'b'], '-')", "a-b"],
    ["collect_list(x) FROM (VALUES (1), (NULL), (2)) t(x)", [1, 2]],
    ["size(collect_set(x)) FROM (VALUES (1), (1), (NULL)) t(x)", 1],
    ["collect_list(x) FROM (SELECT 1 AS x WHERE false)", []],
    ["percentile_approx(x, 0.5) FROM (VALUES (1), (2), (9)) t(x)", 2],
    ["max_by(x, y) FROM (VALUES (1, 5), (2, 3)) t(x, y)", 1],
    ["count_if(x > 1) FROM (VALUES (1), (2), (3)) t(x)", 2],
    // Nulls sort first when ascending.
    ["first_value(x) OVER (ORDER BY x) FROM (VALUES (1), (NULL)) t(x) LIMIT 1", null],
  ];
  const trino: [string, unknown][] = [
    ["regexp_replace('a1b2', '[0-9]', '#')", "a#b#"],
    ["regexp_extract('abc', 'x(b)', 1)", null],
    ["concat('a', NULL)", null],
    ["json_extract_scalar('{\"a\":{\"b\":1}}', '$.a.b')", "1"],
    ["json_extract_scalar('{\"a\":{\"b\":1}}', '$.a')", null],
    ["json_extract_scalar('broken', '$.a')", null],
    ["to_hex(sha256(to_utf8('a')))", "CA978112CA1BBDCAFAC231B39A23DC4DA786EFF8147C4E72B9807785AFEE48BB"],
    ["from_unixtime(1704448800)", "2024-01-05 10:00:00.000"],
    ["date_diff('day', DATE '2024-02-28', DATE '2024-03-01')", 2],
    ["date_add('month', 1, DATE '2024-01-31')", "2024-02-29 00:00:00.000"],
    ["date_format(TIMESTAMP '2024-01-05 10:20:30', '%Y-%m-%d %H:%i:%s')", "2024-01-05 10:20:30"],
    ["date_parse('05.01.2024 10:20', '%d.%m.%Y %H:%i')", "2024-01-05 10:20:00.000"],
    ["day_of_week(DATE '2024-01-07')", 7],
    ["cardinality(split('a,b', ','))", 2],
    ["element_at(ARRAY[1, 2], -1)", 2],
    ["contains(ARRAY[1, 2], 2)", true],
    ["approx_percentile(x, 0.5) FROM (VALUES (1), (2), (9)) t(x)", 2],
    ["approx_distinct(x) FROM (VALUES (1), (1), (2)) t(x)", 2],
    ["7 / 2", 3],
    ["max(n) FROM UNNEST(sequence(1, 4)) AS t(n)", 4],
    ["format('%.2f|%s', 1.234e0, 'x')", "1.23|x"],
    ["greatest(1, NULL)", null],
    ["least(3, 1, 2)", 1],
    ["substr('abc', 0)", ""],
    ["date_diff('day', TIMESTAMP '2024-01-01 23:00:00', TIMESTAMP '2024-01-02 01:00:00')", 0],
    ["date_diff('month', DATE '2024-01-15', DATE '2024-02-14')", 0],
    ["regexp_count('abcab', 'ab')", 2],
    ["url_extract_host('https://me@shop.example:8080/x?y')", "shop.example"],
    ["slice(ARRAY[1, 2, 3, 4], 2, 2)", [2, 3]],
    ["slice(ARRAY[1, 2, 3, 4], -2, 2)", [3, 4]],
    ["array_sort(ARRAY[2, NULL, 1])", [1, 2, null]],
    ["map_agg(k, v) FROM (VALUES ('a', 1), ('b', 2)) t(k, v)", { a: 1, b: 2 }],
    ["every(x > 0) FROM (VALUES (1), (2)) t(x)", true],
    ["last_day_of_month(DATE '2024-02-05')", "2024-02-29"],
    // Nulls sort last in both directions.
    ["first_value(x) OVER (ORDER BY x DESC) FROM (VALUES (1), (NULL)) t(x) LIMIT 1", 1],
  ];
  const evaluate = (dialect: "spark" | "athena", expression: string) =>
    LakeEngine.of(lake.kernel).with(dialect, async (session) => {
      const reader = await session.connection.runAndReadAll(`SELECT ${expression}`);
      return toJson(reader.getRows()[0]?.[0] ?? null);
    });

  it("means what Spark 3.5 means", async () => {
    const given: [string, unknown][] = [];
    for (const [expression] of spark) given.push([expression, await evaluate("spark", expression)]);
    expect(given).toEqual(spark);
  });

  it("means what Trino means", async () => {
    const given: [string, unknown][] = [];
    for (const [expression] of trino) given.push([expression, await evaluate("athena", expression)]);
    expect(given).toEqual(trino);
  });

  it("refuses what it would get wrong", async () => {
    await expect(evaluate("spark", "date_format('2024-01-05', 'EEEE')")).rejects.toThrow(
      /date pattern not supported locally.*EEEE/,
    );
    await expect(evaluate("spark", "sha2('a', 512)")).rejects.toThrow(/512 bits is not supported locally/);
  });
});
