import { GetObjectCommand, HeadObjectCommand, type S3Client } from "@aws-sdk/client-s3";
import { s3 } from "./clients/s3";

/** Bytes read at once. */
const pieceBytes = 8 * 1024 * 1024;

/** How many bytes an object has. */
export async function objectSize(
  bucket: string,
  key: string,
  client: () => Pick<S3Client, "send"> = s3,
): Promise<number> {
  return (await client().send(new HeadObjectCommand({ Bucket: bucket, Key: key }))).ContentLength ?? 0;
}

/**
 * The lines of an object, UTF-8, without their ends. In pieces: a connection that nobody reads for a while is closed, and
 * the lines before are worked at meanwhile.
 */
export async function* objectLines(
  bucket: string,
  key: string,
  client: () => Pick<S3Client, "send"> = s3,
): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8");
  let rest = "";
  let size = Number.POSITIVE_INFINITY;
  for (let start = 0; start < size; start += pieceBytes) {
    const Range = `bytes=${start}-${start + pieceBytes - 1}`;
    const { Body, ContentRange, ContentLength } = await piece(client(), bucket, key, Range);
    size = Number(/\/(\d+)$/.exec(ContentRange ?? "")?.[1] ?? ContentLength ?? 0);
    const text = rest + decoder.decode((await Body?.transformToByteArray()) ?? new Uint8Array(), { stream: true });
    const lines = text.split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
  rest += decoder.decode();
  if (rest !== "") yield rest;
}

async function piece(client: Pick<S3Client, "send">, Bucket: string, Key: string, Range: string) {
  try {
    return await client.send(new GetObjectCommand({ Bucket, Key, Range }));
  } catch (error) {
    // An empty object has no byte to begin at.
    if ((error as Error).name === "InvalidRange")
      return { Body: undefined, ContentRange: "bytes */0", ContentLength: 0 };
    throw error;
  }
}
