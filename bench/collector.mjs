// The collector over loopback HTTP, durable before each 200, next to a bare node:http server on the same machine.
import { createServer } from "node:http";
import { join } from "node:path";
import { dev, execute, per, root, scratch } from "./support.mjs";

const load = async (url, key, connections, batch, seconds) =>
  JSON.parse(
    (await execute([join(root, "bench/loader.mjs"), url, key, connections, batch, seconds].map(String))).stdout,
  );

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
    await load(collector, key, 8, 1, 1);
    const single = await load(collector, key, 32, 1, 8);
    const batched = await load(collector, key, 8, 500, 8);
    const ratio = single.requests / single.seconds / (yardstick.requests / yardstick.seconds);
    return [
      `bare node:http: ${per(yardstick.requests, yardstick.seconds)} requests/s`,
      `single events: ${per(single.requests, single.seconds)} requests/s (${ratio.toFixed(2)} × bare), ${single.errors} refused`,
      `batches of 500: ${per(batched.events, batched.seconds)} events/s, ${batched.errors} refused`,
    ];
  } finally {
    await platform.stop();
    remove();
  }
}
