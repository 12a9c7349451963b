import { mkdirSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { AwsError } from "../../kernel";
import {
  duckdbType,
  nearest,
  orderedParquetOptions,
  type ParsedSelect,
  quoteName,
  quoteText,
  type Session,
} from "../duckdb";
import type { CatalogTable } from "./catalog";
import { contentsOf } from "./content";
import { noValue, type PartitionName } from "./fingerprints";

/** A file of the lake is cut at this size, so that any engine can read a table in parallel. */
const maxFileBytes = 512 * 2 ** 20;

/** Rows in files that no table has yet. */
export interface StagedRows {
  readonly folder: string;
  readonly rows: number;
  /** Hashes of the files, by their path in the folder. They are taken beside what comes next. */
  readonly contents: Promise<ReadonlyMap<string, string>>;
}

/** What rows are to be, and how they are to lie. */
export interface Shape {
  readonly target: CatalogTable;
  /** Columns that rows lie by. */
  readonly order: readonly string[];
  /** Files beyond it are cut. @default 512 MB */
  readonly maxFileBytes?: number;
}

/** Wraps the query so that it yields exactly the target's columns, by name, in its order and types. */
export async function conform(session: Session, query: ParsedSelect, target: CatalogTable): Promise<string> {
  const given = query.columns ?? (await columnsGiven(session, query));
  const wanted = [...target.columns, ...target.partitionKeys];
  const has = (names: readonly string[], name: string) =>
    names.some((each) => each.toLowerCase() === name.toLowerCase());
  const missing = wanted.filter(({ name }) => !has(given, name));
  const names = wanted.map(({ name }) => name);
  const extra = given.filter((name) => !has(names, name));
  if (missing.length > 0 || extra.length > 0) {
    const faults = [
      ...missing.map(({ name }) => {
        const near = nearest(name, extra);
        return `column ${name} is missing${near ? ` (the query has ${near})` : ""}`;
      }),
      ...extra.map((name) => `column ${name} is not in the table`),
    ];
    throw new AwsError(
      "InvalidInputException",
      `the query does not fit ${target.database}.${target.name}: ${faults.join("; ")}`,
    );
  }
  const casts = wanted.map(({ name, type }) => `CAST(${quoteName(name)} AS ${duckdbType(type)}) AS ${quoteName(name)}`);
  return `SELECT ${casts.join(", ")} FROM (\n${query.sql}\n)`;
}

/** What the engine calls a query's columns. It plans the query for that, which takes a while. */
async function columnsGiven(session: Session, { sql }: ParsedSelect): Promise<string[]> {
  const prepared = await session.connection.prepare(sql);
  const names = Array.from({ length: prepared.columnCount }, (_, index) => prepared.columnName(index));
  prepared.destroySync();
  return names;
}

/** Columns that the rows of a table lie by: those that are given, else all. */
export const orderOf = (target: CatalogTable, order: readonly string[]): readonly string[] =>
  order.length > 0 ? order : target.columns.map(({ name }) => name);

/** Writes the rows of a SELECT into a folder, as a table's files: the same rows as the same bytes. */
export async function stage(session: Session, select: string, folder: string, shape: Shape): Promise<StagedRows> {
  const { target } = shape;
  rmSync(folder, { recursive: true, force: true });
  if (target.partitionKeys.length === 0) {
    const rows = await write(session, `${select} ${ordered(shape)}`, folder, shape);
    return { folder, rows, contents: contentsOf(folder) };
  }
  const staged = `${session.database}.main.staged`;
  await session.run(`CREATE OR REPLACE TABLE ${staged} AS ${select}`);
  const keys = target.partitionKeys.map(({ name }) => name);
  const names = keys.map(quoteName).join(", ");
  const partitions = await session.connection.runAndReadAll(`SELECT DISTINCT ${names} FROM ${staged} ORDER BY ALL`);
  let rows = 0;
  for (const values of partitions.getRowsJson()) {
    const is = keys.map((key, index) => `${quoteName(key)} IS NOT DISTINCT FROM ${literal(values[index])}`);
    const into = join(folder, ...keys.map((key, index) => `${key}=${folderValue(values[index])}`));
    const select = `SELECT ${dataColumns(target)} FROM ${staged} WHERE ${is.join(" AND ")} ${ordered(shape)}`;
    rows += await write(session, select, into, shape);
  }
  await session.run(`DROP TABLE ${staged}`);
  return { folder, rows, contents: contentsOf(folder) };
}

const literal = (value: unknown): string => (value === null ? "NULL" : quoteText(String(value)));
const folderValue = (value: unknown): string => (value === null ? noValue : encodeURIComponent(String(value)));
const dataColumns = (target: CatalogTable): string => target.columns.map(({ name }) => quoteName(name)).join(", ");
const ordered = ({ target, order }: Shape): string =>
  `ORDER BY ${orderOf(target, order)
    .map((name) => `${quoteName(name)} ASC NULLS LAST`)
    .join(", ")}`;

/**
 * Writes the rows that a SELECT gives for one partition of its sources, as that partition's files. They must be that
 * partition's: rows of another are an error.
 */
export async function stagePartition(
  session: Session,
  select: string,
  folder: string,
  partition: { readonly name: PartitionName; readonly values: readonly string[] },
  shape: Shape & { readonly presorted: boolean },
): Promise<number> {
  const { target } = shape;
  const mine = target.partitionKeys.map(({ name }, index) => {
    const told = `a row of ${name}=`;
    const origin = ` comes from the partition ${partition.name} of its source: the table cannot be made by partition`;
    const fault = `error(${quoteText(told)} || coalesce(${quoteName(name)}, 'null') || ${quoteText(origin)})`;
    return `CASE WHEN ${quoteName(name)} IS NOT DISTINCT FROM ${literal(partition.values[index])} THEN true ELSE ${fault} END`;
  });
  const rows = `SELECT ${dataColumns(target)} FROM (${select}) WHERE ${mine.join(" AND ")}`;
  return await write(
    session,
    shape.presorted ? rows : `${rows} ${ordered(shape)}`,
    join(folder, partition.name),
    shape,
  );
}

/** Writes rows, in the order that they come, as the files of a folder: none, one, or several of a bounded size. */
async function write(session: Session, select: string, folder: string, { maxFileBytes: most = maxFileBytes }: Shape) {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, "part-00000.parquet");
  const rows = await session.run(`COPY (${select}) TO ${quoteText(file)} (${orderedParquetOptions})`);
  const { size } = statSync(file);
  // An empty result leaves no file: an empty folder is an empty partition.
  if (rows === 0) rmSync(folder, { recursive: true });
  else if (size > most) await cut(session, file, rows, Math.ceil(size / (most / 2)), folder);
  return rows;
}

/** Cuts a file into several of as many rows each. */
async function cut(session: Session, file: string, rows: number, pieces: number, folder: string): Promise<void> {
  const each = Math.ceil(rows / pieces);
  const whole = join(folder, "whole.parquet");
  renameSync(file, whole);
  for (let piece = 0; piece < pieces; piece++) {
    const [from, to] = [piece * each, (piece + 1) * each];
    const select = `SELECT * EXCLUDE file_row_number FROM read_parquet(${quoteText(whole)}, file_row_number = true, hive_partitioning = false) WHERE file_row_number >= ${from} AND file_row_number < ${to}`;
    const into = join(folder, `part-${String(piece).padStart(5, "0")}.parquet`);
    await session.run(`COPY (${select}) TO ${quoteText(into)} (${orderedParquetOptions})`);
  }
  rmSync(whole);
}
