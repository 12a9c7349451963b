import { gunzipSync } from "node:zlib";
import { WireReader } from "./wire";

export interface Message {
  /** Epoch milliseconds, the producer's. */
  readonly timestamp: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: readonly (readonly [string, Buffer])[];
}

export class UnsupportedCompression extends Error {}

/**
 * The messages of a produce request's records: batches of format 2, plain or gzip. Their checksums are not compared:
 * nothing lies between a local producer and this.
 * Source: "Record Batch" in the message format of Kafka's documentation.
 */
export function readRecords(records: Buffer): Message[] {
  const reader = new WireReader(records);
  const messages: Message[] = [];
  while (reader.left > 0) messages.push(...readBatch(reader));
  return messages;
}

function readBatch(reader: WireReader): Message[] {
  reader.int64(); // base offset: the broker's to give
  const batch = new WireReader(reader.take(reader.int32()));
  batch.int32(); // leader epoch
  if (batch.int8() !== 2) throw new UnsupportedCompression("record batches before format 2");
  batch.int32(); // checksum
  const compression = batch.int16() & 7;
  if (compression > 1) throw new UnsupportedCompression("compression other than gzip");
  batch.int32(); // last offset delta
  const base = batch.int64();
  batch.int64(); // latest timestamp
  batch.take(8 + 2 + 4); // producer id, epoch, sequence: of idempotent producers
  const count = batch.int32();
  const content = batch.take(batch.left);
  const body = new WireReader(compression === 1 ? gunzipSync(content) : content);
  return Array.from({ length: count }, () => readRecord(new WireReader(body.take(body.varint())), base));
}

function readRecord(record: WireReader, base: number): Message {
  record.int8(); // attributes: none are in use
  const timestamp = base + record.varint();
  record.varint(); // offset delta
  const key = record.field();
  const value = record.field();
  const headers = Array.from({ length: record.varint() }, () => {
    return [record.field()?.toString("utf8") ?? "", record.field() ?? Buffer.alloc(0)] as const;
  });
  return { timestamp, key, value, headers };
}
