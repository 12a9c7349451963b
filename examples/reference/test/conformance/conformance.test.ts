import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { Random } from "../../src/sample/random";
import { dataFolder, eventually, json, profilesToken, type Running, serve } from "../support/command";
import { browse, findChromium } from "./browser";
import { type Fault, type FaultyProxy, faults, faultyProxy } from "./proxy";

/**
 * Clients that others wrote × what goes wrong on the way, against one platform. All run at once; then the raw zone, the
 * events that were applied, and the profiles are looked at together. Seeded: how many requests a fault hits.
 */

const seed = Number(process.env.TRIBUTARY_SEED ?? 20261123);
const chromium = findChromium();
const servers = ["segment", "rudder", "snowplow", "posthog", "jitsu"] as const;
type Client = (typeof servers)[number] | "browser";
const clients: readonly Client[] = chromium === undefined ? servers : [...servers, "browser"];
/** Track calls of each client under each fault, after an identify. */
const events = 4;
const year = 365 * 86_400_000;
const skews: Partial<Record<Fault, number>> = { ahead: year, behind: -year };

/** By its own documentation and by observation: what is refused or unanswered is given up. */
const neverRetries: ReadonlySet<Client> = new Set(["jitsu"]);
/** Snowplow has no identify; its people are known by their events. */
const identifies = (client: Client) => client !== "snowplow";

interface Row {
  readonly event: string | null;
  readonly message_id: string;
  readonly user_id: string;
  readonly timestamp: string;
  readonly received_at: string;
  readonly reason: string | null;
  readonly type: string;
}

const data = dataFolder();
const proxies = new Map<string, FaultyProxy>();
const problems: string[] = [];
let dev: Running;
let rows: readonly Row[];
let applied: number;
let token: string;

const pairs = clients.flatMap((client) => faults.map((fault) => [client, fault] as const));
const proxyOf = (client: Client, fault: Fault) => proxies.get(`${client} ${fault}`) as FaultyProxy;
const markersOf = (client: Client, fault: Fault) =>
  Array.from({ length: events }, (_, index) => `${client}|${fault}|${index + 1}`);

/** Runs the clients of one fault in a thread of their own, until all have sent or given up. */
function runClients(fault: Fault, writeKey: string): Promise<void> {
  const urls = Object.fromEntries(servers.map((client) => [client, proxyOf(client, fault).url]));
  const workerData = { fault, writeKey, urls, skewMs: skews[fault] ?? 0, events };
  const worker = new Worker(join(__dirname, "clients.cjs"), { workerData, stdout: true, stderr: true });
  return new Promise((resolve) => {
    worker.on("message", (message: { done?: true; failed?: string; reason?: string }) => {
      if (message.failed !== undefined) problems.push(`${message.failed} ${fault}: ${message.reason}`);
      if (message.done) void worker.terminate();
    });
    worker.on("error", (error) => problems.push(`${fault}: ${error.stack}`));
    worker.on("exit", () => resolve());
  });
}

beforeAll(async () => {
  const random = new Random(seed);
  dev = await serve(["dev", "--data", data.path]);
  const { collector } = dev.ready.endpoints;
  const writeKey = dev.ready.writeKeys.web ?? "";
  for (const [client, fault] of pairs) {
    proxies.set(`${client} ${fault}`, await faultyProxy(collector, fault, random.between(1, 2)));
  }
  const visits = faults.map((fault) => ({ fault, url: proxyOf("browser", fault)?.url, skewMs: skews[fault] ?? 0 }));
  const browser = chromium === undefined ? undefined : await browse(chromium, visits, writeKey, events);
  await Promise.all(faults.map((fault) => runClients(fault, writeKey)));
  const heard = () => pairs.filter(([client]) => !neverRetries.has(client)).every(isHeard);
  await eventually(async () => heard() || undefined, 40_000).catch(() => undefined);
  problems.push(...(browser?.failures ?? []));
  await browser?.close();
  token = await profilesToken(dev.ready, data.path);
  applied = (await json<{ events: number }>(["state-hash", "--data", data.path])).events;
  rows = await json<Row[]>([
    "sql",
    "select event, message_id, user_id, timestamp, received_at, reason, type from raw.events",
    "--data",
    data.path,
  ]);
}, 120_000);

const isHeard = ([client, fault]: readonly [Client, Fault]) =>
  markersOf(client, fault).every((marker) => proxyOf(client, fault).acknowledged.has(marker));

afterAll(async () => {
  for (const proxy of proxies.values()) proxy.close();
  await dev?.stop();
  data.remove();
});

/** Rows of one event in the raw zone. */
const rowsOf = (marker: string) => rows.filter((row) => row.event === marker);

if (chromium === undefined) test.skip("the browser's client: install Chromium, or set CHROME_PATH", () => {});

test.each(pairs)(`%s, %s (seed ${seed}): exactly once`, async (client, fault) => {
  const proxy = proxyOf(client, fault);
  if (!["normal", "gzip", "ahead", "behind"].includes(fault)) expect(proxy.hits()).toBeGreaterThan(0);
  const markers = markersOf(client, fault);
  if (!neverRetries.has(client)) expect(markers.filter((marker) => !proxy.acknowledged.has(marker))).toEqual([]);
  for (const marker of markers) {
    const found = rowsOf(marker);
    // A refused request of a client that never retries is the only way for an event not to be here.
    const mayMiss = neverRetries.has(client) && !proxy.acknowledged.has(marker) && (fault === "429" || fault === "503");
    expect({ marker, rows: found.map((row) => row.message_id) }).toEqual({
      marker,
      rows: mayMiss ? [] : [expect.any(String)],
    });
    for (const row of found) {
      expect(row).toMatchObject({ user_id: `${client}-${fault}`, reason: null });
      // Whatever the client's clock said: it was just now.
      expect(Date.parse(row.received_at) - Date.parse(row.timestamp)).toBeLessThan(60_000);
      expect(Date.parse(row.received_at) - Date.parse(row.timestamp)).toBeGreaterThan(-1_000);
    }
  }
  if (client === "jitsu" && (fault === "429" || fault === "503")) return; // Its identify is what was refused.
  const response = await fetch(`${dev.ready.endpoints.profiles}/v1/profiles/user_id:${client}-${fault}`, {
    headers: { authorization: `Bearer ${token}` },
  });
  expect(response.status).toBe(200);
  const { traits } = (await response.json()) as { traits: Record<string, unknown> };
  if (identifies(client)) expect(traits).toMatchObject({ conformance: `${client}|${fault}|0` });
});

test("a response that was lost made clients send again, and nothing is there twice", () => {
  const distinct = new Set(rows.map((row) => row.message_id)).size;
  expect(applied).toBe(distinct);
  expect(rows.length).toBe(distinct);
  expect(rows.filter((row) => row.reason !== null)).toEqual([]);
  // Or the above would say nothing: events did reach the stream more than once.
  const lost = pairs.filter(([, fault]) => fault === "lost");
  const taken = lost.reduce((sum, pair) => sum + proxyOf(...pair).taken(), 0);
  expect(taken).toBeGreaterThan(rows.filter(({ event }) => event?.includes("|lost|")).length);
});
