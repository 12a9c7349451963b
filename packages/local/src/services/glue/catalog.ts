import { AwsError, arn, type Kernel, type RequiredPermission } from "../../kernel";
import type { LakeColumn, LakeRelation } from "../duckdb";
import { perKernel } from "../support";
import { formatOf } from "./format";

export interface CatalogDatabase {
  readonly name: string;
  readonly description?: string;
  readonly locationUri?: string;
  readonly parameters: Readonly<Record<string, string>>;
  /** Epoch milliseconds. */
  readonly createdAt: number;
}

export interface CatalogColumn extends LakeColumn {
  readonly comment?: string;
}

export interface CatalogTable {
  readonly database: string;
  readonly name: string;
  readonly description?: string;
  readonly tableType: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly columns: readonly CatalogColumn[];
  readonly partitionKeys: readonly CatalogColumn[];
  /** `s3://bucket/prefix/`; empty for a table without data of its own. */
  readonly location: string;
  readonly inputFormat: string;
  readonly outputFormat: string;
  /** Of a view: its text, as the engine that made it wrote it. */
  readonly viewOriginalText?: string;
  readonly serde: { readonly library: string; readonly parameters: Readonly<Record<string, string>> };
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly version: number;
}

/** A partition that was registered by an API call; those found as folders need no registration locally. */
export interface CatalogPartition {
  readonly values: readonly string[];
  readonly location: string;
  readonly createdAt: number;
}

/** The Glue Data Catalog: databases, tables and registered partitions in the store. Names are lower case, as in Glue. */
export class Catalog {
  private readonly databases;
  private readonly tables;
  private readonly partitions;

  constructor(private readonly kernel: Kernel) {
    this.databases = kernel.store.table<CatalogDatabase>("glue.databases");
    this.tables = kernel.store.table<CatalogTable>("glue.tables");
    this.partitions = kernel.store.table<CatalogPartition>("glue.partitions");
  }

  database(name: string): CatalogDatabase | undefined {
    return this.databases.get(name.toLowerCase());
  }

  listDatabases(): CatalogDatabase[] {
    return [...this.databases.entries()].map(({ value }) => value);
  }

  async putDatabase(database: CatalogDatabase): Promise<void> {
    await this.kernel.store.write(() => this.databases.put(database.name, database));
  }

  async removeDatabase(name: string): Promise<void> {
    await this.kernel.store.write(() => {
      this.databases.remove(name);
      this.tables.clear(keysUnder(name));
      this.partitions.clear(keysUnder(name));
    });
  }

  table(database: string, name: string): CatalogTable | undefined {
    return this.tables.get([database.toLowerCase(), name.toLowerCase()]);
  }

  requireTable(database: string, name: string): CatalogTable {
    const table = this.table(database, name);
    if (table) return table;
    throw new AwsError("EntityNotFoundException", `Table ${database}.${name} not found.`);
  }

  listTables(database: string): CatalogTable[] {
    return [...this.tables.entries(keysUnder(database.toLowerCase()))].map(({ value }) => value);
  }

  async putTable(table: CatalogTable): Promise<void> {
    await this.kernel.store.write(() => this.tables.put([table.database, table.name], table));
  }

  async removeTable(database: string, name: string): Promise<void> {
    await this.kernel.store.write(() => {
      this.tables.remove([database, name]);
      this.partitions.clear(keysUnder(database, name));
    });
  }

  registeredPartitions(table: CatalogTable): CatalogPartition[] {
    return [...this.partitions.entries(keysUnder(table.database, table.name))].map(({ value }) => value);
  }

  async putPartition(table: CatalogTable, partition: CatalogPartition): Promise<void> {
    await this.kernel.store.write(() =>
      this.partitions.put([table.database, table.name, ...partition.values], partition),
    );
  }
}

const keysUnder = (...prefix: string[]) => ({ start: prefix, end: [...prefix, "\u{10ffff}"] });

export const catalogOf = perKernel((kernel) => new Catalog(kernel));

/** A table as the query engine reads it. */
export function relationOf(table: CatalogTable): LakeRelation {
  const { database, name, columns, partitionKeys, location, parameters } = table;
  // A projected table may lie in a folder of each partition: `…/dt=${dt}/orders/`.
  const below = /\}\/([^$]+\/)$/.exec(parameters["storage.location.template"] ?? "")?.[1];
  return {
    database,
    name,
    columns,
    partitionKeys,
    location,
    format: formatOf(table),
    ...(below === undefined ? {} : { below }),
  };
}

export const databaseArn = (kernel: Kernel, database: string) =>
  arn(kernel.place, "glue", `database/${database.toLowerCase()}`);
export const tableArn = (kernel: Kernel, database: string, table: string) =>
  arn(kernel.place, "glue", `table/${database.toLowerCase()}/${table.toLowerCase()}`);

/** What a catalog action on a database, or on a table in it, needs: the action on every level, as Glue asks for it. */
export function catalogPermissions(
  kernel: Kernel,
  action: string,
  database?: string,
  table?: string,
): RequiredPermission[] {
  const resources = [arn(kernel.place, "glue", "catalog")];
  if (database !== undefined) resources.push(databaseArn(kernel, database));
  if (database !== undefined && table !== undefined) resources.push(tableArn(kernel, database, table));
  return resources.map((resource) => ({ action: `glue:${action}`, resource }));
}
