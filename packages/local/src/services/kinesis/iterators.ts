import { AwsError } from "../../kernel";

/** A reader's place in a shard, as its opaque iterator text carries it. */
export interface Position {
  readonly arn: string;
  readonly shard: string;
  /** Exclusive; from the oldest record where undefined. */
  readonly after?: string;
  /** Epoch milliseconds of issue. */
  readonly issuedAt: number;
}

/** Shard iterators live five minutes, as on AWS. */
const lifetime = 300_000;

export function encodeIterator(position: Position): string {
  const { arn, shard, after, issuedAt } = position;
  return Buffer.from(JSON.stringify([arn, shard, after ?? null, issuedAt])).toString("base64");
}

/** The place that an iterator stands for, expired or not. */
export function decodeIterator(iterator: unknown): Position {
  const invalid = new AwsError("InvalidArgumentException", "Invalid ShardIterator.");
  if (typeof iterator !== "string") throw invalid;
  let parts: unknown;
  try {
    parts = JSON.parse(Buffer.from(iterator, "base64").toString());
  } catch {
    throw invalid;
  }
  if (!Array.isArray(parts)) throw invalid;
  const [arn, shard, after, issuedAt] = parts as unknown[];
  if (typeof arn !== "string" || typeof shard !== "string" || typeof issuedAt !== "number") throw invalid;
  return { arn, shard, issuedAt, ...(typeof after === "string" ? { after } : {}) };
}

export function assertFresh(position: Position, now: number): void {
  if (now - position.issuedAt <= lifetime) return;
  throw new AwsError(
    "ExpiredIteratorException",
    `Iterator expired. The iterator was created at time ${new Date(position.issuedAt).toUTCString()} while right now it is ${new Date(now).toUTCString()} which is further in the future than the tolerated delay of 300000 milliseconds.`,
  );
}
