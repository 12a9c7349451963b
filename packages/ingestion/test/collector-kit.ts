import type { CollectedRecord } from "@tributary/model";
import { metrics } from "@tributary/runtime";
import type { APIGatewayProxyEventV2 } from "aws-lambda";
import { type CollectorParts, handleRequest } from "../src/domain/handle-request";
import { Shedder } from "../src/domain/shedder";
import type { StreamEntry } from "../src/domain/stream-writer";

export const receivedAt = Date.parse("2026-11-23T09:00:00.000Z");
export const basic = (key: string) => `Basic ${Buffer.from(`${key}:`).toString("base64")}`;

/** A collector over a stream and a bucket in memory; `refuse` says which records of a call the stream does not take. */
export function collector(refuse: (attempt: number, index: number) => boolean = () => false) {
  const stream: StreamEntry[] = [];
  const calls: number[] = [];
  const bucket = new Map<string, string>();
  const waits: number[] = [];
  const lines: string[] = [];
  const counters = metrics("collector", { print: (line) => lines.push(line) });
  const clock = { passed: 0 };
  const parts: CollectorParts = {
    sources: new Map([
      ["key-web", "web"],
      ["key-shop", "shop"],
    ]),
    stream: {
      async put(entries) {
        const attempt = calls.push(entries.length) - 1;
        return entries.map((entry, index) => {
          if (refuse(attempt, index)) return "ProvisionedThroughputExceededException";
          stream.push(entry);
          return undefined;
        });
      },
    },
    quarantine: { put: async (key, body) => void bucket.set(key, body) },
    shedder: new Shedder(),
    metrics: counters,
    log: { error: () => {}, warn: () => {} } as unknown as CollectorParts["log"],
    now: () => receivedAt + clock.passed,
    writer: { attempts: 4, sleep: async (ms) => void waits.push(ms) },
  };
  const send = async (
    call: string,
    body: unknown,
    options: { headers?: Record<string, string>; query?: Record<string, string>; base64?: boolean } = {},
  ) => {
    const [method = "", path = ""] = call.split(" ");
    const bytes = Buffer.isBuffer(body) ? body : Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
    const event = {
      rawPath: path,
      headers: { authorization: basic("key-web"), ...options.headers },
      queryStringParameters: options.query,
      requestContext: { http: { method }, timeEpoch: receivedAt },
      body: bytes.toString(options.base64 ? "base64" : "utf8"),
      isBase64Encoded: options.base64 ?? false,
    } as unknown as APIGatewayProxyEventV2;
    const response = await handleRequest(event, parts);
    counters.flush();
    return response;
  };
  const records = (): CollectedRecord[] => stream.map((entry) => JSON.parse(Buffer.from(entry.data).toString("utf8")));
  return { send, records, stream, calls, bucket, waits, lines, clock };
}
