// The identity graph in memory: events a second and the 99th percentile of one, then what came of it against the truth.
// IDENTITY_EVENTS and IDENTITY_SEED set the size (1,000,000) and the seed (1).
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { identityEvents, plantedJunk, score } from "./identity-events.mjs";
import { execute, per, root } from "./support.mjs";

const model = createRequire(join(root, "packages/model/package.json"))("./dist/index.js");
const events = Number(process.env.IDENTITY_EVENTS ?? 1_000_000);
const seed = Number(process.env.IDENTITY_SEED ?? 1);
const chunk = 2_000;

/** In a process of its own: a young generation of 64 MB spares the collector from copying what lives for an event. */
export async function bench() {
  const { stdout } = await execute(["--max-semi-space-size=64", fileURLToPath(import.meta.url)]);
  return stdout.trim().split("\n");
}

function measure() {
  const { IdentityGraph, recordOf, defaultIdentityRules: rules } = model;
  const graph = new IdentityGraph(rules);
  const times = new Float64Array(events);
  let [done, spent, cpu] = [0, 0, 0];
  let batch = [];
  const flush = () => {
    const began = performance.now();
    const usage = process.cpuUsage();
    let before = began;
    for (const event of batch) {
      const record = recordOf(event, rules);
      if (record) graph.apply(record);
      const now = performance.now();
      times[done++] = now - before;
      before = now;
    }
    spent += performance.now() - began;
    cpu += process.cpuUsage(usage).user / 1000;
    batch = [];
  };
  for (const event of identityEvents({ events, seed })) if (batch.push(event) === chunk) flush();
  flush();
  times.sort();
  const suppressed = new Set([...graph.suppressed()].map(({ key }) => key));
  const clusters = [...graph.clusters()];
  const keys = [...clusters.flat(), ...suppressed];
  const { precision, recall, f1, largest } = score(clusters, keys);
  const junk = plantedJunk({ events }).filter((key) => keys.includes(key));
  const began = performance.now();
  let profiles = 0;
  for (const _profile of graph.profiles()) profiles++;
  const seconds = (performance.now() - began) / 1000;
  return [
    `${events} events, seed ${seed}: ${per(events, spent / 1000)} events/s (${per(events, cpu / 1000)} a second of processor time, collector's threads included); p99 ${times[Math.floor(events * 0.99)].toFixed(3)} ms, most ${times[events - 1].toFixed(1)} ms an event; ${Math.round(process.memoryUsage().rss / 1e6)} MB`,
    `precision ${precision.toFixed(4)}, recall ${recall.toFixed(4)}, F1 ${f1.toFixed(4)} of identifier pairs; largest profile ${largest} identifiers`,
    `junk: ${junk.filter((key) => suppressed.has(key)).length} of ${junk.length} planted values found; ${suppressed.size} identifiers belong to nobody`,
    `${profiles} profiles made in ${seconds.toFixed(1)} s`,
  ];
}

if (process.argv[1] === fileURLToPath(import.meta.url)) for (const row of measure()) console.log(row);
