import { pipeline, Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { GetObjectCommand, ListObjectsV2Command, type S3Client } from "@aws-sdk/client-s3";
import { s3 } from "@tributary/runtime";
import type { MatchedRecord } from "../domain/matching/groups";
import { type OutputFile, rowReader, successFiles } from "../domain/matching/output";

/** Bytes of a CSV file read at once. */
const pieceBytes = 8 * 1024 * 1024;
/** Rows of a Parquet file decoded at once. */
const rowsAtOnce = 10_000;

export interface JobPlace {
  readonly bucket: string;
  /** With a slash at its end. */
  readonly prefix: string;
  readonly workflow: string;
}

/** What Entity Resolution wrote for a job. */
export class JobOutput {
  constructor(
    private readonly place: JobPlace,
    private readonly client: () => S3Client = s3,
  ) {}

  /** The files with matched records. Looked for where they are expected first, then anywhere below the prefix. */
  async files(jobId: string): Promise<OutputFile[]> {
    const { prefix, workflow } = this.place;
    const near = successFiles(await this.list(`${prefix}${workflow}/${jobId}/`), jobId);
    return near.length > 0 ? near : successFiles(await this.list(prefix), jobId);
  }

  /** The rows of the files, one after the other: CSV, gzipped or not, or Parquet. */
  async *rows(files: readonly OutputFile[]): AsyncGenerator<MatchedRecord> {
    for (const file of files) yield* file.key.endsWith(".parquet") ? this.parquet(file) : this.csv(file);
  }

  private async list(prefix: string): Promise<OutputFile[]> {
    const files: OutputFile[] = [];
    let from: string | undefined;
    do {
      const page = await this.client().send(
        new ListObjectsV2Command({ Bucket: this.place.bucket, Prefix: prefix, ContinuationToken: from }),
      );
      for (const { Key, Size } of page.Contents ?? []) if (Key !== undefined) files.push({ key: Key, size: Size ?? 0 });
      from = page.NextContinuationToken;
    } while (from !== undefined);
    return files;
  }

  /** Bytes of a file from one place to before another. */
  private async read(key: string, start: number, end: number): Promise<Uint8Array> {
    const Range = `bytes=${start}-${end - 1}`;
    const { Body } = await this.client().send(new GetObjectCommand({ Bucket: this.place.bucket, Key: key, Range }));
    return (await Body?.transformToByteArray()) ?? new Uint8Array();
  }

  /** In pieces: a connection that nobody reads for a while is closed, and the links are written meanwhile. */
  private async *pieces({ key, size }: OutputFile): AsyncGenerator<Uint8Array> {
    for (let start = 0; start < size; start += pieceBytes) {
      yield await this.read(key, start, Math.min(start + pieceBytes, size));
    }
  }

  private async *csv(file: OutputFile): AsyncGenerator<MatchedRecord> {
    const { key } = file;
    // A file of its own beside the bundle.
    const { parse } = await import("csv-parse");
    const parser = parse({ bom: true, relax_quotes: true, skip_empty_lines: true });
    const source = Readable.from(this.pieces(file), { objectMode: false });
    // What fails before the parser ends the parser, and is thrown to whoever reads it.
    if (key.endsWith(".gz")) pipeline(source, createGunzip(), parser, () => undefined);
    else pipeline(source, parser, () => undefined);
    let read: ReturnType<typeof rowReader> | undefined;
    for await (const values of parser as AsyncIterable<readonly string[]>) {
      if (read === undefined) read = rowReader(values, key);
      else {
        const record = read(values);
        if (record !== undefined) yield record;
      }
    }
  }

  private async *parquet({ key, size }: OutputFile): AsyncGenerator<MatchedRecord> {
    const { parquetMetadataAsync, parquetReadObjects, parquetSchema } = await import("hyparquet");
    const slice = async (start: number, end: number = size): Promise<ArrayBuffer> => {
      const bytes = await this.read(key, start, end);
      return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
    };
    const file = { byteLength: size, slice };
    const metadata = await parquetMetadataAsync(file);
    const columns = parquetSchema(metadata).children.map(({ element }) => element.name);
    const read = rowReader(columns, key);
    for (let rowStart = 0; rowStart < Number(metadata.num_rows); rowStart += rowsAtOnce) {
      const rowEnd = Math.min(rowStart + rowsAtOnce, Number(metadata.num_rows));
      for (const row of await parquetReadObjects({ file, metadata, rowStart, rowEnd })) {
        const record = read(columns.map((column) => row[column]));
        if (record !== undefined) yield record;
      }
    }
  }
}
