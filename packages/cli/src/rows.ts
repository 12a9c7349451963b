import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { type Duplex, PassThrough, pipeline } from "node:stream";
import { createGunzip } from "node:zlib";
import { readParquet } from "@tributary/local";
import { parse } from "csv-parse";
import { UsageError } from "./errors";

/** A row of a file, before anything is made of it. */
export interface FileRow {
  /** Line in the file (CSV, JSON lines) or row number (Parquet), from 1. */
  readonly line: number;
  /** The row by column; undefined where the line could not be read as a row: `fault` then says why. */
  readonly row: Record<string, unknown> | undefined;
  readonly fault?: string;
  /** The row as it stands in the file (Parquet: as JSON). */
  readonly original: () => string;
}

export type FileFormat = "csv" | "jsonl" | "parquet";

/** A file's format by its name: `.csv`, `.jsonl`, `.ndjson`, `.json`, each with `.gz` or without; `.parquet`. */
export function formatOf(file: string): FileFormat {
  const name = file.toLowerCase().replace(/\.gz$/, "");
  if (name.endsWith(".csv")) return "csv";
  if (/\.(jsonl|ndjson|json)$/.test(name)) return "jsonl";
  if (name.endsWith(".parquet")) return "parquet";
  throw new UsageError(
    `${file}: this format is not known. Files are .csv, .jsonl, .ndjson or .json (with .gz or without) or .parquet.`,
  );
}

/** SHA-256 of a file's bytes, in hex. */
export async function hashFile(file: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return hash.digest("hex");
}

/** The file's bytes, unzipped. What goes wrong on the way is thrown to whoever iterates over the last stream. */
function open<S extends Duplex>(file: string, last: S): S {
  const source = createReadStream(file, { highWaterMark: 1 << 20 });
  const steps = file.toLowerCase().endsWith(".gz") ? [createGunzip({ chunkSize: 1 << 18 }), last] : [last];
  // Not `pipe`, which leaves the errors of the streams before the last to nobody, and that ends the process.
  pipeline([source, ...steps], () => undefined);
  return last;
}

interface CsvRecord {
  readonly record: readonly string[];
  readonly raw: string;
  readonly info: { readonly lines: number };
}

async function* csvRows(file: string, onHeader: (header: string[]) => void): AsyncGenerator<FileRow> {
  const parser = open(
    file,
    parse({ bom: true, info: true, raw: true, relax_column_count: true, skip_empty_lines: true }),
  );
  let header: string[] | undefined;
  for await (const { record, raw, info } of parser as AsyncIterable<CsvRecord>) {
    if (!header) {
      header = record.map((name) => name.trim());
      onHeader(header);
      continue;
    }
    const original = () => raw.replace(/\r?\n?$/, "");
    const line = info.lines;
    if (record.length !== header.length) {
      const fault = `${record.length} columns where the header has ${header.length}`;
      yield { line, row: undefined, fault, original };
      continue;
    }
    const row: Record<string, unknown> = {};
    for (let index = 0; index < header.length; index++) row[header[index] ?? ""] = record[index];
    yield { line, row, original };
  }
}

async function* linesOf(stream: PassThrough): AsyncGenerator<string> {
  let rest = "";
  stream.setEncoding("utf8");
  for await (const chunk of stream as AsyncIterable<string>) {
    const lines = (rest + chunk).split(/\r?\n/);
    rest = lines.pop() ?? "";
    yield* lines;
  }
  if (rest !== "") yield rest;
}

async function* jsonRows(file: string): AsyncGenerator<FileRow> {
  let line = 0;
  for await (const text of linesOf(open(file, new PassThrough()))) {
    line += 1;
    if (text.trim() === "") continue;
    const original = () => text;
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch (error) {
      yield { line, row: undefined, fault: `not JSON: ${(error as Error).message}`, original };
      continue;
    }
    if (typeof value === "object" && value !== null && !Array.isArray(value)) {
      yield { line, row: value as Record<string, unknown>, original };
    } else {
      yield { line, row: undefined, fault: "not a JSON object", original };
    }
  }
}

async function* parquetRows(file: string, onHeader: (header: string[]) => void): AsyncGenerator<FileRow> {
  let line = 0;
  for await (const { header, rows } of readParquet(file)) {
    if (line === 0) onHeader(header);
    for (const values of rows) {
      line += 1;
      const row = Object.fromEntries(header.map((name, index) => [name, values[index] ?? ""]));
      yield { line, row, original: () => JSON.stringify(row) };
    }
  }
}

/**
 * The rows of a file, in order. `onHeader` gets the column names (CSV, Parquet) before the first row; what it throws ends
 * the reading.
 */
export function readRows(file: string, onHeader: (header: string[]) => void): AsyncGenerator<FileRow> {
  switch (formatOf(file)) {
    case "csv":
      return csvRows(file, onHeader);
    case "jsonl":
      return jsonRows(file);
    case "parquet":
      return parquetRows(file, onHeader);
  }
}
