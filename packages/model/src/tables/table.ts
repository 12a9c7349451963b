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
  /** What its rows must be; checked before a run of the pipeline replaces the table's data. @default none */
  readonly quality?: readonly QualityRule[];
}

/** `<zone>.<name>`: what SQL and arguments call a table. */
export const tableName = ({ zone, name }: Pick<LakeTable, "zone" | "name">): string => `${zone}.${name}`;
