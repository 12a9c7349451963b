import { join } from "node:path";
import { connect, type RuntimeHandle, sendBatches } from "@tributary/cli";
import type { QuarantinedRecord } from "@tributary/model";
import { Random } from "../src/sample/random";
import { dataFolder, type Running, type StartOptions, serve } from "./support/command";
import { makeTraffic, type Traffic } from "./support/traffic";

/**
 * Everything goes wrong at once, and each event ends exactly once in the events table, or in quarantine with its reason,
 * or left out by the callback; and in the raw zone whatever happens. Seeded; failures print the seed and the faults.
 */

const seed = Number(process.env.TRIBUTARY_SEED ?? 20261123);
const program = join(__dirname, "fixtures", "faults");

interface Outputs {
  readonly collectorUrl: string;
  readonly writeKeys: { readonly web: string };
  readonly eventsTableName: string;
  readonly quarantineBucket: string;
}

/** The platform of a data folder, in a process of its own, and the hands on it. */
class Platform {
  readonly data = dataFolder();
  private running: Running | undefined;
  private handle: RuntimeHandle | undefined;
  private known: Outputs | undefined;

  async start(options: StartOptions = {}): Promise<void> {
    this.running = await serve(["dev", "--program", program, "--data", this.data.path], options);
    this.handle = await connect({ dataDir: this.data.path });
    this.known = (await this.handle.status()).outputs as unknown as Outputs;
  }

  get runtime(): RuntimeHandle {
    if (!this.handle) throw new Error("not started");
    return this.handle;
  }

  get outputs(): Outputs {
    if (!this.known) throw new Error("not started");
    return this.known;
  }

  async kill(): Promise<void> {
    await this.running?.kill();
  }

  async end(): Promise<void> {
    await this.running?.kill();
    this.data.remove();
  }

  /** Keys of the events table. */
  async stored(): Promise<string[]> {
    const ids: string[] = [];
    let ExclusiveStartKey: object | undefined;
    do {
      const page: { Items: { id: { S: string } }[]; LastEvaluatedKey?: object } = await this.runtime.call(
        "dynamodb",
        "Scan",
        { TableName: this.outputs.eventsTableName, ProjectionExpression: "id", ExclusiveStartKey },
      );
      ids.push(...page.Items.map(({ id }) => id.S));
      ExclusiveStartKey = page.LastEvaluatedKey;
    } while (ExclusiveStartKey);
    return ids;
  }

  /** Quarantined records by id: one that was delivered twice lies there twice. */
  async quarantined(): Promise<QuarantinedRecord[]> {
    const Bucket = this.outputs.quarantineBucket;
    const found = new Map<string, QuarantinedRecord>();
    let ContinuationToken: string | undefined;
    do {
      const page: { Contents?: { Key: string }[]; NextContinuationToken?: string } = await this.runtime.call(
        "s3",
        "ListObjectsV2",
        { Bucket, ContinuationToken },
      );
      for (const { Key } of page.Contents ?? []) {
        expect(Key).toMatch(/^dt=/);
        const { Body } = await this.runtime.call<{ Body: Uint8Array }>("s3", "GetObject", { Bucket, Key });
        for (const line of Buffer.from(Body).toString("utf8").trimEnd().split("\n")) {
          const record = JSON.parse(line) as QuarantinedRecord;
          found.set(record.id, record);
        }
      }
      ContinuationToken = page.NextContinuationToken;
    } while (ContinuationToken);
    return [...found.values()];
  }

  async send(items: readonly string[], concurrency = 4): Promise<number> {
    const { collectorUrl, writeKeys } = this.outputs;
    return (await sendBatches(items, { collectorUrl, writeKey: writeKeys.web, concurrency, attempts: 30 })).retries;
  }
}

async function expectExactlyOnce(platform: Platform, traffic: Traffic): Promise<void> {
  await platform.runtime.quiesce();
  const stored = await platform.stored();
  const found = new Set(stored);
  expect({
    lost: [...traffic.stored].filter((id) => !found.has(id)),
    unknown: stored.filter((id) => !traffic.stored.has(id)),
    doubled: stored.length - found.size,
  }).toEqual({ lost: [], unknown: [], doubled: 0 });
  const reasons: Record<string, number> = {};
  for (const record of await platform.quarantined()) {
    reasons[record.reason] = (reasons[record.reason] ?? 0) + 1;
    expect(traffic.poison.get((JSON.parse(record.original) as { messageId: string }).messageId)).toBe(record.reason);
  }
  const expected: Record<string, number> = {};
  for (const reason of traffic.poison.values()) expected[reason] = (expected[reason] ?? 0) + 1;
  expect(reasons).toEqual(expected);
  const { rows } = await platform.runtime.query("select count(*), count(distinct message_id) from raw.events");
  expect(rows.flat().map(Number)).toEqual([traffic.distinct, traffic.distinct]);
}

