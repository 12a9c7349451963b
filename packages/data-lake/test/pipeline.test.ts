import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { gzipSync } from "node:zlib";
import { type ArchivedProfileRow, type CollectedRecord, matchRecordId, type PlatformContract } from "@tributary/model";
import { LocalRuntime } from "../../local/src/runtime";
import { LakeEngine } from "../../local/src/services/duckdb";
import { putLocalFile } from "../../local/src/services/s3";
import { queries } from "../src";
import { bindDatabases } from "../src/resources/scripts";

/** The nightly pipeline as deployed (jobs, manifests, SQL, roles) over rows as the archive writes them. */
const dataDir = mkdtempSync(path.join(tmpdir(), "tributary-lake-"));
const databases = { raw: "shop_raw", clean: "shop_clean", curated: "shop_curated" };
let runtime: LocalRuntime;
let lake: PlatformContract["lake"];
let workspace: string;
let curateJob: string;

interface Product {
  readonly [field: string]: unknown;
}
const order = (
  id: string,
  products: readonly Product[] | undefined,
  more: {
    event?: string;
    userId?: string | null;
    at?: string;
    received?: string;
    properties?: object;
    context?: object;
  } = {},
): CollectedRecord => {
  const event = more.event ?? "Order Completed";
  const payload = {
    type: "track",
    event,
    context: more.context ?? {},
    properties: { order_id: id, currency: "GBP", products, ...more.properties },
  };
  return record({
    message_id: `m-${id}-${event}`,
    event,
    user_id: more.userId === undefined ? "u1" : more.userId,
    timestamp: more.at ?? "2011-01-02T03:04:05.678Z",
    received_at: more.received ?? "2026-11-23T09:00:00.000Z",
    payload: JSON.stringify(payload),
  });
};
const record = (some: Partial<CollectedRecord>): CollectedRecord => ({
  source_id: "shop",
  message_id: "m",
  type: "track",
  event: null,
  user_id: null,
  anonymous_id: null,
  timestamp: "2011-01-02T03:04:05.678Z",
  original_timestamp: null,
  sent_at: null,
  received_at: "2026-11-23T09:00:00.000Z",
  payload: "{}",
  encoding: "utf8",
  reason: null,
  detail: null,
  ...some,
});

/** Puts records into the raw zone as Firehose does: Parquet, by the day of arrival. */
async function archive(name: string, records: readonly CollectedRecord[]): Promise<void> {
  const { kernel } = runtime;
  for (const [day, of] of byDay(records)) {
    const [lines, parquet] = [
      path.join(kernel.folder("tmp"), `${name}.ndjson`),
      path.join(kernel.folder("tmp"), `${name}.parquet`),
    ];
    writeFileSync(lines, of.map((each) => JSON.stringify(each)).join("\n"));
    const columns = Object.keys(record({})).map((column) => `${column}: 'VARCHAR'`);
    await LakeEngine.of(kernel).with("duckdb", async (session) => {
      await session.run(
        `COPY (SELECT * FROM read_json('${lines}', format = 'newline_delimited', columns = {${columns.join(", ")}})) TO '${parquet}' (FORMAT parquet)`,
      );
    });
    await putLocalFile(kernel, lake.buckets.raw, `events/dt=${day}/${name}.parquet`, parquet);
  }
}
/** Puts changes of profiles into the raw zone as the profile archiver does. */
async function archiveProfiles(name: string, changes: readonly Partial<ArchivedProfileRow>[]): Promise<void> {
  const { kernel } = runtime;
  const file = path.join(kernel.folder("tmp"), `${name}.json.gz`);
  const lines = changes.map((row) => `${JSON.stringify({ ...noRow, ...row })}\n`);
  writeFileSync(file, gzipSync(lines.join("")));
  await putLocalFile(kernel, lake.buckets.raw, `profiles/dt=2026-11-23/${name}.json.gz`, file);
}
const noRow: ArchivedProfileRow = {
  profile_id: "",
  kind: "profile",
  sequence: "",
  changed_at: "2026-11-23T09:00:00.000Z",
  version: null,
  identifier_type: null,
  identifier_value: null,
  first_seen: "2026-11-01T00:00:00.000Z",
  last_seen: "2026-11-02T00:00:00.000Z",
  traits: null,
  consent: null,
  lineage: null,
  redirect_to: null,
};

