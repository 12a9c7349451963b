import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import { s3 } from "@tributary/runtime";

/** Bytes of one part: above S3's least of 5 MiB, and 10,000 parts of it are more than any job gives. */
const partBytes = 8 * 1024 * 1024;

/**
 * Writes JSON lines as one object of any size, in parts: it is there whole or not at all.
 * @returns what the lines' generator returned
 */
export async function writeLines<T>(
  place: { readonly bucket: string; readonly key: string },
  lines: AsyncGenerator<unknown, T>,
  client: () => S3Client = s3,
): Promise<T> {
  const target = { Bucket: place.bucket, Key: place.key };
  const parts: { readonly ETag: string | undefined; readonly PartNumber: number }[] = [];
  let upload: string | undefined;
  let text: string[] = [];
  let size = 0;
  const flush = async (): Promise<void> => {
    upload ??= (
      await client().send(new CreateMultipartUploadCommand({ ...target, ContentType: "application/x-ndjson" }))
    ).UploadId;
    const PartNumber = parts.length + 1;
    const { ETag } = await client().send(
      new UploadPartCommand({ ...target, UploadId: upload, PartNumber, Body: text.join("") }),
    );
    parts.push({ ETag, PartNumber });
    text = [];
    size = 0;
  };
  try {
    for (;;) {
      const next = await lines.next();
      if (next.done) {
        if (upload === undefined) {
          await client().send(
            new PutObjectCommand({ ...target, Body: text.join(""), ContentType: "application/x-ndjson" }),
          );
        } else {
          if (size > 0) await flush();
          await client().send(
            new CompleteMultipartUploadCommand({ ...target, UploadId: upload, MultipartUpload: { Parts: parts } }),
          );
        }
        return next.value;
      }
      const line = `${JSON.stringify(next.value)}\n`;
      text.push(line);
      size += Buffer.byteLength(line);
      if (size >= partBytes) await flush();
    }
  } catch (error) {
    // Parts that nobody completes are billed until the bucket's lifecycle takes them; the first error is the one to tell.
    if (upload !== undefined) {
      await client()
        .send(new AbortMultipartUploadCommand({ ...target, UploadId: upload }))
        .catch(() => undefined);
    }
    throw error;
  }
}
