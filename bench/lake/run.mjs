// One lake, from its deployment to its last run, in a process of its own so that its peak memory is its alone. Takes
// { folder, work } as JSON; prints what each run took as one line of JSON, what it is doing on standard error.
import { linkSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { root } from "../support.mjs";
import { dayOf, days, filesBelow, instantOf, more } from "./shop.mjs";

const { folder, work } = JSON.parse(process.argv[2]);
const local = createRequire(join(root, "packages/local/package.json"));
const { LocalRuntime } = local("./dist");
const { jobRunsOf } = local("./dist/services/glue");
const { putLocalFile } = local("./dist/services/s3");
const { LakeEngine, scanOf } = local("./dist/services/duckdb");
const { catalogOf, relationOf } = local("./dist/services/glue/catalog");

const say = (text) => process.stderr.write(`${text}\n`);
const runtime = await LocalRuntime.open({ dataDir: join(work, "data") });
const { kernel } = runtime;
const { outputs } = await runtime.up({ programDir: join(root, "bench/lake/program"), stack: "bench" });
const { buckets } = outputs.lake;

/** Lets files of the cache be objects of the raw zone, without a copy. */
async function land(part, which = () => true) {
  const aside = join(kernel.folder("tmp"), "landing");
  mkdirSync(aside, { recursive: true });
  for (const [index, name] of filesBelow(join(folder, part)).filter(which).entries()) {
    const link = join(aside, `${part}-${index}`);
    linkSync(join(folder, part, name), link);
    await putLocalFile(kernel, buckets.raw, name, link);
  }
}

/** Peak memory since the last call, in MB; NaN where the system does not tell. */
function peak() {
  try {
    const told = Number(/VmHWM:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))?.[1]) / 1024;
    writeFileSync("/proc/self/clear_refs", "5");
    return told;
  } catch {
    return Number.NaN;
  }
}
const processor = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};

/** Runs the jobs one after the other, as the pipeline does. */
async function night(asOf, given = {}) {
  peak();
  const steps = [];
  const begun = performance.now();
  const used = processor();
  for (const JobName of outputs.jobs) {
    const { JobRunId } = await runtime.call("glue", "StartJobRun", {
      JobName,
      Arguments: { "--as_of": asOf, ...given },
    });
    const runs = jobRunsOf(kernel);
    let before = processor();
    let seen = 0;
    const look = () => {
      const { statistics } = runs.get(JobName, JobRunId);
      if (statistics.length === seen) return;
      const now = processor();
      for (const step of statistics.slice(seen)) {
        steps.push({ ...step, processor: seen === statistics.length - 1 ? now - before : Number.NaN });
        say(
          `  ${step.name}: ${step.seconds.toFixed(1)} s, ${(now - before).toFixed(1)} s of processor time, ${step.rows} rows`,
        );
        seen++;
      }
      before = now;
    };
    const timer = setInterval(look, 20);
    const { state, errorMessage } = await runs.settled(JobName, JobRunId);
    clearInterval(timer);
    look();
    if (state !== "SUCCEEDED") throw new Error(`${JobName}: ${state}: ${errorMessage}`);
  }
  return { seconds: (performance.now() - begun) / 1000, processor: processor() - used, megabytes: peak(), steps };
}

/** What the jobs have made: a table's files are called by their content, so equal names are equal bytes. */
function made() {
  const files = [];
  for (const zone of ["clean", "curated"]) {
    for (const { name } of catalogOf(kernel).listTables(outputs.lake.databases[zone])) {
      const table = catalogOf(kernel).table(outputs.lake.databases[zone], name);
      if (table.location === "") continue;
      for (const file of scanOf(kernel, relationOf(table)).files) {
        files.push({ table: `${zone}.${name}`, name: file.name, size: file.size });
      }
    }
  }
  return files;
}

/** Events that raw.events holds, each once, by a plain statement: what clean.events must have. */
async function eventsOnce() {
  const raw = scanOf(kernel, relationOf(catalogOf(kernel).table(outputs.lake.databases.raw, "events"))).sql;
  const once = `SELECT DISTINCT source_id, message_id FROM (${raw}) WHERE type <> 'rejected'`;
  const counted = await LakeEngine.of(kernel).with("duckdb", (session) =>
    session.connection.runAndReadAll(`SELECT count(*) FROM (${once})`),
  );
  return Number(counted.getRows()[0][0]);
}

/** For Spark: what the jobs run, and what the catalog says of the tables. */
async function jobs() {
  const catalog = catalogOf(kernel);
  const tables = Object.values(outputs.lake.databases).flatMap((database) =>
    catalog.listTables(database).flatMap((table) => {
      const { name, columns, partitionKeys: keys, location } = table;
      const plain = ({ name, type }) => ({ name, type });
      const format = relationOf(table).format.kind;
      return location === ""
        ? []
        : [{ database, name, columns: columns.map(plain), keys: keys.map(plain), location, format }];
    }),
  );
  const manifests = [];
  for (const JobName of outputs.jobs) {
    const { Job } = await runtime.call("glue", "GetJob", { JobName });
    manifests.push(Job.DefaultArguments["--manifest"]);
  }
  const objects = {};
  const read = async (uri) => {
    const [, Bucket, Key] = /^s3:\/\/([^/]+)\/(.+)$/.exec(uri);
    const { Body } = await runtime.call("s3", "GetObject", { Bucket, Key });
    objects[uri] = Buffer.from(Body).toString("utf8");
    return objects[uri];
  };
  for (const manifest of manifests) for (const { sql } of JSON.parse(await read(manifest)).steps) await read(sql);
  return { tables, manifests, objects, raw: buckets.raw };
}

const told = { days: [dayOf(0), dayOf(days - 1)] };
say("landing the raw zone");
await land("first");
writeFileSync(join(work, "jobs.json"), JSON.stringify(await jobs()));
say("full run");
told.full = await night(instantOf(days));
const after = made();
told.expected = await eventsOnce();
told.files = after;
if (process.env.BENCH_LAKE_ONLY === "full") process.exit(0);
say("nothing new");
told.nothing = await night(instantOf(days));
say("everything again");
told.again = await night(instantOf(days), { "--full": "true" });
told.equal = JSON.stringify(made()) === JSON.stringify(after);
const newest = Array.from({ length: more }, (_, index) => days + index);
const isOf = (day) => (name) => name.includes(`dt=${dayOf(day)}/`);
told.nights = [];
for (const day of newest) {
  await land("next", isOf(day));
  say(`a day more: ${dayOf(day)}`);
  told.nights.push(await night(instantOf(day + 1)));
}
await land("next", (name) => !newest.some((day) => isOf(day)(name)));
say("late rows for another day");
told.late = await night(instantOf(days + more));
await runtime.close();
console.log(JSON.stringify(told));
