import { statSync } from "node:fs";
import { MatchingError } from "../faults";
import { literal, type Session } from "../session";

export type FileFormat = "csv" | "json" | "parquet";

export interface InputFile {
  readonly path: string;
  readonly format: FileFormat;
}

const formatByEnding: readonly (readonly [RegExp, FileFormat])[] = [
  [/\.(csv|tsv|psv|txt)(\.gz)?$/i, "csv"],
  [/\.(jsonl|ndjson|json)(\.gz)?$/i, "json"],
  [/\.(parquet|pq)$/i, "parquet"],
];

export function formatOf(path: string): FileFormat {
  for (const [ending, format] of formatByEnding) if (ending.test(path)) return format;
  throw new MatchingError(
    `${path}: the ending says no format. Name the file .csv, .tsv, .txt, .jsonl, .ndjson (each also .gz) or .parquet.`,
  );
}

/** The files that paths and globs name: existing, not empty, each once, in the order given (a glob's in name order). */
export async function findFiles(session: Session, patterns: readonly string[]): Promise<InputFile[]> {
  if (patterns.length === 0) throw new MatchingError("No input: name at least one CSV, JSON lines or Parquet file.");
  const paths = new Set<string>();
  for (const pattern of patterns) {
    const known = statSync(pattern, { throwIfNoEntry: false });
    if (known?.isDirectory()) {
      throw new MatchingError(`${pattern} is a folder. Name its files, or use a glob such as ${pattern}/*.parquet.`);
    }
    if (known) {
      paths.add(pattern);
      continue;
    }
    const isGlob = /[*?[\]]/.test(pattern);
    const found = isGlob
      ? await session.rows<{ file: string }>(`select file from glob(${literal(pattern)}) order by 1`)
      : [];
    if (found.length === 0) {
      throw new MatchingError(isGlob ? `${pattern}: no file matches.` : `${pattern}: there is no such file.`);
    }
    for (const { file } of found) paths.add(file);
  }
  return [...paths].map((path) => {
    const format = formatOf(path);
    if (statSync(path).size === 0) throw new MatchingError(`${path} is empty. Leave it out, or export it again.`);
    return { path, format };
  });
}
