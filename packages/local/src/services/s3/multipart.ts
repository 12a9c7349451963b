import { createHash, randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { AwsError, type Kernel, type Table } from "../../kernel";
import { noSuchUpload } from "./errors";
import type { ObjectStore } from "./storage";
import type { ObjectBody, ObjectHeaders, ObjectRow, WriteConditions } from "./types";

export interface UploadRow {
  readonly bucket: string;
  readonly key: string;
  readonly headers: ObjectHeaders;
  readonly startedAt: number;
}

export interface PartRow {
  readonly size: number;
  readonly etag: string;
  readonly file: string;
  readonly lastModified: number;
}

/** Every part but the last must have this many bytes. */
const smallestPart = 5 * 2 ** 20;

/** Uploads in parts; parts survive a restart and are joined when the upload is completed. */
export class MultipartUploads {
  readonly uploads: Table<UploadRow>;
  private readonly parts: Table<PartRow>;

  constructor(
    private readonly kernel: Kernel,
    private readonly store: ObjectStore,
  ) {
    this.uploads = kernel.store.table("s3.uploads");
    this.parts = kernel.store.table("s3.parts");
  }

  async create(bucket: string, key: string, headers: ObjectHeaders): Promise<string> {
    this.store.requireBucket(bucket);
    const id = randomUUID().replaceAll("-", "");
    await this.kernel.store.write(() => this.uploads.put(id, { bucket, key, headers, startedAt: this.kernel.now() }));
    return id;
  }

  require(bucket: string, key: string, id: string): UploadRow {
    const upload = this.uploads.get(id);
    if (upload?.bucket !== bucket || upload.key !== key) throw noSuchUpload(id);
    return upload;
  }

  async addPart(bucket: string, key: string, id: string, number: number, body: ObjectBody): Promise<string> {
    this.require(bucket, key, id);
    const received = await this.store.receive(body);
    const file = join(this.kernel.folder("s3-uploads", id), `${number}-${randomUUID()}`);
    await rename(received.path, file);
    const etag = `"${received.md5.toString("hex")}"`;
    const before = this.parts.get([id, number]);
    await this.kernel.store.write(() =>
      this.parts.put([id, number], { size: received.size, etag, file, lastModified: this.kernel.now() }),
    );
    if (before) await rm(before.file, { force: true });
    return etag;
  }

  listParts(id: string): { number: number; part: PartRow }[] {
    return [...this.parts.entries({ start: [id], end: [id, Number.MAX_SAFE_INTEGER] })].map(({ key, value }) => ({
      number: Number((key as (string | number)[])[1]),
      part: value,
    }));
  }

  async complete(
    bucket: string,
    key: string,
    id: string,
    wanted: readonly { readonly PartNumber: number; readonly ETag?: string | undefined }[],
    conditions: WriteConditions,
  ): Promise<ObjectRow> {
    const upload = this.require(bucket, key, id);
    const chosen = this.choose(id, wanted);
    const file = await this.store.receive(Readable.from(joined(chosen)));
    const digest = createHash("md5");
    for (const { etag } of chosen) digest.update(Buffer.from(etag.replaceAll('"', ""), "hex"));
    const etag = `"${digest.digest("hex")}-${chosen.length}"`;
    const event = "ObjectCreated:CompleteMultipartUpload";
    const row = await this.store.commit(bucket, key, { ...file, etag }, upload.headers, event, conditions);
    await this.forget(id);
    return row;
  }

  async abort(bucket: string, key: string, id: string): Promise<void> {
    this.require(bucket, key, id);
    await this.forget(id);
  }

  private choose(id: string, wanted: readonly { PartNumber: number; ETag?: string | undefined }[]): PartRow[] {
    if (wanted.length === 0) throw new AwsError("MalformedXML", "You must specify at least one part");
    if (wanted.some(({ PartNumber }, index) => PartNumber <= (wanted[index - 1]?.PartNumber ?? 0))) {
      throw new AwsError("InvalidPartOrder", "The list of parts was not in ascending order.");
    }
    return wanted.map(({ PartNumber, ETag }, index) => {
      const part = this.parts.get([id, PartNumber]);
      if (!part || (ETag !== undefined && ETag.replaceAll('"', "") !== part.etag.replaceAll('"', ""))) {
        throw new AwsError(
          "InvalidPart",
          "One or more of the specified parts could not be found. The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.",
          { details: { PartNumber, UploadId: id } },
        );
      }
      if (part.size < smallestPart && index < wanted.length - 1) {
        throw new AwsError("EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size", {
          details: { PartNumber, ProposedSize: part.size, MinSizeAllowed: smallestPart },
        });
      }
      return part;
    });
  }

  private async forget(id: string): Promise<void> {
    await this.kernel.store.write(() => {
      this.parts.clear({ start: [id], end: [id, Number.MAX_SAFE_INTEGER] });
      this.uploads.remove(id);
    });
    await rm(this.kernel.folder("s3-uploads", id), { recursive: true, force: true });
  }
}

async function* joined(parts: readonly PartRow[]): AsyncIterable<Buffer> {
  for (const { file } of parts) for await (const chunk of createReadStream(file)) yield chunk as Buffer;
}
