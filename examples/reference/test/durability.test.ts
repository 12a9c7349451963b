import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeSample } from "../src/sample/events";
import { Random } from "../src/sample/random";
import { dataFolder, json, type Ready, serve } from "./support/command";

/**
 * Nothing lost, order indifferent: the same events, sent through kills at random moments, shuffled, split otherwise and
 * twice, lead to the same state hash as an undisturbed run. Seeded; the seed is in the test's name and in its failures.
 */

const seed = Number(process.env.TRIBUTARY_SEED ?? 20261123);
const people = 150;
const root = join(__dirname, "..", "..", "..");

/** What goes wrong on the whole platform while everything is sent twice. */
const faults = { seed, partial: 0.02, throttle: 0.001, crash: 0.02, redeliver: 0.03, reorder: 0.1, slow: 0.1 };

interface State {
  readonly hash: string;
  readonly profiles: number;
  readonly events: number;
}

const sample = makeSample(seed, people);

/** Sends as clients do: what the collector refuses for now comes again, whole. */
async function send(ready: Ready, source: "web" | "crm", items: readonly string[], batchSize: number): Promise<void> {
  for (let start = 0; start < items.length; start += batchSize) {
    const body = `{"batch":[${items.slice(start, start + batchSize).join(",")}]}`;
    for (let attempt = 1; ; attempt++) {
      const response = await fetch(`${ready.endpoints.collector}/v1/batch`, {
        method: "POST",
        headers: { authorization: `Basic ${Buffer.from(`${ready.writeKeys[source]}:`).toString("base64")}` },
        body,
      });
      await response.arrayBuffer();
      if (response.ok) break;
      const later = response.status === 429 || response.status === 503;
      if (!later || attempt === 20) throw new Error(`the collector answered ${response.status} (attempt ${attempt})`);
      await new Promise((resolve) => setTimeout(resolve, 50 * attempt));
    }
  }
}

async function sendAll(
  ready: Ready,
  batchSize: number,
  order: (items: readonly string[]) => readonly string[],
): Promise<void> {
  for (const source of ["crm", "web"] as const) await send(ready, source, order(sample.items[source]), batchSize);
}

let undisturbed: State;

beforeAll(async () => {
  const data = dataFolder();
  try {
    const dev = await serve(["dev", "--data", data.path]);
    await sendAll(dev.ready, 200, (items) => items);
    undisturbed = await json<State>(["state-hash", "--data", data.path]);
    await dev.stop();
  } finally {
    data.remove();
  }
}, 120_000);

test("the undisturbed run applied every distinct event", () => {
  expect(undisturbed.events).toBe(sample.distinct);
  expect(undisturbed.profiles).toBeGreaterThan(people / 2);
});

test(`shuffled, in other batches, everything twice, under faults (seed ${seed})`, async () => {
  const data = dataFolder();
  try {
    const random = new Random(seed + 1);
    const dev = await serve(["dev", "--data", data.path], { env: { TRIBUTARY_FAULTS: JSON.stringify(faults) } });
    await sendAll(dev.ready, 37, (items) => random.shuffle([...items, ...items]));
    const state = await json<State>(["state-hash", "--data", data.path]);
    await dev.stop();
    expect({ seed, ...state }).toEqual({ seed, ...undisturbed });
  } finally {
    data.remove();
  }
}, 120_000);

test(`killed at random moments, started again, everything sent again (seed ${seed})`, async () => {
  const data = dataFolder();
  try {
    const random = new Random(seed + 2);
    for (let kill = 0; kill < 2; kill++) {
      const dev = await serve(["dev", "--data", data.path]);
      const sending = sendAll(dev.ready, 50, (items) => items).catch(() => "cut off"); // The kill cuts it off: that is the point.
      await new Promise((resolve) => setTimeout(resolve, random.between(20, 1_200)));
      await dev.kill();
      await sending;
    }
    const dev = await serve(["dev", "--data", data.path]);
    await sendAll(dev.ready, 200, (items) => items);
    const state = await json<State>(["state-hash", "--data", data.path]);
    expect(await dev.stop()).toBe(0);
    expect({ seed, ...state }).toEqual({ seed, ...undisturbed });
  } finally {
    data.remove();
  }
}, 180_000);

test(`load killed half-way and repeated equals sending once (seed ${seed})`, async () => {
  const data = dataFolder();
  try {
    const file = join(data.path, "web.jsonl");
    const dev = await serve(["dev", "--data", data.path]);
    writeFileSync(file, `${sample.items.web.join("\n")}\n`);
    await send(dev.ready, "crm", sample.items.crm, 200);
    const load = ["load", file, "--source", "web", "--data", data.path];
    const child = spawn(process.execPath, [join(root, "packages/cli/bin/tributary.js"), ...load], { cwd: root });
    await new Promise((resolve) => setTimeout(resolve, new Random(seed + 3).between(400, 1_200)));
    child.kill("SIGKILL");
    await new Promise((resolve) => child.on("close", resolve));
    const { read, accepted, quarantined } = await json<{ read: number; accepted: number; quarantined: number }>(load);
    expect(read).toBe(sample.items.web.length);
    expect(accepted + quarantined).toBe(read);
    const state = await json<State>(["state-hash", "--data", data.path]);
    await dev.stop();
    expect({ seed, ...state }).toEqual({ seed, ...undisturbed });
  } finally {
    data.remove();
  }
}, 120_000);