function byDay(records: readonly CollectedRecord[]): Map<string, CollectedRecord[]> {
  const days = new Map<string, CollectedRecord[]>();
  for (const each of records) {
    const day = each.received_at.slice(0, 10);
    days.set(day, [...(days.get(day) ?? []), each]);
  }
  return days;
}

async function nightly() {
  const { executionArn } = await runtime.call<{ executionArn: string }>("sfn", "StartExecution", {
    stateMachineArn: lake.pipelines.nightly,
    input: "{}",
  });
  for (let tries = 0; tries < 600; tries++) {
    const run = await runtime.pipelineRun(executionArn);
    if (run.status !== "RUNNING") return run;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("the pipeline did not end in 30 s");
}
const rows = async (sql: string) => (await runtime.query(bindDatabases(sql, databases))).rows;

const jan = "2011-01-02 03:04:05.678";
const received = [
  order("one", [{ sku: "A", name: "Ant", quantity: 6, price: 2.55, position: 7 }], {
    properties: { country: "France" },
  }),
  // Three products without positions, two of them equal, one known by product_id alone.
  order(
    "many",
    [
      { sku: "B", quantity: 1, price: 0.001 },
      { sku: "B", quantity: 1, price: 0.001 },
      { product_id: "C", quantity: 2, price: 10 },
    ],
    {
      context: { location: { country: "Spain" } },
      properties: { country: null },
    },
  ),
  order("many", [{ sku: "B", quantity: 1, price: 0.001 }], { event: "Order Refunded" }),
  order("gone", [{ sku: "D", quantity: -4, price: 1.25 }], {
    event: "Order Cancelled",
    userId: "u2",
    at: "2011-02-01T00:00:00.000Z",
  }),
  // As in some files: a write-off is an order of a negative quantity. It stays what it is.
  order("writeoff", [{ sku: "E", quantity: -3, price: 0 }], { userId: null }),
  order("parts", [{ sku: "F", quantity: 1.9, price: "12.3456" }], {
    userId: "u2",
    at: "2011-02-03T00:00:00.000Z",
    properties: { country: "Italy" },
  }),
  order("odd", [{ sku: "G", quantity: "many", price: "dear" }], { userId: null }),
  order("none", [], { userId: null }),
  order("missing", undefined, { userId: null }),
  record({
    message_id: "i1",
    type: "identify",
    user_id: "u1",
    payload: '{"traits":{"email":"a@b.c"},"context":{"ip":"::1"}}',
    timestamp: "never",
  }),
  record({ message_id: "", type: "rejected", payload: "{", reason: "malformed-json", detail: "ends early" }),
];

beforeAll(async () => {
  runtime = await LocalRuntime.open({ dataDir });
  const up = await runtime.up({ programDir: path.join(__dirname, "fixtures", "lake"), stack: "test" });
  lake = up.outputs.lake as PlatformContract["lake"];
  workspace = String(up.outputs.workspace);
  curateJob = String(up.outputs.curateJob);
  await archive("first", received);
  // The same again on another day, later and with other texts: copies, all of them.
  await archive(
    "again",
    received.map((each) => ({ ...each, received_at: "2026-11-24T09:00:00.000Z", payload: `${each.payload} ` })),
  );
  const identifier = (profile: string, sequence: string, value: string, changed = "2026-11-23T09:00:00.000Z") => {
    const [identifier_type, identifier_value] = value.split(":");
    return {
      profile_id: profile,
      kind: "identifier",
      sequence,
      identifier_type,
      identifier_value,
      changed_at: changed,
    } as const;
  };
  const profile = (id: string, sequence: string, traits: string) =>
    ({ profile_id: id, kind: "profile", sequence, traits, consent: "{}", lineage: "{}", version: sequence }) as const;
  const newest = [
    profile("p_1", "010", '{"plan":"gold"}'),
    identifier("p_1", "010", "user_id:u1"),
    identifier("p_1", "010", "email:moved@x.yz"),
  ];
  await archiveProfiles("first", [
    profile("p_1", "009", '{"plan":"free"}'),
    identifier("p_1", "009", "user_id:u1"),
    identifier("p_1", "009", "anonymous_id:cut"),
    profile("p_2", "008", "{}"),
    identifier("p_2", "008", "email:moved@x.yz", "2026-11-23T08:00:00.000Z"),
    profile("p_3", "001", "{}"),
    profile("p_4", "002", "{}"),
    ...newest,
  ]);
  // A batch that was delivered again; and a profile that went into another one, and one that is gone.
  await archiveProfiles("again", [
    ...newest,
    { profile_id: "p_3", kind: "redirect", sequence: "011", redirect_to: "p_1" },
    { profile_id: "p_4", kind: "deleted", sequence: "012" },
  ]);
});
afterAll(async () => {
  await runtime.close();
  rmSync(dataDir, { recursive: true, force: true });
});

describe("the nightly pipeline", () => {
  it("succeeds under the jobs' own roles, and tells the rows of each step", async () => {
    const run = await nightly();
    expect(run).toMatchObject({ status: "SUCCEEDED" });
    expect(Object.fromEntries(run.steps.map((step) => [step.name, step.rows]))).toMatchObject({
      "clean.events": 10,
      "curated.events": 10,
      "curated.order_lines": 9,
      "curated.orders": 6,
      "curated.customers": 2,
      "clean.profiles": 7,
      "curated.people": 2,
      "curated.identities": 2,
    });
  });

  it("keeps of each person the newest golden record, and of each identifier whose it is", async () => {
    expect(
      await rows(
        "select profile_id, identifiers, traits, plan, cast(first_seen as varchar) from curated.people order by 1",
      ),
    ).toEqual([
      ["p_1", 2, '{"plan":"gold"}', "gold", "2026-11-01 00:00:00"],
      ["p_2", 1, "{}", null, "2026-11-01 00:00:00"],
    ]);
    expect(
      await rows("select identifier_type, identifier_value, profile_id from curated.identities order by 1"),
    ).toEqual([
      ["email", "moved@x.yz", "p_1"],
      ["user_id", "u1", "p_1"],
    ]);
  });

  it("gives back the very bytes that came, whether or not they were an event", async () => {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, index) => index));
    const text = '{"note":"a\\u0000b \u{1f98a} \\\\ \\"","n":1e400,  "twice":1,"twice":2}\r\n';
    await archive("bytes", [
      record({ message_id: "bin", type: "rejected", payload: bytes.toString("base64"), encoding: "base64" }),
      record({ message_id: "txt", type: "rejected", payload: text }),
    ]);
    const came = await rows(
      "select payload, encoding from raw.events where message_id in ('bin', 'txt') order by message_id",
    );
    expect(came.map(([payload, encoding]) => Buffer.from(String(payload), encoding as BufferEncoding))).toEqual([
      bytes,
      Buffer.from(text),
    ]);
  });

  it("keeps each event once: the first to arrive, typed, without what was rejected", async () => {
    expect(await rows("select count(*), min(dt), max(dt), count(occurred_at) from clean.events")).toEqual([
      [10, "2026-11-23", "2026-11-23", 9],
    ]);
    const [identify] = await rows(
      "select user_id, cast(occurred_at as varchar), payload from clean.events where type = 'identify'",
    );
    expect(identify).toEqual(["u1", null, '{"traits":{"email":"a@b.c"},"context":{"ip":"::1"}}']);
  });

  it("makes a line of each product", async () => {
    const lines = await rows(
      "select invoice, line, sku, quantity, cast(unit_price as varchar), customer_id, country, cast(ordered_at as varchar) from curated.order_lines order by invoice, event, line",
    );
    expect(lines).toEqual([
      ["gone", 1, "D", -4, "1.2500", "u2", null, "2011-02-01 00:00:00"],
      ["many", 1, "B", 1, "0.0010", "u1", "Spain", jan],
      ["many", 2, "B", 1, "0.0010", "u1", "Spain", jan],
      ["many", 3, "C", 2, "10.0000", "u1", "Spain", jan],
      ["many", 1, "B", -1, "0.0010", "u1", null, jan],
      ["odd", 1, "G", null, null, null, null, jan],
      ["one", 7, "A", 6, "2.5500", "u1", "France", jan],
      ["parts", 1, "F", 1, "12.3456", "u2", "Italy", "2011-02-03 00:00:00"],
      ["writeoff", 1, "E", -3, "0.0000", null, null, jan],
    ]);
  });

  it("sums orders and customers from the lines", async () => {
    expect(
      await rows(
        "select invoice, line_count, quantity, cast(revenue as varchar) from curated.orders where invoice in ('many', 'parts') order by invoice",
      ),
    ).toEqual([
      ["many", 4, 3, "20.0010"],
      ["parts", 1, 1, "12.3456"],
    ]);
    expect(
      await rows(
        "select customer_id, country, orders, cast(revenue as varchar) from curated.customers order by customer_id",
      ),
    ).toEqual([
      ["u1", "France", 2, "35.3010"],
      ["u2", "Italy", 2, "7.3456"],
    ]);
  });

  it("lays the parts of a payload beside the envelope", async () => {
    expect(await rows("select traits, context, properties from curated.events where type = 'identify'")).toEqual([
      ['{"email":"a@b.c"}', '{"ip":"::1"}', null],
    ]);
  });

  it.each(queries.map((query) => [query.name, query] as const))(
    "answers the saved query %s",
    async (_name, { sql }) => {
      expect((await rows(sql)).length).toBeGreaterThan(0);
    },
  );

  it("gives the same tables again, and the penny-exact sums of a larger shop", async () => {
    const before = await rows("select * from curated.order_lines order by source_id, message_id, product_index");
    // A small linear congruential generator: the test is the same each time.
    let state = 42;
    const draw = (below: number) => {
      state = (state * 1103515245 + 12345) % 2147483648;
      return state % below;
    };
    let mills = 0n;
    const orders = Array.from({ length: 2000 }, (_, index) => {
      const refunded = draw(10) === 0;
      const products = Array.from({ length: 1 + (draw(4) === 0 ? draw(40) : 0) }, () => {
        const [quantity, price] = [1 + draw(50), draw(1_000_000)];
        mills += BigInt(quantity * price) * (refunded ? -1n : 1n);
        return { sku: `S${draw(100)}`, quantity, price: price / 1000 };
      });
      return order(`big-${index}`, products, {
        event: refunded ? "Order Refunded" : "Order Completed",
        userId: `c${draw(90)}`,
      });
    });
    await archive("big", orders);
    expect(await nightly()).toMatchObject({ status: "SUCCEEDED" });
    const [[sum]] = (await rows(
      "select cast(sum(quantity * unit_price) as varchar) from curated.order_lines where invoice like 'big-%'",
    )) as [[string]];
    expect(BigInt(sum.replace(".", ""))).toBe(mills * 10n);
    const [[orderSum]] = (await rows(
      "select cast(sum(revenue) as varchar) from curated.orders where invoice like 'big-%'",
    )) as [[string]];
    expect(orderSum).toBe(sum);
    expect(
      await rows(
        "select * from curated.order_lines where invoice not like 'big-%' order by source_id, message_id, product_index",
      ),
    ).toEqual(before);
  });

  it("keeps of each source's people the newest of each trait, for matching", async () => {
    const told = (of: Partial<CollectedRecord>, traits: unknown, at: string, id: string) =>
      record({
        type: "identify",
        ...of,
        message_id: id,
        timestamp: `2026-01-01T0${at}:00:00.000Z`,
        payload: JSON.stringify({ traits }),
      });
    const ann = { source_id: "crm", user_id: "ann" };
    await archive("people", [
      told(ann, { firstName: "Ann", lastName: "Old", email: " ann@x.yz ", address: { city: "Bonn" } }, "1", "p1"),
      // Later, and an empty e-mail address says nothing.
      told(ann, { lastName: "Lee", email: "", phone: "+49 30 1" }, "3", "p2"),
      told(ann, { lastName: "Between" }, "2", "p3"),
      // Of one moment the greater message id counts.
      told(ann, { birthday: "1980-01-01" }, "4", "p4"),
      told(ann, { birthday: "1980-01-02" }, "4", "p5"),
      told({ source_id: "web", user_id: "ann" }, { name: "Ann L." }, "1", "p6"),
      told({ source_id: "web", anonymous_id: "a-1" }, { first_name: "Bo" }, "1", "p7"),
      // Nothing to match by.
      told({ source_id: "web", user_id: "nobody" }, { plan: "free" }, "1", "p8"),
    ]);
    expect(await nightly()).toMatchObject({ status: "SUCCEEDED" });
    const people = await rows(
      "select record_id, source_id, identifier_type, identifier_value, full_name, last_name, email, phone, birthday, city from clean.people_to_match where source_id <> 'shop' order by 2, 3",
    );
    expect(people).toEqual([
      [
        matchRecordId("crm", "user_id", "ann"),
        "crm",
        "user_id",
        "ann",
        "Ann Lee",
        "Lee",
        "ann@x.yz",
        "+49 30 1",
        "1980-01-02",
        "Bonn",
      ],
      [matchRecordId("web", "anonymous_id", "a-1"), "web", "anonymous_id", "a-1", "Bo", null, null, null, null, null],
      [matchRecordId("web", "user_id", "ann"), "web", "user_id", "ann", "Ann L.", null, null, null, null, null],
    ]);
    expect(people.every(([id]) => /^[a-zA-Z0-9_-]{1,38}$/.test(String(id)))).toBe(true);
  });

  const visit = (id: string, minutes: unknown, user: string | null = "u1") =>
    record({
      message_id: id,
      event: "Visit",
      user_id: user,
      payload: JSON.stringify({ properties: { minutes } }),
    });
  const own = async () => ({
    visits: await runtime.query("select message_id, minutes, dt from shop_curated.visits order by 1"),
    totals: await runtime.query("select customer_id, visits from shop_curated.visit_totals order by 1"),
    rejected: await runtime.query(
      "select table_name, rule, row_json, run from shop_curated.rejected_rows order by rule, row_json",
    ),
  });
  interface Report {
    readonly tables: readonly { readonly table: string }[];
  }
  const reportOf = async (run: string): Promise<Report> => {
    const { Contents = [] } = await runtime.call<{ Contents?: { Key: string }[] }>("s3", "ListObjectsV2", {
      Bucket: workspace,
      Prefix: "quality/",
    });
    const { Key = "" } = Contents.find((each) => each.Key.endsWith(`/${run}.json`)) ?? {};
    const { Body } = await runtime.call<{ Body: Uint8Array }>("s3", "GetObject", { Bucket: workspace, Key });
    return JSON.parse(Buffer.from(Body).toString("utf8")) as Report;
  };

  const curateRuns = async () => {
    const { JobRuns } = await runtime.call<{ JobRuns: { Id: string; JobRunState: string }[] }>("glue", "GetJobRuns", {
      JobName: curateJob,
    });
    return JobRuns;
  };

  it("makes tables of one's own in order, and keeps rows that break a rule out of them, with the rule", async () => {
    await archive("visits", [visit("v1", 10), visit("v2", 600), visit("v3", null, null), visit("v4", 601, "stranger")]);
    const run = await nightly();
    expect(run).toMatchObject({ status: "SUCCEEDED" });
    const { visits, totals, rejected } = await own();
    expect(visits.rows).toEqual([
      ["v1", 10, "2026-11-23"],
      ["v2", 600, "2026-11-23"],
      ["v3", null, "2026-11-23"],
    ]);
    expect(totals.rows).toEqual([
      ["u1", 2],
      [null, 1],
    ]);
    expect(rejected.rows.map(([table, broken]) => [table, broken])).toEqual([
      ["curated.visits", "range(minutes, 0..600)"],
      ["curated.visits", "referential(customer_id in curated.customers)"],
    ]);
    expect(JSON.parse(String(rejected.rows[0]?.[2]))).toEqual({
      source_id: "shop",
      message_id: "v4",
      customer_id: "stranger",
      minutes: 601,
      dt: "2026-11-23",
    });
    // Handed on and looked at: the report says which rules were checked, broken or not.
    const told = await reportOf(String(rejected.rows[0]?.[3]));
    expect(told).toMatchObject({ version: 1, passed: true });
    expect(told.tables.find(({ table }) => table === "curated.visits")).toMatchObject({ total: 4, rejected: 2 });
    // What visits tell nothing about was not made again.
    expect(told.tables.map(({ table }) => table)).toEqual([
      "curated.order_lines",
      "curated.visits",
      "curated.visit_totals",
    ]);
  });

  it("stops before a table that more rows would break than may, with the report, and leaves it as it was", async () => {
    const before = await own();
    const ended = (await curateRuns()).length;
    await archive("broken", [visit("v5", 10_000), visit("v6", -1), visit("v7", 999), visit("v8", 700)]);
    const run = await nightly();
    expect(run.status).toBe("FAILED");
    expect(run.error).toMatch(
      /QualityFailed: curated\.visits: range\(minutes, 0\.\.600\): 5 of 8 rows break it \(62\.5%\), at most 50% may; see shop_curated\.rejected_rows where run = 'jr_/,
    );
    const after = await own();
    expect([after.visits.rows, after.totals.rows]).toEqual([before.visits.rows, before.totals.rows]);
    const [, of = ""] = /where run = '(jr_\w+)'/.exec(run.error ?? "") ?? [];
    expect(after.rejected.rows.filter(([, , , each]) => each === of)).toHaveLength(6);
    expect(await reportOf(of)).toMatchObject({ passed: false });
    // The same rows would break the same rule: it is not tried again.
    const runs = (await curateRuns()).slice(0, -ended);
    expect(runs.map((each) => [each.Id, each.JobRunState])).toEqual([[of, "FAILED"]]);
  });
});
