import { type Kernel, NotSupportedLocally } from "../../kernel";
import type { LakeFile } from "./lake-files";
import { listFiles, parseLocation, partitionOf } from "./lake-files";
import { duckdbType, type LakeColumn, quoteName, quoteText } from "./types";

/** A catalog table as the query engine needs it. */
export interface LakeRelation {
  readonly database: string;
  readonly name: string;
  readonly columns: readonly LakeColumn[];
  readonly partitionKeys: readonly LakeColumn[];
  /** `s3://bucket/prefix/` */
  readonly location: string;
  readonly format: TableFormat;
  /** Folder inside each partition that the table is limited to, with its slash. */
  readonly below?: string;
}

export type TableFormat =
  | { readonly kind: "parquet" }
  | { readonly kind: "json" }
  | { readonly kind: "csv"; readonly delimiter: string; readonly quote: string; readonly skipLines: number }
  | { readonly kind: "unsupported"; readonly what: string };

/** What a query over a relation would read. */
export interface RelationScan {
  /** A SELECT that gives the catalog's columns, in its order and types. */
  readonly sql: string;
  readonly files: readonly LakeFile[];
  /** Sum of the files' sizes, an upper bound of what a query scans. */
  readonly bytes: number;
}

/** `{'a': 'VARCHAR', …}` as the readers take column types. */
const typeMap = (columns: readonly LakeColumn[]) =>
  `{${columns.map(({ name, type }) => `${quoteText(name)}: ${quoteText(duckdbType(type))}`).join(", ")}}`;

const typedNulls = (columns: readonly LakeColumn[]) =>
  columns.map(({ name, type }) => `NULL::${duckdbType(type)} AS ${quoteName(name)}`).join(", ");

/** The files of a catalog table: of one with partitions those that lie in a partition. */
export function filesOf(kernel: Kernel, relation: LakeRelation): LakeFile[] {
  const keys = relation.partitionKeys.map(({ name }) => name);
  return listFiles(kernel, parseLocation(relation.location)).filter(
    (file) =>
      keys.length === 0 ||
      (partitionOf(file, keys) &&
        file.name
          .split("/")
          .slice(keys.length)
          .join("/")
          .startsWith(relation.below ?? "")),
  );
}

/**
 * Compiles a catalog table to a SELECT over its files. Columns that the files lack are NULL, columns that the catalog
 * lacks are invisible, types are the catalog's; a table without files is an empty relation of the right types.
 */
export const scanOf = (kernel: Kernel, relation: LakeRelation): RelationScan =>
  scanFiles(relation, relation.format.kind === "unsupported" ? [] : filesOf(kernel, relation));

/** `scanOf` over some of a table's files; with a column more where a reader shows which file each row is from. */
export function scanFiles(relation: LakeRelation, files: readonly LakeFile[], pathColumn?: string): RelationScan {
  const { columns, partitionKeys, format } = relation;
  if (format.kind === "unsupported") {
    throw new NotSupportedLocally(
      `reading ${relation.database}.${relation.name} (${format.what})`,
      "Locally, tables are Parquet, JSON lines or CSV.",
    );
  }
  const all = [...columns, ...partitionKeys];
  const keys = partitionKeys.map(({ name }) => name);
  const path = pathColumn === undefined ? "" : `, CAST(NULL AS VARCHAR) AS ${quoteName(pathColumn)}`;
  const named = pathColumn === undefined ? "" : `, filename = ${quoteText(pathColumn)}`;
  const empty = `SELECT ${typedNulls(all)}${path} WHERE false`;
  if (files.length === 0) return { sql: empty, files, bytes: 0 };

  const list = `[${files.map(({ path }) => quoteText(path)).join(", ")}]`;
  const hive =
    keys.length > 0
      ? `, hive_partitioning = true, hive_types = ${typeMap(partitionKeys)}`
      : ", hive_partitioning = false";
  const readers = {
    parquet: () => `read_parquet(${list}, union_by_name = true${hive}${named})`,
    json: () => `read_json(${list}, format = 'newline_delimited', columns = ${typeMap(columns)}${hive}${named})`,
    csv: () =>
      format.kind === "csv"
        ? // One thread: the parallel reader refuses line breaks inside of quotes.
          `read_csv(${list}, auto_detect = false, header = false, skip = ${format.skipLines}, delim = ${quoteText(format.delimiter)}, quote = ${quoteText(format.quote)}, null_padding = true, parallel = false, columns = ${typeMap(columns)}${hive}${named})`
        : "",
  };
  const casts = all.map(({ name, type }) => `CAST(${quoteName(name)} AS ${duckdbType(type)}) AS ${quoteName(name)}`);
  if (pathColumn !== undefined) casts.push(quoteName(pathColumn));
  return {
    sql: `SELECT ${casts.join(", ")} FROM (SELECT * FROM ${readers[format.kind]()} UNION ALL BY NAME ${empty})`,
    files,
    bytes: files.reduce((sum, { size }) => sum + size, 0),
  };
}
