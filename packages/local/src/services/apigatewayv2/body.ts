import { isUtf8 } from "node:buffer";
import type { IncomingMessage } from "node:http";

/** API Gateway's limit of a request's body, in bytes. */
export const maximumBodyBytes = 10 * 2 ** 20;
/** What is still read and thrown away of a body that is too large, so that the client gets to read the answer. */
const drain = { bytes: 256 * 2 ** 20, ms: 10_000 };

/** The body, or undefined where it is beyond the limit: reading stops there. Rejects when the client goes away. */
export async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  if (Number(request.headers["content-length"] ?? 0) > maximumBodyBytes) return undefined;
  return await new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const onData = (chunk: Buffer) => {
      size += chunk.byteLength;
      if (size > maximumBodyBytes) {
        request.off("data", onData);
        request.pause();
        resolve(undefined);
      } else chunks.push(chunk);
    };
    request.on("data", onData);
    request.once("end", () => resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks)));
    request.once("error", reject);
    request.once("close", () => reject(new Error("the client closed the connection")));
  });
}

/** Throws the rest of a body away, up to a limit, then hangs up; the connection stays good when it ends before. */
export function discardRest(request: IncomingMessage): void {
  let size = 0;
  const timer = setTimeout(() => request.destroy(), drain.ms);
  timer.unref();
  const stop = () => clearTimeout(timer);
  request.on("data", (chunk: Buffer) => {
    size += chunk.byteLength;
    if (size > drain.bytes) request.destroy();
  });
  request.once("end", stop);
  request.on("error", stop);
  request.once("close", stop);
  request.socket.once("close", stop);
  request.resume();
}

const textType = /^(text\/|application\/(json|xml|javascript|[^;]*\+(json|xml)))/i;

/**
 * The body as an event carries it: text where the content type says so, base64 for all else. Compressed bodies and bytes
 * that are no UTF-8 go as base64 whatever their type, since text would spoil them.
 */
export function encodeBody(
  body: Buffer,
  contentType: string | undefined,
  contentEncoding: string | undefined,
): { body: string; isBase64Encoded: boolean } {
  const compressed = contentEncoding !== undefined && contentEncoding.toLowerCase() !== "identity";
  const text = !compressed && (contentType === undefined || textType.test(contentType.trim())) && isUtf8(body);
  return { body: body.toString(text ? "utf8" : "base64"), isBase64Encoded: !text };
}
