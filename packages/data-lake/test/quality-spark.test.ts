import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { type LakeTable, qualityCheck, rule } from "@tributary/model";
import { Kernel } from "../../local/src/kernel";
import { LakeEngine, type Session } from "../../local/src/services/duckdb";
import { column } from "../src";
import { SparkOracle, sparkMissing } from "./spark/oracle";

/** The Glue driver's quality rules on Spark against the same SQL on DuckDB. */
const describeWithSpark = sparkMissing ? describe.skip : describe;
if (sparkMissing) console.warn(sparkMissing);

const visits = (threshold: number): LakeTable => ({
  zone: "curated",
  name: "visits",
  description: "Visits",
  columns: [
    column("id", "string", "internal", ""),
    column("kind", "string", "internal", ""),
    column("minutes", "int", "internal", ""),
    column("seen", "timestamp", "internal", ""),
    column("person", "string", "internal", ""),
  ],
  partitionBy: [],
  primaryKey: [],
  quality: [
    { ...rule.notNull("id"), threshold },
    { ...rule.unique("id", "kind"), threshold },
    rule.accepted("kind", ["it's", "b"], { threshold }),
    rule.range("minutes", { min: 0, max: 60 }, { threshold }),
    rule.range("seen", { min: "2020-01-01" }, { threshold }),
    rule.references("person", "q.people", "id", { threshold }),
    rule.rowCount({ min: 1, max: 100 }),
    ...(threshold < 0.5 ? [rule.fresh("seen", 24), rule.fresh("seen", 1_000_000)] : []),
  ],
});
// Each row breaks what its id says; nulls break nothing but notNull.
const rows = [
  "('fine', 'b', 60, timestamp '2020-01-01 00:00:00', 'p1')",
  "('nulls', cast(null as string), cast(null as int), cast(null as timestamp), cast(null as string))",
  "(cast(null as string), 'b', 1, timestamp '2021-01-01 00:00:00', 'p1')",
  "(cast(null as string), 'b', 1, timestamp '2021-01-01 00:00:00', 'p1')",
  "('twice', 'b', 1, timestamp '2021-01-01 00:00:00', 'p1')",
  "('twice', 'b', 2, timestamp '2021-01-01 00:00:00', 'p2')",
  "('twice', 'it' || chr(39) || 's', 2, timestamp '2021-01-01 00:00:00', 'p2')",
  "('kind', 'c', 1, timestamp '2021-01-01 00:00:00', 'p1')",
  "('minutes', 'b', -1, timestamp '2021-01-01 00:00:00', 'p1')",
  "('early, stranger', 'b', 1, timestamp '2019-12-31 23:59:59', 'p9')",
];
const made = `select * from (values ${rows.join(", ")}) v(id, kind, minutes, seen, person)`;

