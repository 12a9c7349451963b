import fc from "fast-check";
import { LakeEngine, scanOf } from "../../src/services/duckdb";
import * as glue from "../../src/services/glue";
import { catalogOf, relationOf } from "../../src/services/glue/catalog";
import * as s3 from "../../src/services/s3";
import { TestLake } from "./lake-support";

jest.setTimeout(120_000);

/** A table that goes on from its own rows, by key: the same rows and bytes as a whole run, with less read. */
const seed = Number(process.env.SEED ?? 20261124);

const columns = ["id", "part", "what"].map((name) => ({ name, type: "string" }));
const newest = "select id, part, max(what) as what from raw.changes group by id, part";
/** Goes on from no row of its own: what a key has had is needed again. */
const summed = "select id, part, cast(sum(cast(what as int)) as string) as what from raw.changes group by id, part";
/** How many rows the SELECT got beside each. */
const counted = `select id, part, cast(max(n) as string) as what
  from (select id, part, count(*) over () as n from raw.changes) c group by id, part`;
type Change = readonly [id: string | null, part: string | null, what: string];

let lake: TestLake;
let files = 0;

async function table(databaseName: string, name: string, days: boolean) {
  await lake.add("aws:glue/catalogTable:CatalogTable", `${databaseName}.${name}`, {
    name,
    databaseName,
    partitionKeys: days ? [{ name: "dt", type: "string" }] : [],
    storageDescriptor: {
      location: `s3://${databaseName}/${name}/`,
      columns,
      serDeInfo: { serializationLibrary: "ParquetHiveSerDe" },
    },
  });
}
/** Begins anew with this SELECT, which groups by these columns. */
async function declare(sql: string, groupBy?: readonly string[], follow = "fold") {
  const step = {
    ...{ name: "clean.newest", sql: "s3://scripts/newest.sql", target: { database: "clean", table: "newest" } },
    ...{ mode: "overwrite", follow, key: ["id", "part"], groupBy },
  };
  const manifest = { version: 1, bookmark: "s3://scripts/bookmark.json", steps: [step] };
  await lake.putText("scripts", "newest.sql", sql);
  await lake.putText("scripts", "manifest.json", JSON.stringify(manifest));
}
async function clear() {
  for (const Key of await lake.keys("raw")) await lake.kernel.call("s3", "DeleteObject", { Bucket: "raw", Key });
}
async function put(day: string, changes: readonly Change[]) {
  const text = (value: string | null) => (value === null ? "NULL::VARCHAR" : `'${value}'`);
  const rows = changes.map((change) => `(${change.map(text).join(", ")})`).join(", ");
  const file = `${lake.kernel.folder("tmp")}/changes.parquet`;
  await LakeEngine.of(lake.kernel).with("duckdb", (session) =>
    session.run(`COPY (SELECT * FROM (VALUES ${rows}) v(id, part, what)) TO '${file}' (FORMAT parquet)`),
  );
  await s3.putLocalFile(lake.kernel, "raw", `changes/dt=${day}/${++files}.parquet`, file);
}
async function run(given: Record<string, string> = {}) {
  const start = { JobName: "nightly", Arguments: given };
  const { JobRunId } = await lake.kernel.call<{ JobRunId: string }>("glue", "StartJobRun", start);
  const { state, errorMessage } = await glue.jobRunsOf(lake.kernel).settled("nightly", JobRunId);
  expect({ state, errorMessage }).toEqual({ state: "SUCCEEDED", errorMessage: undefined });
}
async function rows() {
  const { sql } = scanOf(lake.kernel, relationOf(catalogOf(lake.kernel).requireTable("clean", "newest")));
  return await LakeEngine.of(lake.kernel).with("duckdb", async ({ connection }) =>
    (await connection.runAndReadAll(sql)).getRows(),
  );
}

beforeAll(async () => {
  lake = TestLake.open((kernel) => {
    kernel.authorizer = { check: () => {} };
    return [s3, glue].flatMap((service) => service.install(kernel));
  });
  const roleArn = lake.role("job", "glue.amazonaws.com");
  for (const bucket of ["raw", "clean", "scripts"]) await lake.add("aws:s3/bucket:Bucket", bucket, { bucket });
  for (const name of ["raw", "clean"]) await lake.add("aws:glue/catalogDatabase:CatalogDatabase", name, { name });
  await table("raw", "changes", true);
  await table("clean", "newest", false);
  await lake.add("aws:glue/job:Job", "nightly", {
    name: "nightly",
    roleArn,
    command: { scriptLocation: "s3://scripts/driver.py" },
    defaultArguments: { "--manifest": "s3://scripts/manifest.json" },
  });
});
beforeEach(clear);
afterAll(() => lake.close());

const some = fc.constantFrom(null, "a", "b", "c", "d");
const change: fc.Arbitrary<Change> = fc.tuple(some, fc.constantFrom(null, "p", "q"), fc.constantFrom("1", "2", "3"));
const night = fc.record({
  day: fc.constantFrom("2026-11-01", "2026-11-02", "2026-11-03"),
  changes: fc.array(change, { minLength: 1, maxLength: 4 }),
});

