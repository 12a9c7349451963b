import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { Analytics } from "@segment/analytics-node";
import { dataFolder, eventually, json, profilesToken, type Running, run, serve } from "./support/command";

/**
 * The reference platform as a user has it: `tributary dev` in a process of its own, spoken to over HTTP and through the
 * command. Proves the parts together; what each part does in detail is proven in its own package.
 */

interface ProfileDocument {
  readonly profileId: string;
  readonly identifiers: { readonly type: string; readonly value: string }[];
  readonly traits: Record<string, unknown>;
}

const mapping = join(__dirname, "..", "mappings", "online-retail.json");
const data = dataFolder();
let dev: Running;

beforeAll(async () => {
  dev = await serve(["dev", "--data", data.path]);
}, 120_000);

afterAll(async () => {
  const code = await dev?.stop();
  data.remove();
  expect(code).toBe(0);
});

const profile = async (identifier: string): Promise<ProfileDocument | undefined> => {
  const { code, stdout } = await run(["profile", identifier, "--data", data.path, "--json"]);
  return code === 0 ? (JSON.parse(stdout) as ProfileDocument) : undefined;
};

async function post(path: string, body: string | Buffer, headers: Record<string, string> = {}): Promise<Response> {
  return await fetch(`${dev.ready.endpoints.collector}${path}`, {
    method: "POST",
    headers: { authorization: `Basic ${Buffer.from(`${dev.ready.writeKeys.web}:`).toString("base64")}`, ...headers },
    body: typeof body === "string" ? body : new Uint8Array(body),
  });
}

interface Quarantine {
  readonly total: number;
  readonly records: {
    readonly id: string;
    readonly reason: string;
    readonly detail: string;
    readonly original: string;
  }[];
}
const quarantine = (reason: string) =>
  json<Quarantine>(["quarantine", "list", "--reason", reason, "--data", data.path]);

