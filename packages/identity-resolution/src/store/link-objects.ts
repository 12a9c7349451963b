import { GetObjectCommand, PutObjectCommand, type S3Client } from "@aws-sdk/client-s3";
import { s3 } from "@tributary/runtime";
import type { RefusedLine } from "../functions/match-importer";
import { linkQuarantinePrefix } from "../matching/defaults";

/** Bytes read at once. */
const pieceBytes = 8 * 1024 * 1024;

/** Objects of links, and where their refused lines go. */
export class LinkObjects {
  constructor(private readonly client: () => S3Client = s3) {}

  /** In pieces: a connection that nobody reads for a while is closed, and the links before are applied meanwhile. */
  async *lines(bucket: string, key: string): AsyncGenerator<string> {
    const decoder = new TextDecoder("utf-8");
    let rest = "";
    let size = Number.POSITIVE_INFINITY;
    for (let start = 0; start < size; start += pieceBytes) {
      const Range = `bytes=${start}-${start + pieceBytes - 1}`;
      const { Body, ContentRange, ContentLength } = await this.piece(bucket, key, Range);
      size = Number(/\/(\d+)$/.exec(ContentRange ?? "")?.[1] ?? ContentLength ?? 0);
      const text = rest + decoder.decode((await Body?.transformToByteArray()) ?? new Uint8Array(), { stream: true });
      const lines = text.split("\n");
      rest = lines.pop() ?? "";
      yield* lines;
    }
    rest += decoder.decode();
    if (rest !== "") yield rest;
  }

  async quarantine(bucket: string, key: string, refused: readonly RefusedLine[]): Promise<void> {
    const Body = refused.map((line) => `${JSON.stringify(line)}\n`).join("");
    const Key = `${linkQuarantinePrefix}${key}`;
    await this.client().send(new PutObjectCommand({ Bucket: bucket, Key, Body, ContentType: "application/x-ndjson" }));
  }

  private async piece(Bucket: string, Key: string, Range: string) {
    try {
      return await this.client().send(new GetObjectCommand({ Bucket, Key, Range }));
    } catch (error) {
      // An empty object has no byte to begin at.
      if ((error as Error).name === "InvalidRange")
        return { Body: undefined, ContentRange: "bytes */0", ContentLength: 0 };
      throw error;
    }
  }
}
