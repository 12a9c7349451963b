import { pipeline, Readable } from "node:stream";
import { createGunzip } from "node:zlib";

/** A row of a file, before anything is made of it. */
export interface FileRow {
  /** Line in the file (CSV, JSON lines; of a record of several lines its last) or row number (Parquet), from 1. */
  readonly line: number;
  /** The row by column; undefined where the line could not be read as a row: `fault` then says why. */
  readonly row: Readonly<Record<string, unknown>> | undefined;
  readonly fault?: string;
  /** The row as it stands in the file (Parquet: as JSON). */
  readonly original: () => string;
}

/** The file cannot be read to its end: what is wrong with it, in words for whoever sent it. */
export class UnreadableFile extends Error {
  override readonly name = "UnreadableFile";
}

export type Chunks = AsyncIterable<Uint8Array>;

/** Longest line or record that is taken for one, in bytes: an event has 32 KiB, and memory is bounded. */
export const maxRowBytes = 8 * 1024 * 1024;

function streamOf(chunks: Chunks, gzipped: boolean): Readable {
  const bytes = Readable.from(chunks, { objectMode: false });
  if (!gzipped) return bytes;
  const unzipped = createGunzip({ chunkSize: 1 << 18 });
  // What fails before the last stream is thrown to whoever iterates over it.
  pipeline(bytes, unzipped, () => undefined);
  return unzipped;
}

/** Faults of the bytes are the file's; anything else (S3, our own) is not, and is tried again. */
function fileFault(error: unknown): unknown {
  const code = (error as { code?: unknown })?.code;
  if (typeof code !== "string" || !(code.startsWith("CSV_") || code.startsWith("Z_"))) return error;
  return new UnreadableFile((error as Error).message);
}

interface CsvRecord {
  readonly record: readonly string[];
  readonly raw: string;
  readonly info: { readonly lines: number };
}

/** Rows of a CSV file (RFC 4180, a header first). `onHeader` may throw `UnreadableFile`. */
export async function* csvRows(
  chunks: Chunks,
  { gzipped, delimiter = "," }: { readonly gzipped: boolean; readonly delimiter?: string },
  onHeader: (header: readonly string[]) => void,
): AsyncGenerator<FileRow> {
  // A file of its own beside the bundle: JSON lines and Parquet need none.
  const { parse } = await import("csv-parse");
  const source = streamOf(chunks, gzipped);
  const broken: FileRow[] = [];
  const parser = parse({
    bom: true,
    delimiter,
    info: true,
    raw: true,
    // As senders write it: line ends of every kind, quotes where none are needed.
    record_delimiter: ["\r\n", "\n", "\r"],
    relax_quotes: true,
    relax_column_count: true,
    skip_empty_lines: true,
    max_record_size: maxRowBytes,
    skip_records_with_error: true,
    on_skip: (error, raw) => {
      const line = Number((error as { readonly lines?: number } | undefined)?.lines ?? 0);
      broken.push({ line, row: undefined, fault: error?.message ?? "no CSV", original: () => raw ?? "" });
      return undefined;
    },
  });
  pipeline(source, parser, () => undefined);
  let header: readonly string[] | undefined;
  try {
    for await (const { record, raw, info } of parser as AsyncIterable<CsvRecord>) {
      if (!header) {
        header = record.map((name) => name.trim());
        onHeader(header);
        continue;
      }
      // The parser is ahead: what it met further on waits, as a run may end between any two lines.
      while (broken[0] && broken[0].line < info.lines) yield broken.shift() as FileRow;
      const original = () => raw.replace(/\r?\n?$/, "");
      if (record.length !== header.length) {
        const fault = `${record.length} columns where the header has ${header.length}`;
        yield { line: info.lines, row: undefined, fault, original };
        continue;
      }
      const row: Record<string, unknown> = {};
      for (let index = 0; index < header.length; index++) row[header[index] ?? ""] = record[index];
      yield { line: info.lines, row, original };
    }
    yield* broken.splice(0);
  } catch (error) {
    throw fileFault(error);
  } finally {
    source.destroy();
  }
}

async function* linesOf(stream: Readable): AsyncGenerator<string> {
  let rest = "";
  stream.setEncoding("utf8");
  for await (const chunk of stream as AsyncIterable<string>) {
    const lines = (rest + chunk).split(/\r?\n/);
    rest = lines.pop() ?? "";
    if (rest.length > maxRowBytes) throw new UnreadableFile(`a line is longer than ${maxRowBytes} bytes`);
    yield* lines;
  }
  if (rest !== "") yield rest;
}

/** Rows of JSON lines: one object a line. */
export async function* jsonRows(chunks: Chunks, { gzipped }: { readonly gzipped: boolean }): AsyncGenerator<FileRow> {
  const stream = streamOf(chunks, gzipped);
  let line = 0;
  try {
    for await (const text of linesOf(stream)) {
      line += 1;
      const plain = line === 1 ? text.replace(/^\uFEFF/, "") : text;
      if (plain.trim() === "") continue;
      yield { line, ...jsonRow(plain), original: () => text };
    }
  } catch (error) {
    throw fileFault(error);
  } finally {
    stream.destroy();
  }
}

function jsonRow(text: string): Pick<FileRow, "row" | "fault"> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return { row: undefined, fault: `not JSON: ${(error as Error).message}` };
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return { row: value as Record<string, unknown> };
  }
  return { row: undefined, fault: "not a JSON object" };
}
