import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { Kernel } from "../../local/src/kernel";
import { LakeEngine, type Session } from "../../local/src/services/duckdb";
import { sparkPrelude, sparkSyntax } from "../../local/src/services/duckdb/spark-prelude";
import { functionCases, knownDifferences } from "./spark/cases";
import { type Difference, differences } from "./spark/compare";
import { SparkOracle, sparkMissing } from "./spark/oracle";
import { pools } from "./spark/pools";

/** DuckDB with the Spark prelude against Spark itself. Starting Spark takes seconds, so one session answers all. */
const describeWithSpark = sparkMissing ? describe.skip : describe;
if (sparkMissing) console.warn(sparkMissing);

describeWithSpark("on Spark and on DuckDB", () => {
  const dataDir = mkdtempSync(path.join(tmpdir(), "tributary-spark-"));
  let kernel: Kernel;
  let spark: SparkOracle;
  let session: Session;

  beforeAll(async () => {
    kernel = new Kernel({ dataDir });
    mkdirSync(path.join(dataDir, "spark"));
    spark = new SparkOracle(path.join(dataDir, "spark"));
    session = await LakeEngine.of(kernel).session("spark");
  });
  afterAll(async () => {
    await spark.close();
    await session.close();
    await kernel.close();
    rmSync(dataDir, { recursive: true, force: true });
  });

  it.each(Object.entries(pools))("functions mean the same: over %s", async (name, pool) => {
    const same = functionCases.filter((each) => each.pool === name).flatMap((each) => each.expressions);
    const different = knownDifferences.filter((each) => each.pool === name).flatMap((each) => each.expressions);
    const folder = path.join(dataDir, "spark");
    const found = await differences(spark, session, folder, name, pool, [...same, ...different]);
    const text = ({ expression, what }: Difference) => `${expression}: ${what}`;
    expect(found.filter(({ expression }) => !different.includes(expression)).map(text)).toEqual([]);
    // One that has become equal is to be taken off the list.
    expect(different.filter((each) => !found.some(({ expression }) => expression === each))).toEqual([]);
  });
});

describe("the cases", () => {
  it("cover every macro of the prelude", () => {
    const macros = [...sparkPrelude, ...sparkSyntax].map((macro) => macro.slice(0, macro.indexOf("(")));
    const text = functionCases.flatMap(({ expressions }) => expressions).join("\n");
    const syntax = new Map([["date_part", "extract"]]);
    expect(macros.filter((name) => !new RegExp(`\\b${syntax.get(name) ?? name}\\(`).test(text))).toEqual([]);
  });
});
