import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import type { CollectedRecord, PlatformContract } from "@tributary/model";
import { LocalRuntime } from "../../local/src/runtime";
import { LakeEngine } from "../../local/src/services/duckdb";
import { putLocalFile } from "../../local/src/services/s3";

/** The nightly pipeline's nights: new data, none, late data, a failure mended and resumed, two at once, days again. */
const dataDir = mkdtempSync(path.join(tmpdir(), "tributary-nightly-"));
const fixture = path.join(__dirname, "fixtures", "nightly");
let runtime: LocalRuntime;
let pipeline: string;
let rawBucket: string;
let heardUrl: string;
let jobs: Record<"clean" | "curate" | "score", string>;

async function deploy(mostOrders: number): Promise<void> {
  const up = await runtime.up({
    programDir: fixture,
    stack: "test",
    config: { "lake:mostOrders": String(mostOrders) },
  });
  const lake = up.outputs.lake as PlatformContract["lake"];
  pipeline = String(lake.pipelines.nightly);
  rawBucket = lake.buckets.raw;
  heardUrl = String(up.outputs.heard);
  jobs = up.outputs.jobs as typeof jobs;
}

/** Orders as the archive has them, received on a day. */
async function land(day: string, ids: readonly string[]): Promise<void> {
  const rows = ids.map(
    (id): CollectedRecord => ({
      source_id: "shop",
      message_id: id,
      type: "track",
      event: "Order Completed",
      user_id: "u1",
      anonymous_id: null,
      timestamp: `${day}T03:04:05.678Z`,
      original_timestamp: null,
      sent_at: null,
      received_at: `${day}T09:00:00.000Z`,
      payload: JSON.stringify({ properties: { order_id: id, products: [{ sku: "A", quantity: 1, price: 2 }] } }),
      encoding: "utf8",
      reason: null,
      detail: null,
    }),
  );
  const { kernel } = runtime;
  const [lines, parquet] = ["ndjson", "parquet"].map((type) => path.join(kernel.folder("tmp"), `${ids[0]}.${type}`));
  writeFileSync(String(lines), rows.map((row) => JSON.stringify(row)).join("\n"));
  const columns = Object.keys(rows[0] ?? {}).map((column) => `${column}: 'VARCHAR'`);
  const read = `read_json('${lines}', format = 'newline_delimited', columns = {${columns.join(", ")}})`;
  await LakeEngine.of(kernel).with("duckdb", async (session) => {
    await session.run(`COPY (SELECT * FROM ${read}) TO '${parquet}' (FORMAT parquet)`);
  });
  await putLocalFile(kernel, rawBucket, `events/dt=${day}/${ids[0]}.parquet`, String(parquet));
}

interface Told {
  readonly status: string;
  readonly error?: string;
  readonly cause?: string;
  readonly output?: string;
}
const start = async (input: object = {}, name?: string) =>
  (
    await runtime.call<{ executionArn: string }>("sfn", "StartExecution", {
      stateMachineArn: pipeline,
      input: JSON.stringify(input),
      ...(name && { name }),
    })
  ).executionArn;
