// The lake's jobs over a shop's 30 days: raw → clean → curated with traits by the component's own manifest and SQL, as the
// local platform runs them; then nothing new, everything again (equal bytes), three days more one by one, and late rows for another day. The
// same SQL on PySpark in local mode over the same files in the same run, where `npm run setup:spark` has installed it.
// BENCH_EVENTS: how many (default 10 million). BENCH_SPARK=no leaves Spark out. BENCH_JSON: a file for all figures.
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cache, shop } from "./lake/shop.mjs";
import { onSpark } from "./lake/spark.mjs";
import { execute, root, scratch } from "./support.mjs";

const events = Number(process.env.BENCH_EVENTS ?? 10_000_000);
/** What DuckDB may take before it spills. */
const sqlMemory = process.env.TRIBUTARY_SQL_MEMORY ?? "2GB";
const limits = { seconds: 60, gigabytes: 4, dayShare: 0.1 };

export async function bench() {
  if (!Number.isSafeInteger(events) || events < 1000) throw new Error(`BENCH_EVENTS must be a number from 1000 on`);
  const folder = await shop(events);
  // Beside the cache, so that files are linked, not copied.
  const work = join(cache, `lake-${process.pid}`);
  const { remove } = scratch();
  try {
    const { stdout } = await execute([join(root, "bench/lake/run.mjs"), JSON.stringify({ folder, work })], {
      stdio: ["ignore", "pipe", "inherit"],
      env: { ...process.env, TRIBUTARY_SQL_MEMORY: sqlMemory },
    });
    const told = JSON.parse(stdout.trim().split("\n").at(-1));
    const spark = await onSpark(folder, work);
    if (process.env.BENCH_JSON)
      writeFileSync(process.env.BENCH_JSON, `${JSON.stringify({ events, ...told, spark }, null, 2)}\n`);
    return [...report(told), ...sparkText(told, spark)];
  } finally {
    remove();
    rmSync(work, { recursive: true, force: true });
  }
}

const seconds = (run) => `${run.seconds.toFixed(1)} s (${run.processor.toFixed(1)} s of processor time)`;
const gigabytes = (run) => `${(run.megabytes / 1024).toFixed(2)} GB`;
const shareOf = (run, full) =>
  `${((100 * run.seconds) / full.seconds).toFixed(1)} % of the full run (${((100 * run.processor) / full.processor).toFixed(1)} % of its processor time)`;
const slowest = ({ steps }) => {
  const told = [...steps].sort((a, b) => b.seconds - a.seconds).slice(0, 6);
  return [`  of that ${told.map(({ name, seconds: took }) => `${name} ${took.toFixed(1)} s`).join(", ")}`];
};
/** The limits are those of 10 million events on two otherwise idle cores. */
const verdict = (holds) => (holds || events < 10_000_000 ? "" : "  BEYOND THE LIMIT");

function report({ full, nothing, again, nights, late, equal, files, expected }) {
  const made = full.steps.find(({ name }) => name === "clean.events")?.rows;
  // Wrong rows are no figure.
  if (made !== expected || !equal) process.exitCode = 1;
  // Single nights differ by more than there is between them and the limit.
  const day = [...nights].sort((a, b) => a.seconds - b.seconds)[Math.floor(nights.length / 2)];
  const share = day.seconds / full.seconds;
  const peak = Math.max(...[full, ...nights].map(({ megabytes }) => megabytes));
  return [
    `${(events / 1e6).toFixed(1)}M events of 30 days, raw → clean → curated with traits: ${seconds(full)}, peak ${gigabytes(full)} with DuckDB inside (${sqlMemory} of it may be DuckDB's)${verdict(full.seconds <= limits.seconds && peak / 1024 <= limits.gigabytes)}`,
    ...full.steps.map(
      (step) =>
        `  ${step.name.padEnd(24)} ${step.seconds.toFixed(1).padStart(6)} s ${step.processor.toFixed(1).padStart(7)} s CPU ${String(step.rows).padStart(9)} rows  ${sizes(files, step.name)}`,
    ),
    made === expected
      ? `  clean.events has the ${expected} events that plain SQL finds in the raw zone`
      : `  WRONG: clean.events has ${made} events; plain SQL finds ${expected} in the raw zone`,
    `a day more, the median of ${nights.map((night) => night.seconds.toFixed(1)).join(", ")} s: ${seconds(day)}, ${shareOf(day, full)}, peak ${gigabytes(day)}${verdict(share <= limits.dayShare)}`,
    ...slowest(day),
    `50 late rows for another day: ${seconds(late)}, ${shareOf(late, full)}`,
    `nothing new: ${seconds(nothing)}`,
    `everything again: ${seconds(again)}, ${equal ? "equal bytes" : "OTHER BYTES"}`,
  ];
}

function sizes(files, table) {
  const bytes = files.filter((file) => file.table === table).map(({ size }) => size / 2 ** 20);
  if (bytes.length === 0) return "no files";
  const [least, most] = [Math.min(...bytes), Math.max(...bytes)];
  const range = bytes.length === 1 ? most.toFixed(1) : `${least.toFixed(1)}–${most.toFixed(1)}`;
  return `${bytes.length} ${bytes.length === 1 ? "file" : "files"} of ${range} MB`;
}

function sparkText({ full }, spark) {
  if (spark.absent) return [`PySpark: ${spark.absent}`];
  if (spark.failed) return [`PySpark failed: ${spark.failed}`];
  return [
    `PySpark 3.5 in local mode (2 cores, 4 GB, its start not counted), the same jobs: ${seconds(spark)}, peak ${gigabytes(spark)}; ours is ${(spark.seconds / full.seconds).toFixed(1)} × as fast (${(spark.processor / full.processor).toFixed(1)} × by processor time)`,
  ];
}
