// A load generator on bare node:http, in a process of its own: `node loader.mjs URL KEY CONNECTIONS BATCH SECONDS`.
// Prints {requests, events, seconds, errors}.
import { randomBytes } from "node:crypto";
import http from "node:http";

const [url, key, connections, batch, seconds] = process.argv.slice(2);
const target = new URL(url);
const agent = new http.Agent({ keepAlive: true, maxSockets: Number(connections) });
const authorization = `Basic ${Buffer.from(`${key}:`).toString("base64")}`;
const run = randomBytes(4).toString("hex");
let number = 0;
const event = () => {
  number += 1;
  return {
    messageId: `${run}-${number}`,
    type: "track",
    event: "Product Viewed",
    anonymousId: `device-${number % 5000}`,
    timestamp: "2026-10-01T12:00:00.000Z",
    context: {
      library: { name: "bench", version: "1" },
      page: { path: "/catalogue", referrer: "https://example.com/" },
    },
    properties: { sku: `SKU-${number % 60}`, name: "Article", price: 19.99, quantity: 1, category: "bench" },
  };
};

const post = () =>
  new Promise((resolve) => {
    const size = Number(batch);
    const body = JSON.stringify(size === 1 ? event() : { batch: Array.from({ length: size }, event) });
    const request = http.request(
      {
        agent,
        host: target.hostname,
        port: target.port,
        path: size === 1 ? "/v1/track" : "/v1/batch",
        method: "POST",
        headers: { "content-type": "application/json", authorization, "content-length": Buffer.byteLength(body) },
      },
      (response) => {
        response.resume();
        response.on("end", () => resolve(response.statusCode === 200));
      },
    );
    request.on("error", () => resolve(false));
    request.end(body);
  });

const began = performance.now();
const end = began + Number(seconds) * 1000;
let requests = 0;
let errors = 0;
await Promise.all(
  Array.from({ length: Number(connections) }, async () => {
    while (performance.now() < end) {
      if (await post()) requests += 1;
      else errors += 1;
    }
  }),
);
console.log(
  JSON.stringify({ requests, events: requests * Number(batch), seconds: (performance.now() - began) / 1000, errors }),
);
agent.destroy();