const faults = {
  seed,
  partial: 0.02,
  throttle: 0.001,
  lost: 0.001,
  crash: 0.02,
  redeliver: 0.04,
  reorder: 0.1,
  slow: 0.1,
  slowMs: 40,
};

test(`50,000 events, all faults at once, killed on the way: none lost, none doubled (seed ${seed})`, async () => {
  const platform = new Platform();
  const random = new Random(seed);
  const traffic = makeTraffic(seed, 50_000);
  const options = { env: { TRIBUTARY_FAULTS: JSON.stringify(faults) } };
  try {
    await platform.start(options);
    // In disorder, and every tenth twice, by a client that repeats whatever was not confirmed.
    const repeated = random.shuffle([...traffic.items, ...traffic.items.filter(() => random.chance(0.1))]);
    const sending = platform.send(repeated);
    await new Promise((resolve) => setTimeout(resolve, random.between(1_000, 4_000)));
    await platform.kill();
    await platform.start(options);
    expect(await sending).toBeGreaterThan(0);
    await expectExactlyOnce(platform, traffic);
  } catch (error) {
    throw new Error(`seed ${seed}, faults ${JSON.stringify(faults)}: ${(error as Error).message}`, { cause: error });
  } finally {
    await platform.end();
  }
}, 180_000);

test(`a shard's limits: the collector sheds what the stream does not take, and nothing is lost (seed ${seed})`, async () => {
  const platform = new Platform();
  const traffic = makeTraffic(seed + 1, 3_000);
  try {
    await platform.start({ env: { TRIBUTARY_FAULTS: JSON.stringify({ seed, shardLimits: true }) } });
    const began = Date.now();
    expect(await platform.send(traffic.items)).toBeGreaterThan(0);
    // 1,000 records a second and shard: faster than that it cannot have gone.
    expect(Date.now() - began).toBeGreaterThan(1_000);
    await expectExactlyOnce(platform, traffic);
  } finally {
    await platform.end();
  }
}, 120_000);

test(`a full disk: 503 from then on, and with room again everything that was confirmed is there (seed ${seed})`, async () => {
  const platform = new Platform();
  const traffic = makeTraffic(seed + 2, 20_000);
  try {
    // Where there is no such limit, the store counts its commits.
    const full: StartOptions =
      process.platform === "linux" ? { fileLimitKib: 4_000 } : { env: { TRIBUTARY_FAULTS: '{"diskFullAfter":400}' } };
    await platform.start(full);
    const { collectorUrl, writeKeys } = platform.outputs;
    const confirmed: string[] = [];
    const statuses = new Set<number>();
    for (let from = 0; from < traffic.items.length && !statuses.has(503); from += 200) {
      const batch = traffic.items.slice(from, from + 200);
      const response = await fetch(`${collectorUrl}/v1/batch`, {
        method: "POST",
        headers: { authorization: `Basic ${Buffer.from(`${writeKeys.web}:`).toString("base64")}` },
        body: `{"batch":[${batch.join(",")}]}`,
      });
      await response.arrayBuffer();
      statuses.add(response.status);
      if (response.status === 200) confirmed.push(...batch);
      else expect(Number(response.headers.get("retry-after"))).toBeGreaterThan(0);
    }
    expect([...statuses]).toEqual([200, 503]);
    await platform.kill();
    await platform.start();
    await platform.runtime.quiesce();
    const stored = new Set(await platform.stored());
    const ids = confirmed.map((item) => (JSON.parse(item) as { messageId: string }).messageId);
    const due = ids.filter((id) => traffic.stored.has(`web#${id}`));
    expect(due.length).toBeGreaterThan(100);
    expect(due.filter((id) => !stored.has(`web#${id}`))).toEqual([]);
    // And it goes on where it stood.
    await platform.send(traffic.items);
    await expectExactlyOnce(platform, traffic);
  } finally {
    await platform.end();
  }
}, 120_000);
