import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { LocalRuntime } from "../../../packages/local/src/runtime";
import { LakeEngine } from "../../../packages/local/src/services/duckdb";

/** Each kind of file source as deployed, in the local platform: dropped as its owner would, found as events and as files. */
const dataDir = mkdtempSync(join(tmpdir(), "tributary-files-"));
const warnings: string[] = [];
let runtime: LocalRuntime;
let out: Record<string, string>;

beforeAll(async () => {
  spawnSync(process.execPath, [join(__dirname, "../../../scripts/bundle-handlers.mjs")]);
  runtime = await LocalRuntime.open({ dataDir, log: { debug() {}, info() {}, warn: (text) => warnings.push(text) } });
  out = (await runtime.up({ programDir: join(__dirname, ".."), stack: "test" })).outputs as Record<string, string>;
}, 180_000);
afterAll(async () => {
  await runtime?.close();
  rmSync(dataDir, { recursive: true, force: true });
});

const land = (Key: string, Body: string | Uint8Array) =>
  runtime.call("s3", "PutObject", { Bucket: out.landingBucket, Key, Body: Buffer.from(Body) });
const drop = (file: string, content: string | Uint8Array) => {
  mkdirSync(dirname(join(dataDir, file)), { recursive: true });
  writeFileSync(join(dataDir, file), content);
};
const lines = (...rows: unknown[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join("");
const keys = async (Bucket: string | undefined, Prefix = ""): Promise<string[]> => {
  const page = await runtime.call<{ Contents?: { Key: string }[] }>("s3", "ListObjectsV2", { Bucket, Prefix });
  return (page.Contents ?? []).map(({ Key }) => Key);
};
const bytes = async (Bucket: string | undefined, Key: string): Promise<Buffer> =>
  Buffer.from((await runtime.call<{ Body: Uint8Array }>("s3", "GetObject", { Bucket, Key })).Body);
const kept = async (source: string) =>
  (await keys(out.rawBucket, `files/source=${source}/`)).map((key) => key.replace(/dt=\d{4}-\d\d-\d\d/, "dt"));

interface Stored {
  readonly messageId: string;
  readonly event?: string;
  readonly userId?: string;
  readonly [field: string]: unknown;
}
const events = async (source: string): Promise<Stored[]> => {
  const Items: { event: { S: string } }[] = [];
  let from: object | undefined;
  do {
    const page = await runtime.call<{ Items: typeof Items; LastEvaluatedKey?: object }>("dynamodb", "Scan", {
      TableName: out.eventsTableName,
      ...(from ? { ExclusiveStartKey: from } : {}),
    });
    Items.push(...page.Items);
    from = page.LastEvaluatedKey;
  } while (from);
  return Items.map(({ event }) => JSON.parse(event.S) as Stored & { sourceId: string })
    .filter(({ sourceId }) => sourceId === source)
    .sort((a, b) => (a.messageId < b.messageId ? -1 : 1));
};
const quarantined = async (source: string) => {
  const found = (await keys(out.quarantineBucket, "dt=")).filter((key) => key.includes(`source=${source}/`));
  const texts = await Promise.all(found.map(async (key) => (await bytes(out.quarantineBucket, key)).toString()));
  return texts
    .flatMap((text) => text.trim().split("\n"))
    .map((line) => JSON.parse(line) as { reason: string; detail: string; original: string });
};
const count = async (table: string) => (await runtime.query(`select count(*) from raw.${table}`)).rows[0]?.[0];

const orders =
  'order_id,customer,ordered_at,total\no1,u1,2026-01-02T03:04:05Z,9.50\n"o\n2",u2,2026-01-02T03:04:06Z,1\no3,,2026-01-02T03:04:06Z,1\no4,u4,yesterday,1\n';

test("S3 drop: rows are events, bad rows in quarantine as they stood, the file kept as it was, a repeat changes nothing", async () => {
  await land("source=shop/in/orders 1.csv.gz", gzipSync(orders));
  await runtime.quiesce();
  expect(await keys(out.landingBucket)).toEqual([]);
  expect(await kept("shop")).toEqual(["files/source=shop/dt/in/orders 1.csv.gz"]);
  const [file] = await keys(out.rawBucket, "files/source=shop/");
  expect(await bytes(out.rawBucket, file ?? "")).toEqual(gzipSync(orders));
  const loaded = await events("shop");
  expect(loaded).toMatchObject([
    { userId: "u1", event: "Order Completed", timestamp: "2026-01-02T03:04:05.000Z", properties: { total: 9.5 } },
    { userId: "u2", properties: { order_id: "o\n2", total: 1 } },
  ]);
  const bad = await quarantined("shop");
  expect(bad.map(({ original }) => original).sort()).toEqual(["o3,,2026-01-02T03:04:06Z,1", "o4,u4,yesterday,1"]);
  expect(bad.map(({ detail }) => detail).sort()).toEqual([
    "line 5: column customer is empty",
    expect.stringMatching(/^line 6: column ordered_at: "yesterday" is no time/),
  ]);
  expect(Number(await count("files_shop"))).toBe(4);
  await land("source=shop/in/orders 1.csv.gz", gzipSync(orders));
  await land("source=shop/in/copy.csv.gz", gzipSync(orders));
  await runtime.quiesce();
  expect((await events("shop")).map(({ messageId }) => messageId)).toEqual(loaded.map(({ messageId }) => messageId));
  expect(await kept("shop")).toEqual([
    "files/source=shop/dt/in/copy.csv.gz",
    "files/source=shop/dt/in/orders 1.csv.gz",
  ]);
});

test("S3 drop: what is no such file is kept beside the table, with one entry in quarantine that says what to do", async () => {
  await land("source=shop/report.pdf", "%PDF");
  await land("source=shop/other.csv", "order,customr\n1,2\n");
  await land("source=shop/upload.csv.part", "order_id");
  await land("source=nobody/a.csv", "a\n1\n");
  await runtime.quiesce();
  expect(await keys(out.landingBucket)).toEqual(["source=shop/upload.csv.part"]);
  expect(await kept("shop")).toContain("files/source=shop/unread/dt/report.pdf");
  expect(await kept("nobody")).toEqual(["files/source=nobody/unread/dt/a.csv"]);
  const told = (await quarantined("shop")).map(({ detail }) => detail);
  expect(told).toContainEqual(expect.stringMatching(/its name does not tell its format, and the source takes csv/));
  expect(told).toContainEqual(
    expect.stringMatching(/mapping names columns that the file does not have: .*customer \(did you mean customr\?\)/),
  );
  expect(await quarantined("nobody")).toMatchObject([{ detail: expect.stringMatching(/no source "nobody"; add it/) }]);
});

test("SFTP: what is put in the user's folder is uploaded with the user's role", async () => {
  drop("sftp/cdp-partner-sftp/acme/2026/members.jsonl", lines({ member: "m1", tier: "gold" }, { tier: "none" }));
  await runtime.quiesce();
  expect(readdirSync(join(dataDir, "sftp/cdp-partner-sftp/acme/2026"))).toEqual([]);
  expect(await events("partner")).toMatchObject([{ type: "identify", userId: "m1", traits: { tier: "gold" } }]);
  expect(await quarantined("partner")).toMatchObject([{ original: '{"tier":"none"}' }]);
  expect(await kept("partner")).toEqual(["files/source=partner/dt/2026/members.jsonl"]);
  expect(Number(await count("files_partner"))).toBe(2);
});

const runMachine = async (name: string): Promise<{ status: string; cause?: string }> => {
  const { stateMachines } = await runtime.call<{ stateMachines: { name: string; stateMachineArn: string }[] }>(
    "sfn",
    "ListStateMachines",
    {},
  );
  const stateMachineArn = stateMachines.find((machine) => machine.name.startsWith(name))?.stateMachineArn;
  const { executionArn } = await runtime.call<{ executionArn: string }>("sfn", "StartExecution", { stateMachineArn });
  await runtime.quiesce();
  return await runtime.call("sfn", "DescribeExecution", { executionArn });
};
const remote = "sftp-remote/cdp-supplier-sftp-pull/out/shipments";
/** Long enough ago for it to be whole. */
const remoteFile = (name: string, content: string, minutesAgo = 10) => {
  drop(`${remote}/${name}`, content);
  const at = new Date(Date.now() - minutesAgo * 60_000);
  utimesSync(join(dataDir, remote, name), at, at);
};
const shipped = (...orders: string[]) =>
  ["order_id,customer", ...orders.map((order) => `${order},u-${order}`), ""].join("\n");

test("SFTP by connector: what is new in a partner's directory is fetched, each version of a file once", async () => {
  expect(await runMachine("cdp-supplier-sftp-pull-directories")).toMatchObject({
    status: "FAILED",
    cause: expect.stringMatching(/\/out\/shipments: ListingNotThere: /),
  });
  warnings.length = 0;
  for (let day = 10; day < 33; day++) remoteFile(`${day}.csv`, shipped(String(day)));
  remoteFile("33.csv.part", shipped("33"));
  remoteFile("archive/1.csv", shipped("1"));
  remoteFile("now.csv", shipped("now"), 0);
  expect(await runMachine("cdp-supplier-sftp-pull-directories")).toMatchObject({ status: "SUCCEEDED" });
  expect((await events("supplier")).map(({ userId }) => userId).sort()).toEqual(
    Array.from({ length: 23 }, (_, index) => `u-${index + 10}`),
  );
  const first = "files/source=supplier/dt/out/shipments/10.csv";
  expect(await kept("supplier")).toHaveLength(23);
  expect(await kept("supplier")).toContain(first);

  remoteFile("10.csv", shipped("10", "10b"), 5);
  remoteFile("34.csv", shipped("34"));
  expect(await runMachine("cdp-supplier-sftp-pull-directories")).toMatchObject({ status: "SUCCEEDED" });
  // Another file by its content: its rows are events of their own.
  expect(await events("supplier")).toHaveLength(23 + 2 + 1);
  expect(await kept("supplier")).toHaveLength(25);
  // Nothing new: nothing is fetched, and no listing is left.
  expect(await runMachine("cdp-supplier-sftp-pull-directories")).toMatchObject({ status: "SUCCEEDED" });
  expect(await kept("supplier")).toHaveLength(25);
  expect(await keys(out.landingBucket, "listings/")).toEqual([]);
  expect(await keys(out.landingBucket, "source=supplier/")).toEqual([]);
}, 60_000);

test("DMS: first the rows that are there, then each change, deletes too; a table without a mapping is kept", async () => {
  const row = (op: string, id: number, status: string, at?: string) => ({
    op,
    at,
    row: { id, customer_id: 7, status },
  });
  drop("dms/cdp-erp/public.orders.jsonl", lines(row("L", 1, "open"), row("L", 2, "open")));
  drop("dms/cdp-erp/public.stores.jsonl", lines({ op: "L", row: { id: 1, city: "Oslo" } }));
  await runtime.quiesce();
  const changes = [row("U", 1, "paid", "2026-02-03T04:05:06Z"), row("D", 2, "open", "2026-02-03T04:05:07Z")];
  drop("dms/cdp-erp/public.orders.jsonl", lines(...changes));
  await runtime.quiesce();
  const stored = await events("erp");
  expect(stored.map(({ event, properties }) => [event, properties])).toEqual(
    expect.arrayContaining([
      ["Order Saved", { order_id: "1", status: "open" }],
      ["Order Saved", { order_id: "1", status: "paid" }],
      ["Order Deleted", { order_id: "2", status: "open" }],
    ]),
  );
  expect(stored).toHaveLength(4);
  expect(stored.find(({ event }) => event === "Order Deleted")).toMatchObject({
    userId: "erp-7",
    timestamp: "2026-02-03T04:05:07.000Z",
  });
  expect(await kept("erp")).toEqual([
    expect.stringMatching(/dt\/public\/orders\/\d{8}-\d{9}\.parquet$/),
    "files/source=erp/dt/public/orders/LOAD00000001.parquet",
    "files/source=erp/dt/public/stores/LOAD00000001.parquet",
  ]);
  expect(Number(await count("files_erp_public_orders"))).toBe(4);
  expect((await runtime.query('select "Op", id, city from raw.files_erp_public_stores')).rows).toEqual([
    ["I", expect.anything(), "Oslo"],
  ]);
});

test("snapshots: each one's tables are exported as RDS does, its manifest is kept, and its table is found whatever the export's name", async () => {
  const parquet = join(runtime.kernel.folder("tmp"), "members.parquet");
  await LakeEngine.of(runtime.kernel).with("duckdb", (session) =>
    session.run(
      `COPY (SELECT range AS id, 10 * range AS points FROM range(12000)) TO '${parquet}' (FORMAT parquet, COMPRESSION gzip)`,
    ),
  );
  // A table of another database of the same cluster comes first: one export takes what the source names.
  drop("rds/loyalty/2026-11-22-03-10/audit.public.log.csv", "id\n1\n");
  drop("rds/loyalty/2026-11-22-03-10/loyalty.public.members.parquet", readFileSync(parquet));
  await runtime.quiesce();
  expect(warnings.splice(0)).toEqual([
    expect.stringMatching(/^rds: audit.public.log of rds:loyalty-2026-11-22-03-10 is not exported/),
  ]);
  expect(await events("loyalty")).toHaveLength(12_000);
  expect((await events("loyalty")).find(({ userId }) => userId === "loyalty-11999")).toMatchObject({
    traits: { points: 119_990 },
  });
  const part = (name: string) => expect.stringMatching(new RegExp(`^files/source=loyalty/${name}$`));
  const exported = "tributary-[0-9a-f-]{36}";
  expect(await kept("loyalty")).toEqual([
    part("dt/loyalty/public.members/1/part-00000-[0-9a-f-]{36}.gz.parquet"),
    part(`unread/dt/${exported}/export_info_${exported}.json`),
    part(`unread/dt/${exported}/export_tables_info_${exported}_from_1_to_1.json`),
  ]);
  expect(Number(await count("files_loyalty_loyalty_public_members"))).toBe(12_000);

  // The next night's, as CSV.
  drop("rds/loyalty/2026-11-23-03-10/loyalty.public.members.csv", "id,points\n20001,7\n");
  await runtime.quiesce();
  expect((await events("loyalty")).find(({ userId }) => userId === "loyalty-20001")).toMatchObject({
    traits: { points: 7 },
  });
  expect(Number(await count("files_loyalty_loyalty_public_members"))).toBe(12_001);
  expect(await quarantined("loyalty")).toEqual([]);
  expect(readdirSync(join(dataDir, "rds"), { recursive: true, withFileTypes: true }).filter((e) => e.isFile())).toEqual(
    [],
  );
});

test("Data Exchange: each revision is exported in the service's own name", async () => {
  drop(
    "data-exchange/aae4c2cd145a48454f9369d4a4db5c66/revision-1/daily/oslo.csv",
    "station,day,celsius\n17,2026-01-01,-4.5\n",
  );
  await runtime.quiesce();
  expect(warnings).toEqual([]);
  expect(await events("weather")).toMatchObject([{ anonymousId: "station-17", properties: { celsius: -4.5 } }]);
  expect(await kept("weather")).toEqual([expect.stringMatching(/source=weather\/dt\/20\S+Z\/daily\/oslo\.csv$/)]);
});

test.each(["s3-drop", "sftp", "database", "database-snapshots", "data-exchange"])(
  "docs/sources/%s.md shows what this program does",
  (name) => {
    const flat = (text: string) => text.replace(/\s+/g, " ");
    const page = readFileSync(join(__dirname, "../../../docs/sources", `${name}.md`), "utf8");
    const examples = [...page.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code = ""]) => flat(code).trim());
    const program = flat(readFileSync(join(__dirname, "../index.ts"), "utf8"));
    expect(examples.length).toBeGreaterThan(0);
    for (const example of examples) expect(program).toContain(example);
  },
);
