import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { gunzipSync, gzipSync } from "node:zlib";

/** What goes wrong between a client and the collector. */
export const faults = [
  "normal",
  /** The collector took it and said so; the client never hears of it. */
  "lost",
  "429",
  "503",
  "slow",
  /** An intermediary packs the bodies of clients that do not. */
  "gzip",
  /** The client's clock is a year ahead or behind. */
  "ahead",
  "behind",
] as const;
export type Fault = (typeof faults)[number];

export interface FaultyProxy {
  readonly url: string;
  /** Requests that were hit by the fault. */
  readonly hits: () => number;
  /** Track calls (the identify is number 0) that the collector said 200 to, each as often as it did. */
  readonly taken: () => number;
  /** Markers (`client|fault|number`) of events whose 200 reached the client. */
  readonly acknowledged: ReadonlySet<string>;
  close(): void;
}

const slowMs = 1_200;

async function bodyOf(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

const isPacked = (body: Buffer) => body[0] === 0x1f && body[1] === 0x8b;

function markersOf(path: string, body: Buffer): string[] {
  const text = decodeURIComponent(path) + (isPacked(body) ? gunzipSync(body) : body).toString("utf8");
  return text.match(/[a-z-]+\|[a-z0-9]+\|\d+/g) ?? [];
}

/** A loopback HTTP proxy before the collector that does one thing wrong to the first `times` requests that hold events. */
export async function faultyProxy(collector: string, fault: Fault, times: number): Promise<FaultyProxy> {
  const target = new URL(collector);
  const acknowledged = new Set<string>();
  let hits = 0;
  let taken = 0;

  const forward = (incoming: IncomingMessage, body: Buffer) =>
    new Promise<{ status: number; headers: IncomingMessage["headers"]; body: Buffer }>((resolve, reject) => {
      const pack = fault === "gzip" && body.length > 0 && !isPacked(body);
      const sent = pack ? gzipSync(body) : body;
      const { "transfer-encoding": _, ...kept } = incoming.headers;
      const headers = { ...kept, ...(pack ? { "content-encoding": "gzip" } : {}) };
      if (body.length > 0) headers["content-length"] = String(sent.length);
      const { hostname, port } = target;
      const outgoing = request({ hostname, port, path: incoming.url, method: incoming.method, headers }, (answer) => {
        bodyOf(answer).then(
          (read) => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: read }),
          reject,
        );
      });
      outgoing.on("error", reject);
      outgoing.end(sent);
    });

  const refuse = (response: ServerResponse, status: number, origin: string | undefined) => {
    response.writeHead(status, {
      "content-type": "application/json",
      "retry-after": "1",
      "x-ratelimit-reset": String(Math.ceil(Date.now() / 1000) + 1),
      "access-control-allow-origin": origin ?? "*",
      "access-control-allow-credentials": "true",
    });
    response.end('{"success":false}');
  };

  const serve = async (incoming: IncomingMessage, response: ServerResponse) => {
    const body = await bodyOf(incoming);
    const markers = markersOf(incoming.url ?? "", body);
    const isHit = markers.length > 0 && hits < times;
    if (isHit) hits += 1;
    if (isHit && (fault === "429" || fault === "503")) return refuse(response, Number(fault), incoming.headers.origin);
    const answer = await forward(incoming, body);
    if (answer.status === 200) taken += markers.filter((marker) => !marker.endsWith("|0")).length;
    if (isHit && fault === "lost") return void response.destroy();
    if (isHit && fault === "slow") await new Promise((resolve) => setTimeout(resolve, slowMs));
    response.writeHead(answer.status, answer.headers);
    response.end(answer.body, () => {
      if (answer.status === 200) for (const marker of markers) acknowledged.add(marker);
    });
  };

  const server = createServer((incoming, response) => {
    serve(incoming, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    hits: () => hits,
    taken: () => taken,
    acknowledged,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
