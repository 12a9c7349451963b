import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand, type S3Client } from "@aws-sdk/client-s3";
import { s3 } from "@tributary/runtime";
import * as z from "zod/mini";
import type { LandRecord, PendingRecord } from "../domain/landed";
import type { LandStore } from "../functions/land";

const day = z.object({ files: z.number(), bytes: z.number(), hash: z.string() });
const record = {
  version: z.literal(1),
  listedAt: z.string(),
  plan: z.string(),
  landed: z.record(z.string(), z.record(z.string(), day)),
};
const recordSchema = z.object(record);
const pendingSchema = z.object({ ...record, asOfGiven: z.boolean() });

/** The record as objects of a bucket: `<prefix>record.json`, and one of each run below `<prefix>runs/`. */
export class LandObjects implements LandStore {
  constructor(
    private readonly bucket: string,
    private readonly prefix: string,
    private readonly client: () => S3Client = s3,
  ) {}

  async record(): Promise<LandRecord | undefined> {
    const found = await this.read("record.json");
    return found === undefined ? undefined : recordSchema.parse(found);
  }

  async saveRecord(given: LandRecord): Promise<void> {
    await this.write("record.json", given);
  }

  async savePending(execution: string, given: PendingRecord): Promise<void> {
    await this.write(`runs/${execution}.json`, given);
  }

  async pending(execution: string): Promise<PendingRecord> {
    const key = `runs/${execution}.json`;
    const found = await this.read(key);
    if (found === undefined)
      throw new Error(
        `s3://${this.bucket}/${this.prefix}${key} is gone: this run cannot be remembered; the next one sees the same files as new`,
      );
    return pendingSchema.parse(found);
  }

  /** Asked by a list: S3 refuses to say that an object is missing to who may list below a prefix only. */
  private async read(key: string): Promise<unknown> {
    const [Bucket, Key] = [this.bucket, this.prefix + key];
    const { Contents = [] } = await this.client().send(new ListObjectsV2Command({ Bucket, Prefix: Key, MaxKeys: 1 }));
    if (Contents[0]?.Key !== Key) return undefined;
    const { Body } = await this.client().send(new GetObjectCommand({ Bucket, Key }));
    return JSON.parse((await Body?.transformToString()) ?? "null") as unknown;
  }

  private async write(key: string, value: unknown): Promise<void> {
    await this.client().send(
      new PutObjectCommand({
        Bucket: this.bucket,
        Key: this.prefix + key,
        Body: JSON.stringify(value),
        ContentType: "application/json",
      }),
    );
  }
}
