import type { QualityRule } from "./quality";

/** How a column's content is classed: drives tags, masking and log redaction. */
export type DataClass = "public" | "internal" | "personal" | "sensitive";

export interface TableColumn {
  readonly name: string;
  /** A type that Glue, Spark and DuckDB share: `string`, `int`, `bigint`, `double`, `boolean`, `timestamp`, `date`, `decimal(p,s)`. */
  readonly type: string;
  readonly description: string;
  readonly dataClass: DataClass;
}

/**
 * How a run of the pipeline follows what has changed in the tables that a table is made from.
 *
 * - `whole`: where anything changed, all rows are made again.
 * - `partition`: the rows of a partition come from the same partition of the tables that have partitions too, so only
 *   partitions that changed there are made again; where another table changed, all are.
 * - `first`: as `partition`, and of a primary key that several partitions hold the first partition has the only row.
 * - `fold`: the SELECT over the table's own rows and what is new gives what it gives over everything. The table has the
 *   columns of the one table that it is made from.
 * - `key`: as `whole`, but where the one table with partitions that it is made from has new ones, and nothing else changed,
 *   only rows of the keys (`groupBy`) in these are made again. Spark makes all.
 */
export type Incremental = "whole" | "partition" | "first" | "fold" | "key";

/** One declaration of a lake table; Glue, Firehose, DuckDB, Redshift, its quality rules and the docs all compile from it. */
export interface LakeTable {
  readonly zone: "raw" | "clean" | "curated";
  readonly name: string;
  readonly description: string;
  readonly columns: readonly TableColumn[];
  /** Names of partition columns (string typed, Hive folders `name=value/`); listed after `columns`, not in them. */
  readonly partitionBy: readonly string[];
  readonly primaryKey: readonly string[];
  /** Of the files: `json` is gzipped JSON lines. @default "parquet" */
  readonly format?: "parquet" | "json";
  /** What a run makes again of it. @default "whole" */
  readonly incremental?: Incremental;
  /**
   * Of a table that is made by `first`: columns of its source which, beside key and partition, decide in which partition
   * a key has its row. Others are not read to find that out. @default all
   */
  readonly firstBy?: readonly string[];
  /**
   * Of a table that is made by `fold` or `key`: columns of it and of its source by which its SELECT groups. The rows of one
   * value of them, null too, are made from the source's rows of that value alone, so those of values that nothing new came
   * for are not made again. @default none: all are
   */
  readonly groupBy?: readonly string[];
  /** Columns that rows lie by in their files, before the primary key. Rows that are near each other are read together. @default none */
  readonly order?: readonly string[];
  /** Its SELECT leaves out rows and columns of a table that has the same order, and does nothing else: no need to sort. @default false */
  readonly presorted?: boolean;
  /** What its rows must be; checked before a run of the pipeline replaces the table's data. @default none */
  readonly quality?: readonly QualityRule[];
}

/** `<zone>.<name>`: what SQL and arguments call a table. */
export const tableName = ({ zone, name }: Pick<LakeTable, "zone" | "name">): string => `${zone}.${name}`;
