import { AwsError } from "../../kernel";
import {
  duckdbType,
  type LakeFile,
  type LakeRelation,
  parseLocation,
  quoteText,
  type Session,
  scanFiles,
} from "../duckdb";
import { messageOf } from "./disk-full";
import type { PartitionName } from "./fingerprints";
import { filesIn, type Source } from "./sources";

/** A file that cannot be read, or not as its table says. */
export interface UnreadableFile {
  readonly source: Source;
  readonly file: LakeFile;
  readonly reason: string;
}

/** Files of a step's sources cannot be read. */
export class UnreadableFiles extends AwsError {
  constructor(readonly files: readonly UnreadableFile[]) {
    const lines = files.map(({ source, file, reason }) => `${uriOf(source, file)} of ${source.name}: ${reason}`);
    super(
      "UnreadableFiles",
      `UnreadableFiles: ${files.length} ${files.length === 1 ? "file" : "files"} cannot be read, and nothing was replaced: ${lines.join("; ")}`,
    );
  }
}

export function uriOf({ table }: Source, { name }: LakeFile): string {
  const { bucket, prefix } = parseLocation(table.location);
  return `s3://${bucket}/${prefix}${name}`;
}

/** Widenings that readers of a declared type take from older files. */
const widened: Readonly<Record<string, readonly string[]>> = {
  SMALLINT: ["TINYINT"],
  INTEGER: ["TINYINT", "SMALLINT"],
  BIGINT: ["TINYINT", "SMALLINT", "INTEGER"],
  DOUBLE: ["FLOAT"],
  VARCHAR: ["BLOB"],
};

/**
 * Checks the footers of the files that a step is about to read: that they are whole, and that columns have the types
 * that their table declares.
 * @throws `UnreadableFiles` with every file, and what is wrong with it
 */
export async function assertReadable(
  session: Session,
  sources: readonly Source[],
  only: readonly PartitionName[] | undefined,
): Promise<void> {
  const found: UnreadableFile[] = [];
  for (const source of sources) {
    if (source.relation.format.kind !== "parquet") continue;
    const partitions = source.followed && only !== undefined ? only : source.partitions.keys();
    const files = filesIn(source, partitions);
    if (files.length === 0) continue;
    for (const [file, reason] of await faultsOf(session, source.relation, files)) found.push({ source, file, reason });
  }
  if (found.length > 0) throw new UnreadableFiles(found);
}

async function faultsOf(
  session: Session,
  relation: LakeRelation,
  files: readonly LakeFile[],
): Promise<[LakeFile, string][]> {
  let columns: unknown[][];
  try {
    columns = await schemas(session, files);
  } catch (error) {
    const [file] = files;
    if (files.length === 1 && file !== undefined) return [[file, plain(error)]];
    const found: [LakeFile, string][] = [];
    for (const each of files) found.push(...(await faultsOf(session, relation, [each])));
    if (found.length === 0) throw error;
    return found;
  }
  const declared = new Map(relation.columns.map(({ name, type }) => [name.toLowerCase(), duckdbType(type)]));
  const byPath = new Map(files.map((file) => [file.path, file]));
  return columns.flatMap(([path, column, type]): [LakeFile, string][] => {
    const file = byPath.get(String(path));
    const wanted = declared.get(String(column).toLowerCase());
    if (file === undefined || wanted === undefined || fits(String(type), wanted)) return [];
    return [[file, `the column ${column} is ${String(type)} instead of ${wanted}`]];
  });
}

/** The top columns of files that are of plain types: path, name, type. */
async function schemas(session: Session, files: readonly LakeFile[]): Promise<unknown[][]> {
  const list = files.map(({ path }) => quoteText(path)).join(", ");
  const reader = await session.connection.runAndReadAll(
    `SELECT file_name, name, duckdb_type, coalesce(num_children, 0) FROM parquet_schema([${list}])`,
  );
  const top: unknown[][] = [];
  let [of, within]: [unknown, number] = [undefined, 0];
  // The tree of each file from its root, parents before their children.
  for (const [path, name, type, children] of reader.getRows()) {
    if (path !== of) {
      [of, within] = [path, 0];
      continue;
    }
    if (within === 0 && type !== null) top.push([path, name, type]);
    within = Math.max(0, within - 1) + Number(children);
  }
  return top;
}

function fits(type: string, wanted: string): boolean {
  if (type === wanted || widened[wanted]?.includes(type)) return true;
  // Precision of a clock, and whether it says UTC; nested types are the reader's affair.
  if (wanted.startsWith("TIMESTAMP") && type.startsWith("TIMESTAMP")) return true;
  if (/[[(]/.test(wanted) && !wanted.startsWith("DECIMAL")) return true;
  const [from, to] = [type, wanted].map((each) => /^DECIMAL\((\d+),(\d+)\)$/.exec(each)?.slice(1).map(Number));
  return from !== undefined && to !== undefined && from[1] === to[1] && Number(from[0]) <= Number(to[0]);
}

/**
 * Reads files whole, one by one, after a step has failed: which of them cannot be read? An error inside of a file often
 * does not say of which.
 */
export async function findUnreadable(
  session: Session,
  sources: readonly Source[],
  only: readonly PartitionName[] | undefined,
): Promise<UnreadableFile[]> {
  const found: UnreadableFile[] = [];
  for (const source of sources) {
    const partitions = source.followed && only !== undefined ? only : source.partitions.keys();
    for (const file of filesIn(source, partitions)) {
      try {
        await session.run(`SELECT bit_xor(hash(t)) FROM (${scanFiles(source.relation, [file]).sql}) t`);
      } catch (error) {
        found.push({ source, file, reason: plain(error) });
      }
    }
  }
  return found;
}

/** The engine's message without the place on this machine, on one line. */
const plain = (error: unknown): string =>
  messageOf(error)
    .split("\n", 1)
    .join("")
    .replace(/(?:in |of |reading )?(?:file )?["']\/[^"']*["']:?\s*/g, "")
    .replace(/\s+/g, " ")
    .slice(0, 200);
