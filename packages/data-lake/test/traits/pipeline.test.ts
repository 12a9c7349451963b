import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { gzipSync } from "node:zlib";
import type { CollectedRecord, PlatformContract } from "@tributary/model";
import { LocalRuntime } from "../../../local/src/runtime";
import { LakeEngine } from "../../../local/src/services/duckdb";
import { putLocalFile } from "../../../local/src/services/s3";
import { count, dataLakeFaults, event, segment, sql, trait } from "../../src";

/** The job `traits` as deployed, over events as the archive has them: the program of docs/lake/traits.md. */
const dataDir = mkdtempSync(path.join(tmpdir(), "tributary-traits-"));
const fixture = path.join(__dirname, "..", "fixtures", "traits");
let runtime: LocalRuntime;
let lake: PlatformContract["lake"];

beforeAll(async () => {
  runtime = await LocalRuntime.open({ dataDir });
  const up = await runtime.up({ programDir: fixture, stack: "test" });
  lake = up.outputs.lake as PlatformContract["lake"];
  const ordered = (id: string, userId: string, day: string, revenue: unknown) =>
    record(id, userId, `${day}T12:00:00.000Z`, { event: "Order Completed", properties: { revenue, currency: "GBP" } });
  const viewed = (id: string, category: string) =>
    record(id, "u1", "2026-11-02T00:00:00.000Z", { event: "Product Viewed", properties: { category } });
  await land([
    ordered("o1", "u1", "2026-09-01", 80.1),
    ordered("o2", "u1", "2026-11-01", "20.2"),
    ordered("o3", "u2", "2026-10-15", 500),
    viewed("v1", "shoes"),
    viewed("v2", "hats"),
    viewed("v3", "shoes"),
    ordered("o4", "nobody", "2026-11-01", 1),
  ]);
  const person = (id: string, consent: object) => ({
    ...profile,
    profile_id: id,
    traits: "{}",
    consent: JSON.stringify(consent),
  });
  const known = (profile_id: string, identifier_type: string, identifier_value: string) => ({
    ...profile,
    profile_id,
    kind: "identifier",
    identifier_type,
    identifier_value,
  });
  const rows = [
    person("p1", { marketing: { granted: true, at: "2026-01-01T00:00:00.000Z" } }),
    known("p1", "user_id", "u1"),
    known("p1", "email", "u1@x.org"),
    person("p2", {}),
    known("p2", "user_id", "u2"),
  ];
  const file = path.join(runtime.kernel.folder("tmp"), "profiles.json.gz");
  writeFileSync(file, gzipSync(rows.map((row) => `${JSON.stringify(row)}\n`).join("")));
  await putLocalFile(runtime.kernel, lake.buckets.raw, "profiles/dt=2026-11-03/profiles.json.gz", file);
}, 120_000);
afterAll(async () => {
  await runtime.close();
  rmSync(dataDir, { recursive: true, force: true });
});

const profile = {
  kind: "profile", sequence: "1", changed_at: "2026-11-03T00:00:00.000Z", version: "1", identifier_type: null, identifier_value: null,
  first_seen: "2026-09-01T00:00:00.000Z", last_seen: "2026-11-02T00:00:00.000Z", traits: null, consent: null, lineage: null, redirect_to: null,
}; // biome-ignore format: a row

const record = (
  id: string,
  userId: string,
  at: string,
  payload: { event: string; properties: object },
): CollectedRecord => ({
  source_id: "shop",
  message_id: id,
  type: "track",
  event: payload.event,
  user_id: userId,
  anonymous_id: null,
  timestamp: at,
  original_timestamp: at,
  sent_at: null,
  received_at: "2026-11-03T00:00:00.000Z",
  payload: JSON.stringify(payload),
  encoding: "utf8",
  reason: null,
  detail: null,
});

async function land(records: readonly CollectedRecord[]): Promise<void> {
  const [lines, parquet] = ["ndjson", "parquet"].map((type) => path.join(runtime.kernel.folder("tmp"), `e.${type}`));
  writeFileSync(String(lines), records.map((row) => JSON.stringify(row)).join("\n"));
  const columns = Object.keys(records[0] ?? {}).map((column) => `${column}: 'VARCHAR'`);
  await LakeEngine.of(runtime.kernel).with("duckdb", async (session) => {
    const read = `read_json('${lines}', format = 'newline_delimited', columns = {${columns.join(", ")}})`;
    await session.run(`COPY (SELECT * FROM ${read}) TO '${parquet}' (FORMAT parquet)`);
  });
  await putLocalFile(runtime.kernel, lake.buckets.raw, "events/dt=2026-11-03/e.parquet", String(parquet));
}

