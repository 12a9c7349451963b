import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** The "CRM" of the sample: takes the destination's webhooks on loopback and remembers what it got. */
export interface Receiver {
  readonly url: string;
  /** Requests by webhook type (`audience.entered`…). */
  readonly received: ReadonlyMap<string, number>;
  close(): Promise<void>;
}

export async function startReceiver(): Promise<Receiver> {
  const received = new Map<string, number>();
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      let type = "unreadable";
      try {
        type = String((JSON.parse(Buffer.concat(chunks).toString("utf8")) as { type?: unknown }).type);
      } catch {
        response.writeHead(400).end(); // Not JSON: the sender is told, and the sample's summary shows it.
        received.set(type, (received.get(type) ?? 0) + 1);
        return;
      }
      received.set(type, (received.get(type) ?? 0) + 1);
      response.writeHead(204).end();
    });
  });
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/crm`,
    received,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