describe("the reference platform", () => {
  test("a client that others wrote: identify, track and page make a person at once", async () => {
    const analytics = new Analytics({
      writeKey: dev.ready.writeKeys.web ?? "",
      host: dev.ready.endpoints.collector,
      flushAt: 3,
    });
    analytics.identify({ userId: "ann-1", traits: { email: "Ann@Example.com", firstName: "Ann" } });
    analytics.page({ userId: "ann-1", anonymousId: "browser-1", name: "Home" });
    analytics.track({ userId: "ann-1", event: "Product Viewed", properties: { sku: "SKU-1" } });
    await analytics.closeAndFlush();
    // In process through the API, so that starting a command does not count.
    const token = await profilesToken(dev.ready, data.path);
    const found = await eventually(async () => {
      const response = await fetch(`${dev.ready.endpoints.profiles}/v1/profiles/email:ann@example.com`, {
        headers: { authorization: `Bearer ${token}` },
      });
      return response.status === 200 ? ((await response.json()) as ProfileDocument) : undefined;
    });
    expect(found.traits).toMatchObject({ firstName: "Ann" });
    expect(found.identifiers.map(({ type, value }) => `${type}:${value}`).sort()).toEqual(
      expect.arrayContaining(["anonymous_id:browser-1", "email:ann@example.com", "user_id:ann-1"]),
    );
    const why = await json<Record<string, unknown>>([
      "explain",
      "user_id:ann-1",
      "anonymous_id:browser-1",
      "--data",
      data.path,
    ]);
    expect(JSON.stringify(why)).toContain("ann-1");
  });

  test("the profile API refuses who has no token", async () => {
    const response = await fetch(`${dev.ready.endpoints.profiles}/v1/profiles/user_id:ann-1`);
    expect(response.status).toBe(401);
  });

  test("orders from a file come out of SQL to the penny", async () => {
    const folder = join(data.path, "files");
    mkdirSync(folder, { recursive: true });
    const lines = ["InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"];
    let pence = 0;
    for (let index = 0; index < 400; index++) {
      const invoice = `${index % 9 === 0 ? "C" : ""}${540000 + Math.floor(index / 4)}`;
      const quantity = (invoice.startsWith("C") ? -1 : 1) * ((index % 7) + 1);
      const price = (index * 37) % 2000;
      pence += quantity * price;
      const customer = index % 4 === 3 ? "" : `${12000 + (index % 25)}.0`;
      const country = index % 5 === 0 ? "France" : "United Kingdom";
      const when = `2011-01-${String((index % 28) + 1).padStart(2, "0")} 08:26:00`;
      lines.push(
        `${invoice},85${index},"LAMP, ""RED""",${quantity},${when},${(price / 100).toFixed(2)},${customer},${country}`,
      );
    }
    lines.push("540999,85000,BROKEN,many,2011-01-05 10:00:00,1.00,12000.0,France");
    lines.push("541000,85000,SHORT");
    const file = join(folder, "orders.csv.gz");
    writeFileSync(file, gzipSync(`${lines.join("\n")}\n`));
    const load = () =>
      json<{ read: number; accepted: number; quarantined: number; seconds: number }>([
        ...["load", file, "--source", "shop", "--mapping", mapping, "--data", data.path],
      ]);
    expect(await load()).toMatchObject({ read: 402, accepted: 400, quarantined: 2 });
    expect(await load()).toMatchObject({ read: 402, accepted: 400, quarantined: 2 }); // The same file again doubles nothing.

    const pipeline = await json<{ status: string; steps: { name: string; rows: number | null }[] }>([
      ...["pipeline", "run", "nightly", "--data", data.path],
    ]);
    expect(pipeline.status).toBe("SUCCEEDED");
    expect(pipeline.steps.length).toBeGreaterThanOrEqual(2);
    // Nothing landed since: no table is made again, but for what time alone changes.
    const again = await json<typeof pipeline>(["pipeline", "run", "nightly", "--data", data.path]);
    const made = again.steps.filter(({ rows }) => rows !== null).map(({ name }) => name);
    expect(made.filter((name) => !/^curated\.(trait|segment)/.test(name))).toEqual([]);
    expect(made).toContain("curated.traits");
    const { runs } = await json<{ runs: { status: string }[] }>(["pipeline", "status", "nightly", "--data", data.path]);
    expect(runs.map(({ status }) => status)).toEqual(["SUCCEEDED", "SUCCEEDED"]);
    const resume = await run(["pipeline", "resume", "nightly", "--data", data.path]);
    expect([resume.code, resume.stderr]).toEqual([1, expect.stringContaining("its last run succeeded")]);
    const sql =
      "select count(*) as lines, sum(quantity * unit_price) as revenue, count(distinct invoice) as orders, count(distinct customer_id) as customers from curated.order_lines";
    const [row] = await json<Record<string, number>[]>(["sql", sql, "--data", data.path]);
    const invoices = new Set(lines.slice(1, 401).map((line) => line.split(",")[0]));
    const customers = new Set(lines.slice(1, 401).flatMap((line) => /,(\d+)\.0,/.exec(line)?.[1] ?? []));
    expect({ lines: Number(row?.lines), orders: Number(row?.orders), customers: Number(row?.customers) }).toEqual({
      lines: 400,
      orders: invoices.size,
      customers: customers.size,
    });
    expect(Number(row?.revenue)).toBeCloseTo(pence / 100, 6);
    const unmappable = await quarantine("unmappable");
    expect(unmappable.records.map(({ original }) => original).sort()).toEqual([...lines.slice(401)].sort());
  }, 60_000);

  test("malformed JSON is refused with a reason, and its bytes are kept", async () => {
    const response = await post("/v1/track", '{"type":"track", oops');
    expect(response.status).toBe(400);
    expect(JSON.stringify(await response.json())).toMatch(/JSON/);
    const { records } = await quarantine("malformed-json");
    expect(records.map(({ original }) => original)).toContain('{"type":"track", oops');
  });

  test("a 40 MB body is refused and the collector goes on", async () => {
    const outcome = await post("/v1/batch", Buffer.alloc(40 * 2 ** 20, 32)).then(
      (response) => response.status,
      () => "closed", // The gateway may close the connection while the rest is still being sent.
    );
    expect([413, "closed"]).toContain(outcome);
    expect((await post("/v1/track", '{"userId":"after-40mb","event":"Still Here"}')).status).toBe(200);
  });

  test("an unknown write key is accepted and quarantined, and replayed once somebody owns it", async () => {
    const body = JSON.stringify({ userId: "stray-1", traits: { email: "stray@example.com" } });
    const stray = { authorization: `Basic ${Buffer.from("nobody-knows-me:").toString("base64")}` };
    expect((await post("/v1/identify", body, stray)).status).toBe(200);
    expect(await profile("user_id:stray-1")).toBeUndefined();
    expect((await quarantine("unknown-write-key")).total).toBe(1);
    const [listed] = (await quarantine("unknown-write-key")).records;
    const shown = await json<Record<string, unknown>>(["quarantine", "show", `${listed?.id}`, "--data", data.path]);
    expect(shown).toMatchObject({ reason: "unknown-write-key", stage: "collector", sourceId: "unknown" });
    expect(JSON.parse(String(shown.original))).toMatchObject({ userId: "stray-1" });
    expect((await run(["quarantine", "show", "nobody", "--data", data.path])).stderr).toMatch(/No quarantined record/);
    const dry = await run([
      ...["quarantine", "replay", "--reason", "unknown-write-key", "--as", "web", "--dry-run", "--data", data.path],
    ]);
    expect(dry.stdout).toMatch(
      /unknown-write-key, web: new\n {2}\+ identify \S+ at \S+\n {6}user_id:stray-1, email:stray@/,
    );
    expect(dry.stdout).toMatch(
      /→ a new profile\n {6}\+ email: "stray@example\.com"\n\nNothing was changed\. Of 1 records: 1 new/,
    );
    expect((await quarantine("unknown-write-key")).total).toBe(1);
    const replay = await json<{ replayed: number; kept: number }>([
      ...["quarantine", "replay", "--reason", "unknown-write-key", "--as", "web", "--data", data.path],
    ]);
    expect(replay).toMatchObject({ replayed: 1, kept: 0 });
    expect((await quarantine("unknown-write-key")).total).toBe(0);
    await eventually(() => profile("user_id:stray-1"));
  });

  test("a bot's event is dropped by the callback of the program", async () => {
    const event = (userId: string, userAgent: string) =>
      JSON.stringify({ userId, event: "Viewed", context: { userAgent } });
    await post("/v1/track", event("a-bot", "ExampleBot/1.0 crawler"));
    await post("/v1/track", event("a-person", "Mozilla/5.0"));
    await eventually(() => profile("user_id:a-person"));
    await json(["state-hash", "--data", data.path]);
    expect(await profile("user_id:a-bot")).toBeUndefined();
  });

  test("a second instance on the same data folder, a folder of another version and a taken port are refused", async () => {
    const second = await run(["dev", "--data", data.path]);
    expect(second.code).toBe(1);
    expect(second.stderr).toMatch(/belongs to a running instance \(process \d+\)[\s\S]*another folder with --data/);

    const old = dataFolder();
    writeFileSync(join(old.path, "version.json"), '{"version":0}');
    const refused = await run(["dev", "--data", old.path]);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/layout version 0; this Tributary reads version \d+[\s\S]*another folder/);
    expect(readdirSync(old.path)).toEqual(["version.json"]); // As it was.
    old.remove();

    const fresh = dataFolder();
    const port = Number(new URL(dev.ready.endpoints.aws).port);
    const taken = await run(["dev", "--data", fresh.path, "--port", String(port)]);
    expect(taken.code).toBe(1);
    expect(taken.stderr).toMatch(new RegExp(`${port}`));
    expect(taken.stderr).toMatch(/--port/);
    fresh.remove();
  }, 60_000);

  test("a mapping that names a missing column is refused before anything of any file is sent", async () => {
    const columns = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country";
    const good = join(data.path, "good.csv");
    writeFileSync(good, `${columns}\n999001,SKU,LAMP,1,2011-02-01 10:00:00,1.00,99001.0,France\n`);
    const missing = join(data.path, "other.csv");
    writeFileSync(missing, `${columns.replace("UnitPrice", "UnitPrices")}\n`);
    const load = (...files: string[]) =>
      run(["load", ...files, "--source", "shop", "--mapping", mapping, "--data", data.path]);
    const events = async () => (await json<{ events: number }>(["state-hash", "--data", data.path])).events;

    const before = await events();
    const refused = await load(good, missing);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(/other\.csv does not have:\s+UnitPrice \(did you mean UnitPrices\?\)/);
    expect(refused.stderr).toMatch(/Its columns: .*UnitPrices.*Nothing was sent/);
    const absent = await load(good, join(data.path, "absent.csv"));
    expect([absent.code, absent.stderr]).toEqual([2, expect.stringMatching(/absent\.csv: there is no such file/)]);
    const cut = join(data.path, "cut.csv.gz");
    writeFileSync(cut, gzipSync(readFileSync(good)).subarray(0, -20));
    const broken = await load(good, cut);
    expect([broken.code, broken.stderr]).toEqual([
      1,
      expect.stringMatching(/cut\.csv\.gz cannot be read to its end: .+/),
    ]);
    expect(await events()).toBe(before);

    const source = await run(["load", good, "--source", "nowhere", "--mapping", mapping, "--data", data.path]);
    expect(source.code).toBe(2);
    expect(source.stderr).toMatch(/no source "nowhere"; it has: .*shop/);
  }, 60_000);

  test.each<[string, string[], RegExp]>([
    ["an unknown pipeline", ["pipeline", "run", "weekly"], /weekly/],
    ["a first day that is none", ["pipeline", "run", "nightly", "--from", "soon"], /a day such as 2026-11-23/],
    [
      "everything and some days",
      ["pipeline", "run", "nightly", "--full", "--to", "2026-11-01"],
      /leave --from and --to/,
    ],
    ["a port that is none", ["dev", "--port", "many"], /a port is a whole number/],
    ["a limit that is none", ["quarantine", "list", "--limit", "some"], /a whole number of at least 1/],
    ["a day that is none", ["quarantine", "list", "--from", "yesterday"], /a day is YYYY-MM-DD/],
    ["a folder without a program", ["dev", "--program", __dirname], /has no Pulumi\.yaml.*--program/],
    ["a command that is none", ["frobnicate"], /unknown command 'frobnicate'/],
    ["an option that is none", ["sql", "select 1", "--jsn"], /unknown option '--jsn'[\s\S]*did you mean --json/i],
    ["an argument too few", ["explain", "user_id:a"], /missing required argument 'b'/],
  ])("wrong usage ends with 2 and says what would be right: %s", async (_, args, says) => {
    const { code, stderr, stdout } = await run([...args, ...(args.length > 1 ? ["--data", data.path] : [])]);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(says);
  });
});
