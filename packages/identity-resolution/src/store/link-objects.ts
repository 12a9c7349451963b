import { PutObjectCommand, type S3Client } from "@aws-sdk/client-s3";
import { objectLines, s3 } from "@tributary/runtime";
import type { RefusedLine } from "../functions/match-importer";
import { linkQuarantinePrefix } from "../matching/defaults";

/** Objects of links, and where their refused lines go. */
export class LinkObjects {
  constructor(private readonly client: () => S3Client = s3) {}

  lines(bucket: string, key: string): AsyncGenerator<string> {
    return objectLines(bucket, key, this.client);
  }

  async quarantine(bucket: string, key: string, refused: readonly RefusedLine[]): Promise<void> {
    const Body = refused.map((line) => `${JSON.stringify(line)}\n`).join("");
    const Key = `${linkQuarantinePrefix}${key}`;
    await this.client().send(new PutObjectCommand({ Bucket: bucket, Key, Body, ContentType: "application/x-ndjson" }));
  }
}
