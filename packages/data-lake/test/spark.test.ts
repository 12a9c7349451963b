import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import * as path from "node:path";
import { LakeEngine, type Session } from "../../local/src/services/duckdb";
import { sparkPrelude, sparkSyntax } from "../../local/src/services/duckdb/spark-prelude";
import { TestLake } from "../../local/test/services/lake-support";
import { commonFunctions, rawEvents as rawEventsTable, rawProfiles as rawProfilesTable } from "../src";
import { functionCases, knownDifferences } from "./spark/cases";
import { type Difference, differences } from "./spark/compare";
import {
  compareTable,
  lakeServices,
  putRaw,
  runJob,
  runLocally,
  runOnSpark,
  steps,
  type TableComparison,
} from "./spark/lakes";
import { SparkOracle, sparkMissing } from "./spark/oracle";
import { pools } from "./spark/pools";
import { rawEvents, rawProfiles } from "./spark/rows";

// Starting Spark takes half a minute where both cores are busy.
jest.setTimeout(180_000);

/** DuckDB with the Spark prelude against Spark itself. Starting Spark takes seconds, so one session answers all. */
const describeWithSpark = sparkMissing ? describe.skip : describe;
if (sparkMissing) console.warn(sparkMissing);

describeWithSpark("on Spark and on DuckDB", () => {
  const seed = Number(process.env.SEED ?? 20261123);
  let lake: TestLake;
  let folder: string;
  let spark: SparkOracle;
  let session: Session;

  beforeAll(async () => {
    lake = TestLake.open((kernel) => {
      kernel.authorizer = { check: () => {} };
      return lakeServices.flatMap((service) => service.install(kernel));
    });
    folder = path.join(lake.dataDir, "spark");
    mkdirSync(folder);
    spark = new SparkOracle(folder);
    session = await LakeEngine.of(lake.kernel).session("spark");
  });
  afterAll(async () => {
    await spark.close();
    await session.close();
    await lake.close();
  });

  const same = { rows: expect.any(Number), types: [], onlySpark: [], onlyDuckDB: [] };
  const comparison = async () => {
    const compared: Record<string, TableComparison> = {};
    for (const table of steps) {
      compared[`${table.zone}.${table.name}`] = await compareTable(lake.kernel, folder, table);
    }
    return compared;
  };
  /** The files that Spark made, with a hash of each. */
  const sparkFiles = () =>
    new Map(
      ["clean", "curated"].flatMap((zone) =>
        readdirSync(path.join(folder, zone), { recursive: true, encoding: "utf8" })
          .filter((name) => name.endsWith(".parquet"))
          .sort()
          .map((name) => [
            `${zone}/${name}`,
            createHash("sha256")
              .update(readFileSync(path.join(folder, zone, name)))
              .digest("hex"),
          ]),
      ),
    );

  it.each(Object.entries(pools))("functions mean the same: over %s", async (name, pool) => {
    const same = functionCases.filter((each) => each.pool === name).flatMap((each) => each.expressions);
    const different = knownDifferences.filter((each) => each.pool === name).flatMap((each) => each.expressions);
    const found = await differences(spark, session, folder, name, pool, [...same, ...different]);
    const text = ({ expression, what }: Difference) => `${expression}: ${what}`;
    expect(found.filter(({ expression }) => !different.includes(expression)).map(text)).toEqual([]);
    // One that has become equal is to be taken off the list.
    expect(different.filter((each) => !found.some(({ expression }) => expression === each))).toEqual([]);
  });

  it(`every transform gives the same rows (seed ${seed}; SEED sets another)`, async () => {
    await runLocally(lake);
    await putRaw(lake, folder, rawEventsTable, rawEvents(seed), ({ received_at }) => received_at.slice(0, 10));
    await putRaw(lake, folder, rawProfilesTable, rawProfiles(seed), ({ sequence }) => `2026-11-0${sequence.slice(-1)}`);
    const [onSpark, onDuckDB] = await Promise.all([runOnSpark(spark, folder), runJob(lake.kernel)]);
    expect({ onSpark, onDuckDB }).toEqual({ onSpark: undefined, onDuckDB: undefined });
    const compared = await comparison();
    expect(compared).toEqual(Object.fromEntries(Object.keys(compared).map((name) => [name, same])));
    // A comparison of nothing proves nothing.
    expect(Object.entries(compared).filter(([, { rows }]) => rows < 5)).toEqual([]);
  });

  it("the days that changed come to the same tables, and to the files of a full run", async () => {
    // Late rows on days that there are, copies of messages on earlier and later days, and changes of profiles.
    const late = rawEvents(seed + 1).slice(0, 120);
    const copies = rawEvents(seed).filter((_, index) => index % 40 === 0);
    const moved = copies.map((row, index) => ({
      ...row,
      received_at: index % 2 === 0 ? "2026-11-02T00:00:00.000Z" : "2027-01-30T00:00:00.000Z",
    }));
    await putRaw(
      lake,
      folder,
      rawEventsTable,
      [...late, ...moved],
      ({ received_at }) => received_at.slice(0, 10),
      "late",
    );
    await putRaw(lake, folder, rawProfilesTable, rawProfiles(seed + 1).slice(0, 30), () => "2026-11-09", "late");
    const before = sparkFiles();
    const [onSpark, onDuckDB] = await Promise.all([runOnSpark(spark, folder, { again: true }), runJob(lake.kernel)]);
    expect({ onSpark, onDuckDB }).toEqual({ onSpark: undefined, onDuckDB: undefined });
    const compared = await comparison();
    expect(compared).toEqual(Object.fromEntries(Object.keys(compared).map((name) => [name, same])));
    const after = sparkFiles();
    const touched = [...after].filter(([name, content]) => before.get(name) !== content).map(([name]) => name);
    const days = [...after.keys()].filter((name) => name.startsWith("curated/events/"));
    expect(touched.filter((name) => name.startsWith("curated/events/")).length).toBeLessThan(days.length);
    const full = { again: true, arguments: ["--full", "true"] };
    expect(await runOnSpark(spark, folder, full)).toBeUndefined();
    expect(sparkFiles()).toEqual(after);
  });
});

describe("the cases", () => {
  it("cover every macro of the prelude", () => {
    const macros = [...sparkPrelude, ...sparkSyntax].map((macro) => macro.slice(0, macro.indexOf("(")));
    const text = functionCases.flatMap(({ expressions }) => expressions).join("\n");
    const syntax = new Map([["date_part", "extract"]]);
    expect(macros.filter((name) => !new RegExp(`\\b${syntax.get(name) ?? name}\\(`).test(text))).toEqual([]);
  });

  it("cover every function that the lint lets pass", () => {
    const text = functionCases.flatMap(({ expressions }) => expressions).join("\n");
    expect([...commonFunctions].filter((name) => !new RegExp(`\\b${name}\\(`).test(text))).toEqual([]);
  });
});
