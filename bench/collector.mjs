// The collector over loopback HTTP, durable before each 200, next to a bare node:http server on the same machine. What
// it took is processed behind it by the whole platform in the same process: the time until all is applied is told too.
import { createServer } from "node:http";
import { join } from "node:path";
import { dev, execute, per, root, scratch, tributary } from "./support.mjs";

const load = async (url, key, connections, batch, seconds) =>
  JSON.parse(
    (await execute([join(root, "bench/loader.mjs"), url, key, connections, batch, seconds].map(String))).stdout,
  );

/** Waits until everything is applied. */
async function drained(path) {
  const { stdout, seconds } = await tributary("state-hash", "--data", path);
  return { seconds, events: JSON.parse(stdout).events };
}

export async function bench() {
  const bare = createServer((request, response) => {
    request.resume();
    request.on("end", () => response.writeHead(200, { "content-type": "application/json" }).end('{"success":true}'));
  });
  await new Promise((resolve) => bare.listen(0, "127.0.0.1", resolve));
  const yardstick = await load(`http://127.0.0.1:${bare.address().port}`, "k", 32, 1, 4);
  bare.close();
  const { path, remove } = scratch();
  const platform = await dev(path);
  try {
    const { collector } = platform.ready.endpoints;
    const key = platform.ready.writeKeys.web;
    // On AWS a warm function answers; here its threads compile first.
    const warm = await load(collector, key, 32, 1, 4);
    await drained(path);
    const single = await load(collector, key, 32, 1, 8);
    const afterSingle = await drained(path);
    const batched = await load(collector, key, 8, 500, 8);
    const afterBatched = await drained(path);
    const sent = warm.events + single.events + batched.events;
    const ratio = single.requests / single.seconds / (yardstick.requests / yardstick.seconds);
    return [
      `bare node:http: ${per(yardstick.requests, yardstick.seconds)} requests/s`,
      `single events: ${per(single.requests, single.seconds)} requests/s (${ratio.toFixed(2)} × bare), ${single.errors} refused`,
      `batches of 500: ${per(batched.events, batched.seconds)} events/s, ${batched.errors} refused`,
      `applied: all of the single ones ${afterSingle.seconds.toFixed(1)} s after the last, of the batched ${afterBatched.seconds.toFixed(1)} s; ` +
        `${afterBatched.events} of ${sent} acknowledged events`,
    ];
  } finally {
    await platform.stop();
    remove();
  }
}