async function ended(executionArn: string) {
  for (let tries = 0; tries < 1200; tries++) {
    const told = await runtime.call<Told>("sfn", "DescribeExecution", { executionArn });
    if (told.status !== "RUNNING") {
      const { steps, error } = await runtime.pipelineRun(executionArn);
      const land = told.output === undefined ? {} : (JSON.parse(told.output) as Record<string, unknown>);
      return { executionArn, status: told.status, error, land, steps: steps.map(({ name }) => name) };
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${executionArn} has not ended in 60 s`);
}
const night = async (input: object = {}) => await ended(await start(input));

interface JobRun {
  readonly Id: string;
  readonly JobRunState: string;
  readonly Arguments: Record<string, string>;
}
/** Newest first. */
const runsOf = async (job: keyof typeof jobs) =>
  (await runtime.call<{ JobRuns: JobRun[] }>("glue", "GetJobRuns", { JobName: jobs[job] })).JobRuns;
const counted = async () => ({ clean: (await runsOf("clean")).length, curate: (await runsOf("curate")).length });

/** What the queue was told: by the alarm topic, and by the step `Tell`. */
async function messages(): Promise<string[]> {
  await runtime.quiesce();
  const { Messages = [] } = await runtime.call<{ Messages?: { Body: string; ReceiptHandle: string }[] }>(
    "sqs",
    "ReceiveMessage",
    { QueueUrl: heardUrl, MaxNumberOfMessages: 10 },
  );
  for (const { ReceiptHandle } of Messages)
    await runtime.call("sqs", "DeleteMessage", { QueueUrl: heardUrl, ReceiptHandle });
  return Messages.map(({ Body }) => Body);
}

interface HistoryEvent {
  readonly type: string;
  readonly taskScheduledEventDetails?: { readonly resource: string; readonly parameters: string };
}
/** What tasks of a resource were sent. */
async function sent(executionArn: string, resource: string): Promise<Record<string, unknown>[]> {
  const { events } = await runtime.call<{ events: HistoryEvent[] }>("sfn", "GetExecutionHistory", { executionArn });
  return events
    .map(({ taskScheduledEventDetails: details }) => details)
    .filter((details) => details?.resource === resource)
    .map((details) => JSON.parse(details?.parameters ?? "{}") as Record<string, unknown>);
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 6000; tries++) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error("not in 30 s");
}

beforeAll(async () => {
  runtime = await LocalRuntime.open({ dataDir });
  await deploy(3);
}, 60_000);
afterAll(async () => {
  await runtime?.close();
  rmSync(dataDir, { recursive: true, force: true });
});

test("a night with new data does everything, the user's steps at their places", async () => {
  await land("2026-11-23", ["a", "b"]);
  const run = await night();
  expect(run).toMatchObject({
    status: "SUCCEEDED",
    error: undefined,
    land: { changed: { events: ["2026-11-23"] }, files: 1, run: true },
  });
  const places = run.steps.filter(
    (name) => /^[A-Z]/.test(name) || ["clean.events", "curated.orders", "curated.scores"].includes(name),
  );
  expect(places).toEqual([
    "LookForOthers",
    "Land",
    "clean.events",
    "Audit",
    "Match",
    "curated.orders",
    "curated.scores",
    "Refresh dashboards",
    "Tell",
    "Remember",
  ]);
  const { asOf } = run.land;
  const told = { asOf, from: null, to: null, full: false, changed: { events: ["2026-11-23"] } };
  const [, audit] = await sent(run.executionArn, "invoke");
  expect(audit?.Payload).toMatchObject({ ...told, table: "clean.events" });
  const [match, dashboards] = await sent(run.executionArn, "startExecution.sync");
  expect(match?.Input).toMatchObject({ run: run.executionArn.split(":").at(-1) });
  expect(dashboards?.Input).toMatchObject(told);
  expect((await runsOf("score"))[0]?.Arguments).toMatchObject({ "--as_of": asOf, "--model": "churn" });
  expect(await messages()).toEqual([`The lake is as of ${asOf}`]);
}, 90_000);

test("a night on which nothing landed starts no job", async () => {
  const before = await counted();
  const run = await night();
  expect(run).toMatchObject({ status: "SUCCEEDED", error: undefined, land: { changed: {}, files: 0, run: false } });
  expect(run.steps).toEqual(["LookForOthers", "Land"]);
  expect(await counted()).toEqual(before);
}, 90_000);

test("what comes late reopens its day", async () => {
  await land("2026-11-20", ["late"]);
  expect(await night()).toMatchObject({
    status: "SUCCEEDED",
    error: undefined,
    land: { changed: { events: ["2026-11-20"] }, files: 1 },
  });
  const { rows } = await runtime.query("select dt, count(*) from n_clean.events group by dt order by dt");
  expect(rows.map(([dt, count]) => [dt, Number(count)])).toEqual([
    ["2026-11-20", 1],
    ["2026-11-23", 2],
  ]);
}, 90_000);

test("what fails is told to the alarm topic, and goes on from the failed step once it is mended", async () => {
  await messages();
  await land("2026-11-24", ["c", "d"]);
  const before = await counted();
  const failed = await night();
  expect(failed).toMatchObject({
    status: "FAILED",
    error: expect.stringMatching(/^QualityFailed: curated\.orders: rowCount/),
  });
  // The same rows would break the same rule: the job is not tried again.
  expect(await counted()).toEqual({ clean: before.clean + 1, curate: before.curate + 1 });
  const [message = "", ...others] = await messages();
  expect(others).toEqual([]);
  expect(message).toContain("Pipeline lake-nightly: execution");
  expect(message).toContain("FAILED");
  expect(message).toMatch(/QualityFailed.*curated\.orders: rowCount/);
  expect(message).toContain(`aws stepfunctions redrive-execution --execution-arn ${failed.executionArn}`);

  // Not mended, it stops at the same step; the night after does not forget what landed either.
  const { executionArn } = failed;
  await runtime.call("sfn", "RedriveExecution", { executionArn });
  expect(await ended(executionArn)).toMatchObject({
    status: "FAILED",
    error: expect.stringContaining("QualityFailed"),
  });
  await deploy(100);
  await runtime.call("sfn", "RedriveExecution", { executionArn });
  const resumed = await ended(executionArn);
  expect(resumed.status).toBe("SUCCEEDED");
  expect(
    resumed.steps.filter((name) => name.startsWith("clean.") || ["Land", "Audit", "Match"].includes(name)),
  ).toEqual([]);
  expect(resumed.steps).toEqual(expect.arrayContaining(["curated.orders", "curated.scores", "Remember"]));
  expect((await counted()).clean).toBe(before.clean + 1);
  const { rows } = await runtime.query("select count(*) from n_curated.orders");
  expect(Number(rows[0]?.[0])).toBe(5);
  // Declared as Iceberg, which is here the folder of Parquet that it would be without.
  const { Table } = await runtime.call<{ Table: { Parameters: object; PartitionKeys: { Name: string }[] } }>(
    "glue",
    "GetTable",
    { DatabaseName: "n_curated", Name: "order_lines" },
  );
  expect(Table.Parameters).toMatchObject({ "declared-format": "iceberg", classification: "parquet" });
  expect(Table.PartitionKeys.map(({ Name }) => Name)).toEqual(["dt"]);
  // The pipeline that is deployed now has other rules, so it makes its tables once more; then nothing is new.
  expect(await night()).toMatchObject({ land: { changed: {}, why: expect.stringContaining("have changed") } });
  expect(await night()).toMatchObject({ land: { run: false } });
}, 120_000);

test("of two that are started at once the later one stops", async () => {
  const first = await start({ full: true }, "first");
  const second = await start({}, "second");
  expect(await ended(second)).toMatchObject({
    status: "FAILED",
    error: `AlreadyRunning: ${first} began before and still runs; this execution did nothing`,
    steps: ["LookForOthers"],
  });
  expect(await ended(first)).toMatchObject({ status: "SUCCEEDED", error: undefined, land: { full: true } });
  expect((await runsOf("clean"))[0]?.Arguments).toMatchObject({ "--full": "true" });
}, 90_000);

test("days are made anew where they are asked for; what is no day is told at once", async () => {
  expect(await night({ from: "2026-11-20", to: "2026-11-23" })).toMatchObject({
    status: "SUCCEEDED",
    error: undefined,
    land: { from: "2026-11-20", to: "2026-11-23", changed: {} },
  });
  const [latest] = await runsOf("curate");
  expect(latest?.Arguments).toMatchObject({ "--from": "2026-11-20", "--to": "2026-11-23" });
  expect(latest?.Arguments).not.toHaveProperty("--full");
  const before = await counted();
  expect(await night({ from: "yesterday", full: "yes" })).toMatchObject({
    status: "FAILED",
    error:
      'InvalidInput: from must be a day such as "2026-11-01", not "yesterday"; full must be true or false, not "yes"',
  });
  expect(await counted()).toEqual(before);
}, 90_000);

test("a run that the end of the process cuts short goes on after it", async () => {
  await land("2026-11-25", ["e", "f"]);
  const running = await start();
  await until(async () => (await runsOf("clean")).some(({ JobRunState }) => JobRunState === "RUNNING"));
  await runtime.close();
  runtime = await LocalRuntime.open({ dataDir });
  await deploy(100);
  expect(await ended(running)).toMatchObject({ status: "SUCCEEDED", error: undefined });
  expect(await night()).toMatchObject({ land: { run: false } });
}, 120_000);

test("docs/lake/pipeline.md shows what this test runs", () => {
  const page = readFileSync(path.join(__dirname, "..", "..", "..", "docs", "lake", "pipeline.md"), "utf8");
  const program = readFileSync(path.join(fixture, "index.js"), "utf8");
  expect(page).toContain(program.slice(program.indexOf("lake.runNightly("), program.indexOf("exports.lake")).trim());
});
