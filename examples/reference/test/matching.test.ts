import { readFileSync } from "node:fs";
import { join } from "node:path";
import { platformOf, runPipeline } from "@tributary/cli";
import { LocalRuntime } from "@tributary/local";
import { matchRecordId, type PlatformContract } from "@tributary/model";
import { dataFolder, eventually } from "./support/command";

/**
 * Matching by Entity Resolution on the local platform, deployed by the program of docs/identity/entity-resolution.md:
 * events in, the clean zone's table, a matching job, links in the graph.
 */

const data = dataFolder();
let runtime: LocalRuntime;
let platform: PlatformContract;
let pipelines: Readonly<Record<string, string>>;

beforeAll(async () => {
  runtime = await LocalRuntime.open({ dataDir: data.path });
  await runtime.up({ programDir: join(__dirname, "fixtures", "matching") });
  platform = await platformOf(runtime);
  pipelines = platform.identities.pipelines ?? {};
}, 90_000);

afterAll(async () => {
  await runtime?.close();
  data.remove();
});

async function identify(source: string, items: readonly object[]): Promise<void> {
  const batch = items.map((item) => ({ type: "identify", ...item }));
  const response = await fetch(`${platform.ingestion.collectorUrl}/v1/batch`, {
    method: "POST",
    headers: { authorization: `Basic ${Buffer.from(`${platform.ingestion.writeKeys[source]}:`).toString("base64")}` },
    body: JSON.stringify({ batch }),
  });
  expect(response.status).toBe(200);
  await runtime.quiesce();
}

interface Ended {
  readonly status: string;
  readonly output?: Record<string, { output?: Record<string, unknown> }>;
  readonly error?: string;
}
const start = async (stateMachineArn: string | undefined, name?: string, input: object = {}) =>
  (
    await runtime.call<{ executionArn: string }>("sfn", "StartExecution", {
      stateMachineArn,
      input: JSON.stringify(input),
      ...(name === undefined ? {} : { name }),
    })
  ).executionArn;
