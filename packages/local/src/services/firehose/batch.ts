import type { DeliveryConfig } from "./config";
import type { Line } from "./json-serde";
import { type PartitionQuery, partitionKeys } from "./partition-query";
import type { SourceRecord } from "./source";
import { SpillFile } from "./spill-file";

/** Kinds of failure, as they stand in error prefixes. */
export type ErrorType = "processing-failed" | "format-conversion-failed";

export interface Partition {
  readonly keys: Readonly<Record<string, string>>;
  readonly file: SpillFile;
}

const newline = Buffer.from("\n");
/** As on AWS by default; more are a sign of a key that is too fine. */
const maxPartitions = 500;

/** What has been read since the last delivery, on disk: a file per partition, and one per kind of failure. */
export class Batch {
  readonly partitions = new Map<string, Partition>();
  readonly errors = new Map<ErrorType, SpillFile>();
  /** Position up to which each shard has been read. */
  readonly positions = new Map<string, string>();
  /** Records taken in, whatever became of them. */
  records = 0;
  private files = 0;

  constructor(
    private readonly folder: string,
    /** The same for every attempt at the same batch. */
    readonly id: string,
    /** Arrival of the oldest record, epoch milliseconds. */
    readonly at: number,
    private readonly config: DeliveryConfig,
    private readonly toLine: ((data: Uint8Array) => Line) | undefined,
  ) {}

  get bytes(): number {
    let sum = 0;
    for (const { file } of this.partitions.values()) sum = Math.max(sum, file.bytes);
    return sum;
  }

  /** Takes a record's (transformed) data into the batch. */
  add(record: SourceRecord, data: Uint8Array, givenKeys: Record<string, string> = {}): void {
    let keys = givenKeys;
    if (this.config.partitionQuery) {
      const found = readKeys(this.config.partitionQuery, data);
      if ("fault" in found) {
        this.fail("processing-failed", record, "DynamicPartitioning.MetadataExtractionFailed", found.fault);
        return;
      }
      keys = { ...keys, ...found.keys };
    }
    if (!this.toLine) {
      this.fileOf(keys).append(data, ...(this.config.delimiter ? [Buffer.from(this.config.delimiter)] : []));
      return;
    }
    const line = this.toLine(data);
    if ("line" in line) this.fileOf(keys).append(line.line, newline);
    else this.fail("format-conversion-failed", record, line.code, line.message);
  }

  /** Keeps a record that cannot be delivered as it should, in AWS's form, with its original bytes. */
  fail(type: ErrorType, record: SourceRecord, code: string, message: string, attemptsMade = 1): void {
    const conversion = this.config.conversion;
    const entry = {
      attemptsMade,
      arrivalTimestamp: record.arrivedAt,
      ...(type === "format-conversion-failed"
        ? { lastErrorCode: code, lastErrorMessage: message }
        : { errorCode: code, errorMessage: message }),
      attemptEndingTimestamp: Date.now(),
      rawData: Buffer.from(record.data).toString("base64"),
      sequenceNumber: record.sequence,
      ...(type === "format-conversion-failed" &&
        conversion && { dataCatalogTable: { databaseName: conversion.database, tableName: conversion.table } }),
      ...(type === "processing-failed" && this.config.transform && { lambdaArn: this.config.transform.functionArn }),
    };
    let file = this.errors.get(type);
    if (!file) {
      file = this.newFile();
      this.errors.set(type, file);
    }
    file.append(Buffer.from(JSON.stringify(entry)), newline);
  }

  finish(): void {
    for (const file of this.allFiles()) file.finish();
  }

  discard(): void {
    for (const file of this.allFiles()) file.discard();
  }

  private *allFiles(): IterableIterator<SpillFile> {
    for (const { file } of this.partitions.values()) yield file;
    yield* this.errors.values();
  }

  private fileOf(keys: Readonly<Record<string, string>>): SpillFile {
    const name = JSON.stringify(keys);
    let partition = this.partitions.get(name);
    if (!partition) {
      partition = { keys, file: this.newFile() };
      this.partitions.set(name, partition);
    }
    return partition.file;
  }

  /** Whether the batch must be delivered before more partitions can be opened. */
  get full(): boolean {
    return this.bytes >= this.config.bufferBytes || this.partitions.size >= maxPartitions;
  }

  private newFile(): SpillFile {
    return new SpillFile(this.folder, `${this.id}-${this.files++}`);
  }
}

function readKeys(query: PartitionQuery, data: Uint8Array): ReturnType<typeof partitionKeys> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(Buffer.from(data).toString("utf8"));
  } catch (error) {
    return { fault: `partition keys cannot be read: ${String(error)}` };
  }
  return partitionKeys(query, parsed);
}
