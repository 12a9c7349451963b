// The same jobs on PySpark in local mode: the component's driver, manifests and SQL, over links to the same raw files.
import { spawn } from "node:child_process";
import { existsSync, linkSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { root } from "../support.mjs";
import { days, filesBelow, instantOf } from "./shop.mjs";

const setup = join(root, ".spark/spark.json");

/** What `run.mjs` left about the jobs → seconds and peak memory on two cores with 4 GB, or why there are none. */
export async function onSpark(folder, work) {
  if (process.env.BENCH_SPARK === "no") return { absent: "left out (BENCH_SPARK=no)" };
  if (!existsSync(setup)) return { absent: "not installed (npm run setup:spark)" };
  const { python, javaHome } = JSON.parse(readFileSync(setup, "utf8"));
  const { tables, objects, manifests, raw } = JSON.parse(readFileSync(join(work, "jobs.json"), "utf8"));
  const lake = join(work, "spark");
  const local = (text) => text.replaceAll("s3://", `${lake}/`);
  for (const [uri, text] of Object.entries(objects)) {
    mkdirSync(dirname(local(uri)), { recursive: true });
    writeFileSync(local(uri), uri.endsWith(".json") ? local(text) : text);
  }
  for (const name of filesBelow(join(folder, "first"))) {
    const link = join(lake, raw, name);
    mkdirSync(dirname(link), { recursive: true });
    linkSync(join(folder, "first", name), link);
  }
  const declare = tables.flatMap(({ database, name, columns, keys, location, format }) => {
    const all = [...columns, ...keys].map((each) => `\`${each.name}\` ${each.type}`).join(", ");
    const partitioned = keys.length > 0 ? ` PARTITIONED BY (${keys.map((key) => key.name).join(", ")})` : "";
    return [
      `CREATE DATABASE IF NOT EXISTS ${database}`,
      `CREATE TABLE ${database}.${name} (${all}) USING ${format}${partitioned} LOCATION '${local(location)}'`,
    ];
  });
  const request = {
    driver: join(root, "packages/data-lake/glue/driver.py"),
    folder: join(work, "spark-own"),
    declare,
    recover: tables
      .filter(({ keys, database }) => keys.length > 0 && database.endsWith("raw"))
      .map(({ database, name }) => `${database}.${name}`),
    manifests: manifests.map(local),
    asOf: instantOf(days),
  };
  return await run(python, request, {
    ...process.env,
    JAVA_HOME: javaHome,
    TZ: "UTC",
    PYTHONUTF8: "1",
    PYSPARK_PYTHON: python,
    PYSPARK_SUBMIT_ARGS: "--driver-memory 4g pyspark-shell",
  });
}

function run(python, request, env) {
  return new Promise((resolve) => {
    const child = spawn(python, [join(root, "bench/lake/run_spark.py"), JSON.stringify(request)], { env });
    let [out, error] = ["", ""];
    child.stdout.on("data", (chunk) => {
      out += chunk;
    });
    child.stderr.on("data", (chunk) => {
      error = `${error}${chunk}`.slice(-4000);
      for (const line of String(chunk).split("\n")) if (line.startsWith("spark: ")) process.stderr.write(`  ${line}\n`);
    });
    child.on("close", (code) => {
      const last = out.trim().split("\n").at(-1) ?? "";
      resolve(
        code === 0 && last.startsWith("{")
          ? JSON.parse(last)
          : { failed: error.trim().split("\n").slice(-3).join(" ") },
      );
    });
  });
}