async function ended(executionArn: string): Promise<Ended> {
  for (let tries = 0; tries < 1200; tries++) {
    const told = await runtime.call<Ended & { output?: string }>("sfn", "DescribeExecution", { executionArn });
    if (told.status !== "RUNNING") {
      return { ...told, output: told.output === undefined ? {} : JSON.parse(String(told.output)) };
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${executionArn} has not ended in 60 s`);
}
/** Names of the steps of a night. */
async function nightly(): Promise<string[]> {
  const run = await runPipeline(runtime, platform, "nightly");
  expect(run).toMatchObject({ status: "SUCCEEDED" });
  return run.steps.map(({ name }) => name);
}

const match = async (name?: string, input?: object) => ended(await start(pipelines.match, name, input));

/** The profile of each identifier, as the profile store has it. */
async function profiles(): Promise<Record<string, string>> {
  await runtime.quiesce();
  const { Items = [] } = await runtime.call<{ Items?: Record<string, { S?: string; L?: { M: Item }[] }>[] }>(
    "dynamodb",
    "Scan",
    { TableName: platform.identities.profilesTableName },
  );
  const found: Record<string, string> = {};
  for (const { profileId, identifiers } of Items) {
    for (const { M } of identifiers?.L ?? []) found[`${M.type?.S}:${M.value?.S}`] = profileId?.S ?? "";
  }
  return found;
}
type Item = Record<string, { S?: string }>;

async function explain(a: string, b: string): Promise<unknown> {
  const { Payload } = await runtime.call<{ Payload: Uint8Array }>("lambda", "Invoke", {
    FunctionName: platform.identities.stewardFunctionName,
    Payload: Buffer.from(JSON.stringify({ action: "explain", a, b })),
  });
  return (JSON.parse(Buffer.from(Payload).toString("utf8")) as { explanation: unknown }).explanation;
}

/** Jobs that Entity Resolution has run: each bills its records. */
async function jobs(): Promise<number> {
  const workflowName = "matching-dev-cdp-match-advanced";
  return (await runtime.call<{ jobs: unknown[] }>("entityresolution", "ListMatchingJobs", { workflowName })).jobs
    .length;
}

const margaret = { name: "Margaret Hamilton", birthday: "1936-08-17", address: { postalCode: "02139" } };
const visitor = { name: "Margret Hamilton", address: { postalCode: "02139" } };

test("nothing to match is no job's fault, and withdraws nothing", async () => {
  await nightly();
  expect(await match()).toMatchObject({ status: "SUCCEEDED" });
}, 120_000);

test("two records that a fuzzy rule links become one profile in a night, explained by the rule's name", async () => {
  await identify("crm", [
    { userId: "c-1", traits: margaret },
    { userId: "c-2", traits: { name: "Grace Hopper", birthday: "1906-12-09", address: { postalCode: "22201" } } },
  ]);
  await identify("web", [
    { anonymousId: "w-1", traits: visitor },
    { anonymousId: "w-2", traits: { name: "Alan Turing", address: { postalCode: "02139" } } },
  ]);
  const before = await profiles();
  expect(new Set(Object.values(before)).size).toBe(4);

  const count = await jobs();
  // The lake's pipeline runs matching at its place.
  const places = ["clean.people_to_match", "Match", "curated.people"];
  expect((await nightly()).filter((name) => places.includes(name))).toEqual(places);
  expect(await jobs()).toBe(count + 1);
  const after = await profiles();
  expect(after["anonymous_id:w-1"]).toBe(after["user_id:c-1"]);
  expect(new Set(Object.values(after)).size).toBe(3);
  // Ids are ours: the profile that was there stays, and no match id of the job's is anybody's.
  expect([before["user_id:c-1"], before["anonymous_id:w-1"]]).toContain(after["user_id:c-1"]);
  expect(await explain("user_id:c-1", "anonymous_id:w-1")).toMatchObject({
    samePerson: true,
    path: [{ kind: "match", rule: "aws-er:similar name and same postcode", sourceId: "aws-er/cdp-match" }],
  });
}, 120_000);

test("a second run, by itself, finds the same and changes nothing", async () => {
  const before = await profiles();
  const run = await match();
  expect(run.output?.groups?.output).toMatchObject({ records: 4, groups: 1, edges: 1, notProcessed: 0 });
  expect(await runPipeline(runtime, platform, "match")).toMatchObject({ status: "SUCCEEDED" });
  expect(await profiles()).toEqual(before);
}, 120_000);

test("a start that is delivered twice is one run", async () => {
  const count = await jobs();
  const scheduled = { run: "2026-11-24T05:00:00Z" };
  expect(await match("first", scheduled)).toMatchObject({ status: "SUCCEEDED" });
  expect(await match("second", scheduled)).toMatchObject({ status: "SUCCEEDED" });
  expect(await jobs()).toBe(count + 1);
}, 120_000);

test("of two executions at once the second waits; one that was stopped under the lock does not hold it", async () => {
  const count = await jobs();
  const both = [await start(pipelines.match, "left"), await start(pipelines.match, "right")];
  expect(await Promise.all(both.map(ended))).toEqual([
    expect.objectContaining({ status: "SUCCEEDED" }),
    expect.objectContaining({ status: "SUCCEEDED" }),
  ]);
  expect(await jobs()).toBe(count + 2);
  const waited = (await runtime.call<{ events: unknown[] }>("sfn", "GetExecutionHistory", { executionArn: both[1] }))
    .events;
  expect(JSON.stringify(waited)).toContain("WaitForLock");

  const stopped = await start(pipelines.match, "stopped");
  await eventually(async () => {
    const history = await runtime.call<{ events: unknown[] }>("sfn", "GetExecutionHistory", { executionArn: stopped });
    return JSON.stringify(history.events).includes('"name":"Wait"') ? true : undefined;
  });
  await runtime.call("sfn", "StopExecution", { executionArn: stopped });
  const next = await start(pipelines.match, "next");
  expect(await ended(next)).toMatchObject({ status: "SUCCEEDED" });
  const history = await runtime.call<{ events: unknown[] }>("sfn", "GetExecutionHistory", { executionArn: next });
  expect(JSON.stringify(history.events)).toContain("TakeOver");
}, 120_000);

test("a group that is no more is withdrawn", async () => {
  await identify("web", [{ anonymousId: "w-1", traits: { ...visitor, name: "Somebody Else" } }]);
  await nightly();
  const after = await profiles();
  expect(after["anonymous_id:w-1"]).not.toBe(after["user_id:c-1"]);
}, 120_000);

test("a job that fails gives the lock back, and says why", async () => {
  const keep = await tableLocation();
  await runtime.call("s3", "PutObject", {
    Bucket: keep.bucket,
    Key: `${keep.prefix}broken.parquet`,
    Body: "no parquet",
  });
  const failed = await match();
  expect(failed).toMatchObject({
    status: "FAILED",
    error: expect.stringMatching(/MatchingJobFailed|EntityResolution/),
  });
  await runtime.call("s3", "DeleteObject", { Bucket: keep.bucket, Key: `${keep.prefix}broken.parquet` });
  expect(await match()).toMatchObject({ status: "SUCCEEDED" });
}, 120_000);

/** Who is in the audience that is a segment by SQL, and who is in the lake's, by what they are now. */
async function wellKnown(): Promise<{ audience: string[]; lake: string[] }> {
  await runtime.quiesce();
  const { Items = [] } = await runtime.call<{ Items?: Record<string, { S?: string; BOOL?: boolean }>[] }>(
    "dynamodb",
    "Scan",
    { TableName: platform.activation.membershipsTableName },
  );
  const { rows } = await runtime.query("SELECT profile_id FROM curated.segments WHERE segment = 'wellKnown'");
  return {
    audience: Items.flatMap(({ member, profileId }) => (member?.BOOL ? [profileId?.S ?? ""] : [])).sort(),
    lake: rows.map((row) => String(Object.values(row)[0])).sort(),
  };
}

test("a segment by SQL is an audience from the night on that finds it, and goes along when people become one", async () => {
  await identify("web", [{ userId: "s-1", anonymousId: "b-1" }, { userId: "s-2" }]);
  expect(await nightly()).toContain("Import segments of cdp");
  const found = await wellKnown();
  const { "user_id:s-1": first = "", "user_id:s-2": second } = await profiles();
  expect(found.audience).toContain(first);
  expect(found.audience).not.toContain(second);
  expect(found.audience).toEqual(found.lake);

  const steward = (action: string, a: string, b: string) =>
    runtime.call("lambda", "Invoke", {
      FunctionName: platform.identities.stewardFunctionName,
      Payload: Buffer.from(JSON.stringify({ action, a, b, by: "sam@example.org" })),
    });
  await steward("link", "user_id:s-1", "user_id:s-2");
  const both = (await profiles())["user_id:s-2"];
  expect((await wellKnown()).audience).toContain(both);
  await steward("unlink", "user_id:s-1", "user_id:s-2");
  await steward("unlink", "user_id:s-1", "anonymous_id:b-1");
  await nightly();
  const after = await wellKnown();
  expect(after.audience).toEqual(after.lake);
  const { "user_id:s-1": one, "user_id:s-2": other } = await profiles();
  expect(after.audience.filter((id) => id === one || id === other)).toEqual([]);
}, 120_000);

test("records are forgotten on request; those that are not there are forgotten already", async () => {
  const uniqueIds = [matchRecordId("crm", "user_id", "c-1"), matchRecordId("crm", "user_id", "nobody")];
  const run = await ended(await start(pipelines["forget-matches"], undefined, { uniqueIds }));
  expect(run).toMatchObject({ status: "SUCCEEDED" });
  expect(run.output?.result).toMatchObject({ failed: [] });
}, 60_000);

async function tableLocation(): Promise<{ bucket: string; prefix: string }> {
  const { Table } = await runtime.call<{ Table: { StorageDescriptor: { Location: string } } }>("glue", "GetTable", {
    DatabaseName: "clean",
    Name: "people_to_match",
  });
  const { hostname, pathname } = new URL(Table.StorageDescriptor.Location);
  return { bucket: hostname, prefix: pathname.slice(1) };
}

test("the pages show this program", () => {
  const page = readFileSync(join(__dirname, "../../../docs/identity/entity-resolution.md"), "utf8");
  const program = readFileSync(join(__dirname, "fixtures", "matching", "index.ts"), "utf8");
  expect(page).toContain(program.slice(program.indexOf("const segments"), program.indexOf("\n\nexport const")));
  const [, section = ""] = readFileSync(join(__dirname, "../../../docs/activation/traits.md"), "utf8").split(
    "## Segments by SQL",
  );
  const blocks = [...section.matchAll(/```ts\n([\s\S]*?)\n```/g)].map(([, block = ""]) => block);
  expect(blocks).toHaveLength(2);
  for (const block of blocks) expect(program).toContain(block);
});
