// The bench's inputs: published files with their truth, and synthetic households, made once per seed and kept in a cache.
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { root } from "../support.mjs";

export const cache = join(root, "node_modules/.cache/tributary-bench");

/** FEBRL says who a record is in its id only: `rec-123-dup-0` is person 123. */
export function withTruth(file, folder) {
  const [head, ...lines] = readFileSync(file, "utf8").trim().split("\n");
  const path = join(folder, `${lines.length}-${Math.random().toString(36).slice(2)}.csv`);
  writeFileSync(path, [`${head},person`, ...lines.map((line) => `${line},${/rec-(\d+)/.exec(line)[1]}`)].join("\n"));
  return path;
}

/** Records of people in households as Parquet, in an order that says nothing of the person. */
export async function households(records, seed = 1) {
  mkdirSync(cache, { recursive: true });
  const path = join(cache, `households-${records}-${seed}.parquet`);
  if (existsSync(path)) return path;
  const require = createRequire(join(root, "packages/matching/package.json"));
  const { writeHouseholds } = require(join(root, "packages/testing/dist/people/index.js"));
  const { DuckDBInstance } = require("@duckdb/node-api");
  const csv = join(cache, `households-${records}-${seed}.csv`);
  writeHouseholds(csv, records, seed);
  const instance = await DuckDBInstance.create(":memory:", {
    memory_limit: "3GB",
    temp_directory: join(cache, "spill"),
  });
  const connection = await instance.connect();
  try {
    await connection.run(
      `copy (select * from read_csv('${csv}', all_varchar = true, header = true) order by hash(record_id)) to '${path}.partial' (format parquet)`,
    );
    renameSync(`${path}.partial`, path);
  } finally {
    connection.closeSync();
    instance.closeSync();
    rmSync(csv);
    rmSync(join(cache, "spill"), { recursive: true, force: true });
  }
  return path;
}
