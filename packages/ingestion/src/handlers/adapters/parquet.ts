import * as zlib from "node:zlib";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { type FileRow, UnreadableFile } from "../../domain/files/rows";

/** Rows decoded at once: what bounds memory, beside the size of a row group's column. */
const rowsAtOnce = 5_000;

/** Codecs beside Snappy, which the reader has: Node's own. Zstandard is in Node 22.15 and later, which Lambda runs. */
function compressors(): Record<string, (input: Uint8Array) => Uint8Array> {
  const { zstdDecompressSync } = zlib as { zstdDecompressSync?: (input: Uint8Array) => Uint8Array };
  return {
    GZIP: (input) => gunzipSync(input),
    BROTLI: (input) => brotliDecompressSync(input),
    ...(zstdDecompressSync ? { ZSTD: (input: Uint8Array) => zstdDecompressSync(input) } : {}),
  };
}

/** A Parquet value as mappings take values: text, numbers, booleans, null; times as ISO 8601, big integers as text. */
function plain(value: unknown): unknown {
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value ?? "";
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, plain(member)]));
}

/**
 * Rows of a Parquet file, which is read in pieces by position. The reader is a file of its own beside the bundle, loaded
 * with the first Parquet file: most functions never see one.
 */
export async function* parquetRows(
  size: number,
  read: (start: number, end: number) => Promise<Uint8Array>,
  onHeader: (header: readonly string[]) => void,
): AsyncGenerator<FileRow> {
  const { parquetMetadataAsync, parquetReadObjects, parquetSchema } = await import("hyparquet");
  const file = {
    byteLength: size,
    slice: async (start: number, end: number = size) => {
      const bytes = await read(start, end);
      return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
    },
  };
  const failures: unknown[] = [];
  // Faults of S3 are told from faults of the file: only the latter are the sender's.
  const watched = {
    ...file,
    slice: (start: number, end?: number) =>
      file.slice(start, end).catch((error: unknown) => {
        failures.push(error);
        throw error;
      }),
  };
  try {
    const metadata = await parquetMetadataAsync(watched);
    onHeader(parquetSchema(metadata).children.map(({ element }) => element.name));
    const total = Number(metadata.num_rows);
    let line = 0;
    for (let rowStart = 0; rowStart < total; rowStart += rowsAtOnce) {
      const rowEnd = Math.min(rowStart + rowsAtOnce, total);
      const rows = await parquetReadObjects({
        file: watched,
        metadata,
        compressors: compressors(),
        rowStart,
        rowEnd,
      });
      for (const values of rows) {
        line += 1;
        const row = plain(values) as Record<string, unknown>;
        yield { line, row, original: () => JSON.stringify(row) };
      }
    }
  } catch (error) {
    if (failures.length > 0 || error instanceof UnreadableFile) throw failures[0] ?? error;
    throw new UnreadableFile(error instanceof Error ? error.message : String(error));
  }
}
