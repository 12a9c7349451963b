import { createHash } from "node:crypto";
import { createReadStream, existsSync } from "node:fs";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
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
  if (!existsSync(file)) throw new UsageError(`${file}: there is no such file.`);
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return hash.digest("hex");
}

function open(file: string): Readable {
  const stream = createReadStream(file, { highWaterMark: 1 << 20 });
  if (!file.toLowerCase().endsWith(".gz")) return stream;
  const unzipped = createGunzip({ chunkSize: 1 << 18 });
  stream.on("error", (error) => unzipped.destroy(error));
  return stream.pipe(unzipped);
}

interface CsvRecord {
  readonly record: readonly string[];
  readonly raw: string;
  readonly info: { readonly lines: number };
}

async function* csvRows(file: string, onHeader: (header: string[]) => void): AsyncGenerator<FileRow> {
  const parser = open(file).pipe(
    parse({ bom: true, info: true, raw: true, relax_column_count: true, skip_empty_lines: true }),
  );
  let header: string[] | undefined;
  for await (const { record, raw, info } of parser as AsyncIterable<CsvRecord>) {
    if (!header) {
      header = record.map((name) => name.trim());
      onHeader(header);
      continue;
    }
    const original = () => raw.replace(/\r?\n$/, "");
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

async function* jsonRows(file: string): AsyncGenerator<FileRow> {
  let line = 0;
  for await (const text of createInterface({ input: open(file), crlfDelay: Number.POSITIVE_INFINITY })) {
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
