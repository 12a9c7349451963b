import { AwsError } from "../kernel";
import type { AnyRequest } from "./server";

/** An HTTP request, whichever protocol version it came by. */
export interface AwsRequest {
  readonly method: string;
  /** Percent-encoded, without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  header(name: string): string | undefined;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly raw: AnyRequest;
}

/** What goes back; a stream body is piped. */
export interface AwsResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array | NodeJS.ReadableStream;
}

/** The largest body that is read as a whole; objects are streamed and have no limit. */
const bodyLimit = 64 * 2 ** 20;

export function readRequest(raw: AnyRequest): AwsRequest {
  const url = raw.url ?? "/";
  const mark = url.indexOf("?");
  return {
    method: raw.method ?? "GET",
    path: mark < 0 ? url : url.slice(0, mark),
    query: new URLSearchParams(mark < 0 ? "" : url.slice(mark + 1)),
    headers: raw.headers,
    header(name) {
      const value = raw.headers[name] ?? (name === "host" ? raw.headers[":authority"] : undefined);
      return Array.isArray(value) ? value.join(",") : value;
    },
    raw,
  };
}

/** The whole body. @throws AwsError 413 above 64 MiB */
export async function readBody({ raw }: AwsRequest): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of raw) {
    const bytes = chunk as Buffer;
    size += bytes.byteLength;
    if (size > bodyLimit) throw new AwsError("RequestEntityTooLarge", "Request body is too large", { status: 413 });
    chunks.push(bytes);
  }
  return Buffer.concat(chunks);
}