async function night(asOf: string): Promise<void> {
  const { executionArn } = await runtime.call<{ executionArn: string }>("sfn", "StartExecution", {
    stateMachineArn: lake.pipelines.nightly,
    input: JSON.stringify({ asOf }),
  });
  for (let tries = 0; tries < 1200; tries++) {
    const run = await runtime.pipelineRun(executionArn);
    if (run.status === "SUCCEEDED") return;
    if (run.status !== "RUNNING") throw new Error(`${run.status}: ${JSON.stringify(run)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("the pipeline did not end in 60 s");
}
const rows = async (text: string) => (await runtime.query(text)).rows.map((row) => Object.values(row).join(" "));
const members = () => rows("SELECT segment, profile_id FROM curated.segments ORDER BY 1, 2");
const changes = () =>
  rows(
    "SELECT segment, profile_id, change, date_format(changed_at, '%Y-%m-%d') FROM curated.segment_changes ORDER BY 4, 1, 2",
  );

test("computes traits and segments at the run's instant, and logs who entered and exited", async () => {
  await night("2026-11-04T00:00:00Z");
  const traits = await rows(
    "SELECT profile_id, trait, value FROM curated.traits WHERE trait NOT LIKE 'event:%' ORDER BY 1, 2",
  );
  expect(traits).toEqual([
    'p1 favourite "shoes"',
    'p1 last_order_at "2026-11-01T12:00:00.000Z"',
    "p1 orders_30d 1",
    "p1 revenue 100.3",
    'p2 last_order_at "2026-10-15T12:00:00.000Z"',
    "p2 orders_30d 1",
    "p2 revenue 500",
  ]);
  expect(await members()).toEqual(["counted p1", "mailable p1", "regulars p1"]);
  // Nothing lands, but windows pass.
  await night("2026-11-20T00:00:00Z");
  expect(await members()).toEqual(["counted p1", "lapsed p2", "mailable p1", "regulars p1"]);
  await night("2026-11-30T12:00:00.001Z");
  const log = [
    "counted p1 entered 2026-11-04",
    "mailable p1 entered 2026-11-04",
    "regulars p1 entered 2026-11-04",
    "lapsed p2 entered 2026-11-20",
    "regulars p1 exited 2026-11-30",
  ];
  expect(await changes()).toEqual(log);
  await night("2026-11-30T12:00:00.001Z");
  expect(await changes()).toEqual(log);
}, 120_000);

test("tells every fault of traits and segments, with path and remedy", () => {
  const faults = dataLakeFaults({
    foundation: undefined as never,
    traits: { Orders: count(event("x")), ok: { fold: "sum", of: { type: "track" }, field: "revenue" } as never },
    segments: {
      "no way": segment(event("x").none()),
      odd: segment(trait("a['b").exists()),
      asked: segment(sql("select profile_id from curated.peeple where tags[0] = 'x'")),
      round: segment(sql("select profile_id from curated.segments")),
      wrong: {} as never,
    },
  });
  const found = faults.map(({ path, reason }) => `${path}: ${reason}`).filter((text) => !text.startsWith("foundation"));
  expect(found).toEqual([
    'traits.ok.field: must be "properties.<name>", "context.<name>" (dots lead into objects), "sourceId" or "time"; names are letters, digits, blanks, _, $ and -, and begin with a letter, _ or $',
    "traits.Orders: must be named by lower-case letters, digits and underscores, beginning with a letter, such as orders_30d",
    "segments.no way: must be named by letters, digits and dashes, beginning with a letter",
    'segments.odd.predicate: "a[\'b" cannot be asked for in SQL: a name must be without dots at its ends, quotes, brackets, * and backslashes',
    "segments.asked.sql: line:1:49 subscript: `[`: Spark counts from 0, DuckDB from 1: use element_at(list, n), get_json_object(text, path)",
    "segments.asked.sql: reads curated.peeple, which there is not; did you mean curated.people?",
    "segments.round.sql: reads curated.segments, which is made from it",
    "segments.wrong: {} must be made by segment(…)",
  ]);
});

test("docs/lake/traits.md shows the program that ran", () => {
  const page = readFileSync(path.join(__dirname, "..", "..", "..", "..", "docs", "lake", "traits.md"), "utf8");
  const program = readFileSync(path.join(fixture, "index.js"), "utf8");
  const shown = program.slice(program.indexOf("const ordered ="), program.indexOf("exports.lake")).trim();
  expect(page).toContain(`\`\`\`ts\n${shown}\n\`\`\``);
});
