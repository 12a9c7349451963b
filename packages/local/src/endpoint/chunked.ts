import { createHash, type Hash } from "node:crypto";
import { Readable } from "node:stream";
import { crc32 } from "node:zlib";
import { AwsError } from "../kernel";
import type { AwsRequest } from "./request";

/** The object's bytes of an upload: unwrapped from `aws-chunked` where they are, checked against what the client claims. */
export function bodyOf(request: AwsRequest): Readable {
  const streaming = request.header("x-amz-content-sha256")?.startsWith("STREAMING-") ?? false;
  const wrapped = streaming || /(^|,)\s*aws-chunked/.test(request.header("content-encoding") ?? "");
  const trailers = new Map<string, string>();
  const bytes = wrapped ? unwrap(request.raw, trailers) : (request.raw as AsyncIterable<Buffer>);
  return Readable.from(
    verified(bytes, (name) => request.header(name) ?? trailers.get(name)),
    { objectMode: false },
  );
}

/**
 * Chunks as `<hex size>[;chunk-signature=…]\r\n<bytes>\r\n`, ended by a chunk of size 0 and trailer lines
 * ("Signature calculations: transferring payload in multiple chunks", S3 API reference).
 */
async function* unwrap(source: AsyncIterable<unknown>, trailers: Map<string, string>): AsyncIterable<Buffer> {
  const reader = new LineReader(source[Symbol.asyncIterator]());
  for (;;) {
    const line = await reader.line();
    const size = Number.parseInt(line, 16);
    if (!/^[0-9a-fA-F]+(;|$)/.test(line)) throw malformed(`chunk header ${JSON.stringify(line.slice(0, 40))}`);
    if (size === 0) break;
    yield* reader.bytes(size);
    if ((await reader.line()) !== "") throw malformed("a chunk is longer than its header says");
  }
  for (let line = await reader.line(true); line !== ""; line = await reader.line(true)) {
    const colon = line.indexOf(":");
    trailers.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim());
  }
}

function malformed(what: string): AwsError {
  return new AwsError("IncompleteBody", `The request body is not well-formed aws-chunked: ${what}`);
}

class LineReader {
  private buffer: Buffer = Buffer.alloc(0);

  constructor(private readonly source: AsyncIterator<unknown>) {}

  /** Up to the next line end. With `lenient`, the end of the body ends the line, too. */
  async line(lenient = false): Promise<string> {
    for (;;) {
      const end = this.buffer.indexOf("\r\n");
      if (end >= 0) {
        const line = this.buffer.subarray(0, end).toString("latin1");
        this.buffer = this.buffer.subarray(end + 2);
        return line;
      }
      if (this.buffer.byteLength > 8192) throw malformed("a line without end");
      if (!(await this.more())) {
        if (!lenient) throw malformed("it ends in the middle");
        const rest = this.buffer.toString("latin1");
        this.buffer = Buffer.alloc(0);
        return rest;
      }
    }
  }

  async *bytes(count: number): AsyncIterable<Buffer> {
    let left = count;
    while (left > 0) {
      if (this.buffer.byteLength === 0 && !(await this.more())) throw malformed("it ends in the middle");
      const part = this.buffer.subarray(0, left);
      this.buffer = this.buffer.subarray(part.byteLength);
      left -= part.byteLength;
      yield part;
    }
  }

  private async more(): Promise<boolean> {
    const { done, value } = await this.source.next();
    if (done) return false;
    this.buffer = this.buffer.byteLength === 0 ? (value as Buffer) : Buffer.concat([this.buffer, value as Buffer]);
    return true;
  }
}

/** Passes bytes on and compares their digests with the claimed ones, known at the latest with the trailers. */
async function* verified(
  source: AsyncIterable<Buffer>,
  claimed: (header: string) => string | undefined,
): AsyncIterable<Buffer> {
  const hashes: [header: string, hash: Hash][] = [
    ["x-amz-checksum-sha1", createHash("sha1")],
    ["x-amz-checksum-sha256", createHash("sha256")],
  ];
  const named = `${claimed("x-amz-trailer") ?? ""},${claimed("x-amz-sdk-checksum-algorithm") ?? ""}`.toLowerCase();
  const used = hashes.filter(([header]) => claimed(header) !== undefined || named.includes(header.slice(15)));
  let checksum = 0;
  for await (const chunk of source) {
    checksum = crc32(chunk, checksum);
    for (const [, hash] of used) hash.update(chunk);
    yield chunk;
  }
  const crc = Buffer.alloc(4);
  crc.writeUInt32BE(checksum);
  compare("x-amz-checksum-crc32", claimed("x-amz-checksum-crc32"), crc.toString("base64"));
  for (const [header, hash] of used) compare(header, claimed(header), hash.digest("base64"));
}

function compare(header: string, claim: string | undefined, computed: string): void {
  if (claim === undefined || claim === computed) return;
  throw new AwsError("BadDigest", `The ${header} you specified did not match the calculated checksum.`);
}