it.each([
  { follow: "fold", sql: newest, groupBy: undefined },
  { follow: "fold", sql: newest, groupBy: ["id"] },
  { follow: "fold", sql: newest, groupBy: ["part", "id"] },
  { follow: "key", sql: summed, groupBy: ["id"] },
  { follow: "key", sql: summed, groupBy: ["part", "id"] },
])(
  `comes to the files of a whole run, by $follow and $groupBy (seed ${seed}; SEED sets another)`,
  async ({ follow, sql, groupBy }) => {
    await fc.assert(
      fc.asyncProperty(fc.array(night, { minLength: 2, maxLength: 3 }), async (nights) => {
        await clear();
        await declare(sql, groupBy, follow);
        for (const { day, changes } of nights) {
          await put(day, changes);
          await run();
        }
        // Files are called by their content: other bytes would be other names.
        const folded = [await lake.keys("clean"), await rows()];
        await run({ "--full": "true" });
        expect(folded).toEqual([await lake.keys("clean"), await rows()]);
      }),
      { seed, numRuns: Number(process.env.RUNS ?? 12), endOnFailure: true },
    );
  },
);

const begin: Change[] = [
  [null, "p", "-"],
  ["a", "p", "-"],
  ["b", "p", "-"],
  ["b", null, "-"],
  ["c", "p", "-"],
];

it("gives the SELECT the rows of keys that something new came for, null too, and no others", async () => {
  const begun = async (groupBy?: readonly string[]) => {
    await clear();
    await declare(counted, groupBy);
    await put("2026-11-01", begin);
    await run({ "--full": "true" });
  };
  await begun(["id"]);
  await put("2026-11-02", [
    ["b", "p", "-"],
    ["d", "p", "-"],
  ]);
  await run();
  expect(await rows()).toEqual([
    ["a", "p", "5"],
    ["b", "p", "4"],
    ["b", null, "4"],
    ["c", "p", "5"],
    ["d", "p", "4"],
    [null, "p", "5"],
  ]);
  await put("2026-11-02", [[null, "q", "-"]]);
  await run();
  expect((await rows()).filter(([id]) => id === null || id === "b" || id === "d")).toEqual([
    // The whole day counts as new.
    ["b", "p", "7"],
    ["b", null, "7"],
    ["d", "p", "7"],
    [null, "p", "7"],
    [null, "q", "7"],
  ]);

  await begun(["id", "part"]);
  await put("2026-11-02", [["b", null, "-"]]);
  await run();
  expect((await rows()).filter(([, , what]) => what !== "5")).toEqual([["b", null, "2"]]);

  // A table that does not say so gives it all of its rows.
  await begun();
  await put("2026-11-02", [["d", "p", "-"]]);
  await run();
  expect(new Set((await rows()).map(([, , what]) => what))).toEqual(new Set(["6"]));
});

it("keeps no row of a file that went, though more came on its day in the same night", async () => {
  await declare(newest, ["id"]);
  await put("2026-11-01", [["erased", "p", "1"]]);
  await run();
  const [gone = ""] = await lake.keys("raw");
  await lake.kernel.call("s3", "DeleteObject", { Bucket: "raw", Key: gone });
  for (const id of ["a", "b"]) await put("2026-11-01", [[id, "a longer text than before", "1"]]);
  await run();
  expect((await rows()).map(([id]) => id)).toEqual(["a", "b"]);
});

it("makes by key rows of the keys on new days from all that they had, null too, and all rows where a day changed", async () => {
  const told = async () => (await rows()).map(([id, part, what]) => `${id} ${part} ${what}`);
  const begun = async (groupBy: readonly string[]) => {
    await clear();
    await declare(counted, groupBy, "key");
    await put("2026-11-02", begin);
    await run({ "--full": "true" });
  };
  await begun(["id"]);
  // A refund of an old order, as it were, and an order without its id.
  await put("2026-11-03", [
    ["b", "p", "-"],
    ["d", "p", "-"],
    [null, "q", "-"],
  ]);
  await run();
  expect(await told()).toEqual(["a p 5", "b p 6", "b null 6", "c p 5", "d p 6", "null p 6", "null q 6"]);
  // New is a day that was not there before, whenever it was.
  await put("2026-11-01", [["c", null, "-"]]);
  await put("2026-11-04", [["e", "p", "-"]]);
  await run();
  expect(await told()).toContain("c p 3");
  expect(await told()).toContain("e p 3");
  expect(await told()).toContain("b p 6");

  await begun(["id", "part"]);
  await put("2026-11-03", [["b", null, "-"]]);
  await run();
  expect(await told()).toEqual(["a p 5", "b p 5", "b null 2", "c p 5", "null p 5"]);
  // More of a day that it knows, with a new one.
  await put("2026-11-03", [["a", "p", "-"]]);
  await put("2026-11-04", [["f", "p", "-"]]);
  await run();
  expect(await told()).toEqual(["a p 8", "b p 8", "b null 8", "c p 8", "f p 8", "null p 8"]);
  // A day that went, with a new one.
  const [gone = ""] = (await lake.keys("raw")).filter((key) => key.includes("dt=2026-11-04"));
  await lake.kernel.call("s3", "DeleteObject", { Bucket: "raw", Key: gone });
  await put("2026-11-05", [["g", "p", "-"]]);
  await run();
  expect(await told()).toEqual(["a p 8", "b p 8", "b null 8", "c p 8", "g p 8", "null p 8"]);
});

it("makes nothing by key that says no columns", async () => {
  await declare(summed, undefined, "key");
  const { JobRunId } = await lake.kernel.call<{ JobRunId: string }>("glue", "StartJobRun", { JobName: "nightly" });
  const { errorMessage } = await glue.jobRunsOf(lake.kernel).settled("nightly", JobRunId);
  expect(errorMessage).toContain("must say its columns in groupBy");
});
