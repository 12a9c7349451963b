import { createHash } from "node:crypto";
import {
  CopyObjectCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  type S3Client,
} from "@aws-sdk/client-s3";
import type { Checkpoint, FilePort, LandedFile } from "../../domain/files/ports";
import { resumePrefix } from "../../loader-env";

const named = (error: unknown, ...names: string[]) => error instanceof Error && names.includes(error.name);

/** The checkpoint of a file: one for each key, whatever characters are in it. */
export function checkpointKey(key: string): string {
  return `${resumePrefix}${createHash("sha256").update(key).digest("hex").slice(0, 32)}.json`;
}

/** The landing bucket and the files of the raw zone. */
export function landing(client: S3Client, buckets: { readonly landing: string; readonly raw: string }): FilePort {
  const read = async (input: ConstructorParameters<typeof GetObjectCommand>[0]) => {
    const { Body } = await client.send(new GetObjectCommand(input));
    return (await Body?.transformToByteArray()) ?? new Uint8Array();
  };
  const range = (start: number, end: number) => `bytes=${start}-${end - 1}`;
  const version = ({ versionId }: { readonly versionId?: string }) =>
    versionId === undefined ? {} : { VersionId: versionId };
  return {
    async find(key, versionId) {
      try {
        const id = versionId === undefined ? {} : { versionId };
        const head = await client.send(new HeadObjectCommand({ Bucket: buckets.landing, Key: key, ...version(id) }));
        const { ETag: etag = "", ContentLength: size = 0, LastModified: at = new Date(0) } = head;
        return { key, etag, size, at, ...id };
      } catch (error) {
        if (named(error, "NotFound", "NoSuchKey", "NoSuchVersion", "MethodNotAllowed")) return undefined;
        throw error;
      }
    },
    read: (file, start, end) =>
      read({
        Bucket: buckets.landing,
        Key: file.key,
        ...version(file),
        IfMatch: file.etag,
        Range: range(start, end),
      }),
    async keep(file, key) {
      const source = `${buckets.landing}/${file.key.split("/").map(encodeURIComponent).join("/")}`;
      await client.send(
        new CopyObjectCommand({
          Bucket: buckets.raw,
          Key: key,
          CopySource: file.versionId === undefined ? source : `${source}?versionId=${file.versionId}`,
          CopySourceIfMatch: file.etag,
          // Tags are the sender's own; copying them would need more permissions than the bytes do.
          TaggingDirective: "REPLACE",
        }),
      );
    },
    async keptSize(key) {
      try {
        return (await client.send(new HeadObjectCommand({ Bucket: buckets.raw, Key: key }))).ContentLength ?? 0;
      } catch (error) {
        if (named(error, "NotFound", "NoSuchKey")) return undefined;
        throw error;
      }
    },
    readKept: (key, start, end) => read({ Bucket: buckets.raw, Key: key, Range: range(start, end) }),
    async remove(file: LandedFile) {
      try {
        await client.send(new DeleteObjectCommand({ Bucket: buckets.landing, Key: file.key, IfMatch: file.etag }));
      } catch (error) {
        // Gone, or overwritten meanwhile: the newer one has its own announcement.
        if (!named(error, "PreconditionFailed", "NoSuchKey", "NotFound")) throw error;
      }
    },
    async saveCheckpoint(checkpoint: Checkpoint) {
      await client.send(
        new PutObjectCommand({
          Bucket: buckets.landing,
          Key: checkpointKey(checkpoint.key),
          Body: JSON.stringify(checkpoint),
          ContentType: "application/json",
        }),
      );
    },
    async removeCheckpoint(key) {
      await client.send(new DeleteObjectCommand({ Bucket: buckets.landing, Key: checkpointKey(key) }));
    },
  };
}

/** A checkpoint by its own key; undefined where its file was finished meanwhile. */
export async function readCheckpoint(client: S3Client, bucket: string, key: string): Promise<Checkpoint | undefined> {
  try {
    const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
    return JSON.parse((await Body?.transformToString()) ?? "") as Checkpoint;
  } catch (error) {
    if (named(error, "NoSuchKey", "NotFound")) return undefined;
    throw error;
  }
}
