// A million events through everything that can go wrong at once, with two kills on the way: none lost, none doubled.
// EVENTS and SEED may be set. Ends with an error where an event is lost, doubled or in quarantine without need.
import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { join } from "node:path";
import { per, root, scratch } from "./support.mjs";

const { connect, sendBatches } = createRequire(import.meta.url)(join(root, "packages/cli/dist/index.js"));
const events = Number(process.env.EVENTS ?? 1_000_000);
const seed = Number(process.env.SEED ?? 20261123);
const program = join(root, "examples/reference/test/fixtures/faults");
const faults = {
  ...{ seed, partial: 0.02, throttle: 0.0005, lost: 0.0005, crash: 0.01 },
  ...{ redeliver: 0.02, reorder: 0.05, slow: 0.05, slowMs: 40 },
};

/** One in a hundred is poison: half of it makes the callback throw, half of it is no event. */
const kindOf = (index) => (index % 200 === 7 ? "callback-error" : index % 200 === 107 ? "missing-identity" : "good");

function* items() {
  for (let index = 0; index < events; index++) {
    // Disorder: a fixed permutation of blocks of a thousand.
    const at = Math.min(events - 1, index - (index % 1000) + (((index % 1000) * 387) % 1000));
    const kind = kindOf(at);
    const item = {
      messageId: `f-${at}`,
      type: "track",
      event: kind === "callback-error" ? "Poison" : "Product Viewed",
      ...(kind === "missing-identity" ? {} : { userId: `u-${at % 5000}` }),
      timestamp: new Date(Date.UTC(2026, 9, 1) + at * 1000).toISOString(),
      properties: { sku: `SKU-${at % 97}`, price: (at % 1000) / 100 },
    };
    const text = JSON.stringify(item);
    yield text;
    if (at % 10 === 3) yield text; // Every tenth twice.
  }
}

function start(data) {
  return new Promise((resolve, reject) => {
    const command = join(root, "packages/cli/bin/tributary.js");
    const child = spawn(process.execPath, [command, "dev", "--program", program, "--data", data, "--json"], {
      cwd: root,
      env: { ...process.env, TRIBUTARY_FAULTS: JSON.stringify(faults) },
      stdio: ["ignore", "pipe", "ignore"],
    });
    const closed = new Promise((done) => child.on("close", done));
    let text = "";
    child.stdout.on("data", (chunk) => {
      text += chunk;
      try {
        JSON.parse(text);
      } catch {
        return; // Not the whole document yet.
      }
      resolve({ kill: async () => child.kill("SIGKILL") && (await closed) });
    });
    closed.then((code) => reject(new Error(`tributary dev ended with ${code} before it was ready`)));
  });
}

async function check(runtime, { eventsTableName, quarantineBucket }) {
  const found = new Uint8Array(events);
  let start;
  do {
    const page = await runtime.call("dynamodb", "Scan", {
      ...{ TableName: eventsTableName, ProjectionExpression: "id", ExclusiveStartKey: start },
    });
    for (const { id } of page.Items) found[Number(id.S.slice("web#f-".length))] += 1;
    start = page.LastEvaluatedKey;
  } while (start);
  const quarantined = new Map();
  let token;
  do {
    const page = await runtime.call("s3", "ListObjectsV2", { Bucket: quarantineBucket, ContinuationToken: token });
    for (const { Key } of page.Contents ?? []) {
      const { Body } = await runtime.call("s3", "GetObject", { Bucket: quarantineBucket, Key });
      for (const line of Buffer.from(Body).toString("utf8").trimEnd().split("\n")) {
        const { reason, original } = JSON.parse(line);
        quarantined.set(Number(JSON.parse(original).messageId.slice(2)), reason);
      }
    }
    token = page.NextContinuationToken;
  } while (token);
  const wrong = { lost: 0, doubled: 0, misplaced: 0 };
  for (let index = 0; index < events; index++) {
    const kind = kindOf(index);
    const places = found[index] + (quarantined.has(index) ? 1 : 0);
    if (places === 0) wrong.lost += 1;
    else if (places > 1) wrong.doubled += 1;
    else if (kind === "good" ? found[index] !== 1 : quarantined.get(index) !== kind) wrong.misplaced += 1;
  }
  return { ...wrong, stored: found.reduce((sum, each) => sum + each, 0), quarantined: quarantined.size };
}

export async function bench() {
  const { path, remove } = scratch();
  let platform = await start(path);
  try {
    let runtime = await connect({ dataDir: path });
    const { outputs } = await runtime.status();
    const began = performance.now();
    let sent = 0;
    let done = false;
    const sending = sendBatches(items(), {
      ...{ collectorUrl: outputs.collectorUrl, writeKey: outputs.writeKeys.web, concurrency: 4, attempts: 60 },
      onSent: (count) => {
        sent += count;
      },
    }).finally(() => {
      done = true;
    });
    for (const share of [0.3, 0.7]) {
      while (!done && sent < events * share) await new Promise((resolve) => setTimeout(resolve, 20));
      await platform.kill();
      platform = await start(path);
    }
    const { retries } = await sending;
    runtime = await connect({ dataDir: path });
    await runtime.quiesce();
    const seconds = (performance.now() - began) / 1000;
    const result = await check(runtime, outputs);
    const summary = `${events} events, 2 kills, ${retries} requests repeated, ${seconds.toFixed(0)} s (${per(events, seconds)} events/s): ${JSON.stringify(result)}`;
    if (result.lost + result.doubled + result.misplaced > 0) throw new Error(`seed ${seed}: ${summary}`);
    return [`faults ${JSON.stringify(faults)}`, summary];
  } finally {
    await platform.kill();
    remove();
  }
}