describeWithSpark("quality rules on Spark and on DuckDB", () => {
  const dataDir = mkdtempSync(path.join(tmpdir(), "tributary-quality-"));
  const folder = path.join(dataDir, "spark");
  let kernel: Kernel;
  let spark: SparkOracle;
  let session: Session;

  beforeAll(async () => {
    kernel = new Kernel({ dataDir });
    mkdirSync(folder);
    spark = new SparkOracle(folder);
    session = await LakeEngine.of(kernel).session("spark");
    await session.run(`CREATE VIEW ${session.database}.main.candidate AS ${made}`);
    await session.run(`CREATE VIEW ${session.database}.main.kept AS SELECT * FROM (${made}) WHERE false`);
    await session.run(`CREATE VIEW ${session.database}.main.outcome AS ${made}`);
    await session.run(`CREATE SCHEMA ${session.database}.q`);
    await session.run(`CREATE TABLE ${session.database}.q.people AS SELECT * FROM (VALUES ('p1'), ('p2')) v(id)`);
  });
  afterAll(async () => {
    await spark.close();
    await session.close();
    await kernel.close();
    rmSync(dataDir, { recursive: true, force: true });
  });

  const duckdb = async (sql: string) => (await session.connection.runAndReadAll(sql)).getRowsJson();
  const stored = (table: string) => `read_parquet('${folder}/warehouse/q.db/${table}/**/*.parquet')`;

  async function drive(table: LakeTable, name: string) {
    const check = qualityCheck(table);
    const sql = path.join(folder, "visits.sql");
    writeFileSync(sql, made);
    const manifest = path.join(folder, `${name}.json`);
    const step = { name: "curated.visits", sql, target: { database: "q", table: "visits" }, mode: "overwrite" };
    const quality = { ...check, rejected: { database: "q", table: "rejected_rows" } };
    const report = { report: `${folder}/${name}/`, metrics: { namespace: "n", dimensions: {} } };
    writeFileSync(manifest, JSON.stringify({ version: 1, quality: report, steps: [{ ...step, quality }] }));
    const { error } = await spark.drive({
      tables: [
        "create database if not exists q",
        "create table if not exists q.people using parquet as select * from values ('p1'), ('p2') v(id)",
        "create table if not exists q.visits (id string, kind string, minutes int, seen timestamp, person string) using parquet",
        "create table if not exists q.rejected_rows (run string, table_name string, rule string, rejected_at timestamp, row_json string, dt string) using parquet partitioned by (dt)",
      ],
      manifest,
    });
    return { error, told: reportOf(name, error), check };
  }
  function reportOf(name: string, error: string | null) {
    if (!existsSync(path.join(folder, name))) throw new Error(`no report: ${error}`);
    const day = readdirSync(path.join(folder, name))[0] ?? "";
    const file = readdirSync(path.join(folder, name, day))[0] ?? "";
    return JSON.parse(readFileSync(path.join(folder, name, day, file), "utf8")) as {
      run: string;
      passed: boolean;
      tables: { total: number; rules: { rule: string; failing: number }[] }[];
    };
  }

  it("measure, reject and pass the same rows", async () => {
    const { error, told, check } = await drive(visits(0.5), "some");
    expect(error).toBeNull();
    const counts = [told.tables[0]?.total, ...(told.tables[0]?.rules ?? []).map(({ failing }) => failing)];
    expect(counts.map(String)).toEqual((await duckdb(check?.measure ?? ""))[0]?.map(String));
    expect(counts).toEqual([10, 2, 2, 1, 1, 1, 1, 0]);
    const passing = await duckdb(`select * from (${check?.passing}) order by all`);
    expect(
      await duckdb(`select * replace (cast(seen as timestamp) as seen) from ${stored("visits")} order by all`),
    ).toEqual(passing);
    expect(passing.map(([id]) => id)).toEqual(["fine", "nulls", "twice"]);
    const rejected = await duckdb(
      `select rule, row_json->>'id', row_json->>'minutes' from ${stored("rejected_rows")} where run = '${told.run}' order by all`,
    );
    expect(rejected).toEqual(
      await duckdb(`select quality_rule, id, cast(minutes as varchar) from (${check?.rejects}) order by all`),
    );
    expect(rejected).toHaveLength(8);
  }, 120_000);

  it("stop before the table is touched where more rows break a rule than may", async () => {
    const before = await duckdb(`select * from ${stored("visits")} order by all`);
    const { error, told, check } = await drive(visits(0.1), "stopped");
    const rules = told.tables[0]?.rules ?? [];
    expect(rules.slice(-2).map(({ failing }) => failing)).toEqual([1, 0]);
    expect((await duckdb(check?.measure ?? ""))[0]?.slice(-2).map(String)).toEqual(["1", "0"]);
    expect(error).toContain("QualityFailed: curated.visits: notNull(id): 2 of 10, at most 10% of rows may");
    expect(told.passed).toBe(false);
    expect(await duckdb(`select * from ${stored("visits")} order by all`)).toEqual(before);
  }, 120_000);

  it("hold a day that is made again to the days that stay", async () => {
    const database = path.join(folder, "again");
    const put = async (day: string, name: string, ...ids: string[]) => {
      mkdirSync(path.join(database, "raw", `dt=${day}`), { recursive: true });
      const values = ids.map((id) => `(${id === "null" ? "null::varchar" : `'${id}'`})`).join(", ");
      const file = path.join(database, "raw", `dt=${day}`, `${name}.parquet`);
      await session.run(`COPY (SELECT id FROM (VALUES ${values}) v(id)) TO '${file}' (FORMAT parquet)`);
    };
    const table: LakeTable = {
      ...visits(0),
      name: "made",
      columns: [column("id", "string", "internal", "")],
      partitionBy: ["dt"],
      quality: [{ ...rule.unique("id"), threshold: 0.9 }],
    };
    const check = qualityCheck(table);
    const sql = path.join(folder, "again.sql");
    writeFileSync(sql, "select id, dt from again.raw");
    const step = {
      ...{ name: "curated.made", sql, target: { database: "again", table: "made" }, follow: "partition", key: ["id"] },
      sources: [{ database: "again", table: "raw", format: "parquet" }],
      quality: { ...check, rejected: { database: "again", table: "rejected_rows" } },
    };
    const drive = async (name: string, tables: readonly string[]) => {
      const manifest = path.join(folder, `${name}.json`);
      const quality = { report: `${folder}/${name}/`, metrics: { namespace: "n", dimensions: {} } };
      writeFileSync(manifest, JSON.stringify({ version: 1, bookmark: `${folder}/again.mark`, quality, steps: [step] }));
      const { error } = await spark.drive({ tables, manifest });
      expect(error).toBeNull();
      return reportOf(name, error).tables.map(({ total, rules }) => [total, ...rules.map(({ failing }) => failing)]);
    };
    await put("1", "a", "a", "b", "null");
    await put("2", "a", "c", "null");
    const place = (name: string) => `location '${path.join(database, name)}'`;
    const first = await drive("again-first", [
      "create database again",
      ...["raw", "made"].map(
        (name) => `create table again.${name} (id string, dt string) using parquet partitioned by (dt) ${place(name)}`,
      ),
      `create table again.rejected_rows (run string, table_name string, rule string, rejected_at timestamp, row_json string, dt string) using parquet partitioned by (dt) ${place("rejected")}`,
    ]);
    expect(first).toEqual([[5, 0]]);
    const day = (name: string, days: string) =>
      `SELECT id, dt FROM read_parquet('${database}/${name}/dt=${days}/*.parquet', hive_types = {'dt': VARCHAR})`;
    // What stays is as it was: rows that are alike there are none of the new day's.
    const { database: own } = session;
    await session.run(`CREATE TABLE ${own}.main.stays AS ${day("made", "1")} UNION ALL SELECT 'z', '0' FROM range(2)`);
    await put("2", "b", "a", "e", "e", "f");
    await session.run(`CREATE OR REPLACE VIEW ${own}.main.candidate AS ${day("raw", "2")}`);
    await session.run(`CREATE OR REPLACE VIEW ${own}.main.kept AS FROM ${own}.main.stays`);
    expect(await drive("again-second", [])).toEqual([[6, 4]]);
    expect(await duckdb(check?.measure ?? "")).toEqual([["6", "4"]]);
    const rejected = await duckdb(`select id from (${check?.rejects}) order by all`);
    expect(rejected.flat()).toEqual(["a", "e", "e"]);
    expect(
      await duckdb(`select row_json->>'id' from read_parquet('${database}/rejected/**/*.parquet') order by all`),
    ).toEqual(rejected);
    const passing = await duckdb(`select id from (${check?.passing}) order by all`);
    expect(passing.flat()).toEqual([null, "c", "f"]);
    expect(await duckdb(`select id from (${day("made", "2")}) order by all`)).toEqual(passing);
    expect((await duckdb(`select id from (${day("made", "1")}) order by all`)).flat()).toEqual([null, "a", "b"]);
  }, 240_000);

  it("files that cannot be read are told by name, or set aside with the reason", async () => {
    const raw = path.join(folder, "bad", "raw", "dt=2026-11-01");
    mkdirSync(raw, { recursive: true });
    const put = (name: string, sql: string) =>
      session.run(`COPY (${sql}) TO '${path.join(raw, name)}' (FORMAT parquet)`);
    await put("fine.parquet", "SELECT 'a' AS id, 1 AS from_the_future");
    await put("typed.parquet", "SELECT 7::BIGINT AS id");
    await put("cut.parquet", "SELECT 'b' AS id");
    const cut = path.join(raw, "cut.parquet");
    writeFileSync(cut, readFileSync(cut).subarray(0, 60));
    const sql = path.join(folder, "bad.sql");
    writeFileSync(sql, "select id, dt from bad.raw");
    const manifest = path.join(folder, "bad.json");
    const step = {
      name: "bad.made",
      sql,
      target: { database: "bad", table: "made" },
      follow: "partition",
      key: ["id"],
      sources: [{ database: "bad", table: "raw", format: "parquet" }],
    };
    const unreadable = { action: "stop", prefix: `${folder}/aside/`, databases: ["bad"] };
    writeFileSync(manifest, JSON.stringify({ version: 1, unreadable, steps: [step] }));
    const place = (table: string) => `location '${path.join(folder, "bad", table)}'`;
    const tables = ["raw", "made"].map(
      (table) => `create table bad.${table} (id string, dt string) using parquet partitioned by (dt) ${place(table)}`,
    );
    const { error } = await spark.drive({ tables: ["create database bad", ...tables], manifest });
    expect(error).toMatch(/^step bad\.made: UnreadableFiles: 2 files cannot be read, and nothing was replaced: /);
    expect(error).toMatch(/dt=2026-11-01\/cut\.parquet of bad\.raw: .*(not a Parquet file|magic)/);
    expect(error).toMatch(/dt=2026-11-01\/typed\.parquet of bad\.raw: .*id/);
    expect(error).toContain("it goes on with this step");
    expect(existsSync(path.join(folder, "bad", "made"))).toBe(false);

    const aside = await spark.drive({ tables: [], manifest, arguments: ["--unreadable", "set-aside"] });
    expect(aside.error).toBeNull();
    expect(await duckdb(`select id from read_parquet('${folder}/bad/made/**/*.parquet')`)).toEqual([["a"]]);
    const [reason = ""] = readdirSync(path.join(folder, "aside"), { recursive: true, encoding: "utf8" }).filter(
      (name) => name.endsWith("cut.parquet.reason.json"),
    );
    expect(JSON.parse(readFileSync(path.join(folder, "aside", reason), "utf8"))).toMatchObject({
      table: "bad.raw",
      file: cut,
    });
  }, 240_000);
});
