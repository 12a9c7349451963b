import { PutObjectCommand, type S3Client } from "@aws-sdk/client-s3";
import { s3 } from "@tributary/runtime";

/** Lines of one object: what an importer puts into the graph in minutes, and what is written in one call. */
const linesPerPart = 10_000;

/**
 * Writes JSON lines as objects of some ten thousand, `<prefix>00000.jsonl` and on.
 * @returns their keys, and what the lines' generator returned
 */
export async function writeParts<T>(
  place: { readonly bucket: string; readonly prefix: string },
  lines: AsyncGenerator<unknown, T>,
  client: () => S3Client = s3,
): Promise<{ readonly keys: readonly string[]; readonly result: T }> {
  const keys: string[] = [];
  let part: string[] = [];
  const flush = async (): Promise<void> => {
    if (part.length === 0) return;
    const Key = `${place.prefix}${String(keys.length).padStart(5, "0")}.jsonl`;
    const Body = part.join("");
    await client().send(new PutObjectCommand({ Bucket: place.bucket, Key, Body, ContentType: "application/x-ndjson" }));
    keys.push(Key);
    part = [];
  };
  for (;;) {
    const next = await lines.next();
    if (next.done) {
      await flush();
      return { keys, result: next.value };
    }
    if (part.push(`${JSON.stringify(next.value)}\n`) === linesPerPart) await flush();
  }
}
