import { AwsError, type Kernel, type Principal } from "../../kernel";
import {
  nearest,
  parseLocation,
  quoteName,
  type RelationScan,
  type Session,
  scanFiles,
  scanOf,
  type TableReference,
} from "../duckdb";
import { type CatalogTable, catalogOf, catalogPermissions, relationOf } from "./catalog";
import { isView, prestoViewOf, tablesOfView, viewSelect } from "./presto-view";

export interface BoundTable {
  readonly table: CatalogTable;
  readonly scan: RelationScan;
}

export interface BindOptions {
  /** Who reads: needs glue:GetTable on each table, s3:ListBucket and s3:GetObject where its data lies. */
  readonly principal: Principal;
  /** The operation that the check is for, in error messages. */
  readonly operation: string;
  /** Database of table names without one. */
  readonly defaultDatabase?: string | undefined;
  /** Names without a database that the session has already, and that are no tables. */
  readonly except?: readonly string[];
  /** Whether the engine reads Athena's views. Spark does not. @default false */
  readonly views?: boolean;
  /** Binds tables without their files, which are not opened: who asks says later what is to be seen. @default false */
  readonly empty?: boolean;
}

/**
 * Makes the catalog tables that a query names visible to its session, as they are now, after checking that the caller
 * may read them. Returns those that hold data; throws `TABLE_NOT_FOUND` with a suggestion for a name that the catalog lacks.
 */
export async function bindTables(
  kernel: Kernel,
  session: Session,
  references: readonly TableReference[],
  options: BindOptions,
): Promise<BoundTable[]> {
  const bound = new Map<string, BoundTable>();
  for (const reference of references) {
    if (reference.database === undefined && options.except?.includes(reference.table)) continue;
    await bindTable(kernel, session, reference, options, bound, []);
  }
  return [...bound.values()];
}

/** Binds one table; of a view first what it reads, under the same caller: Athena's views lend nobody their owner's rights. */
async function bindTable(
  kernel: Kernel,
  session: Session,
  reference: TableReference,
  options: BindOptions,
  bound: Map<string, BoundTable>,
  /** The views on the way here. */
  within: readonly string[],
): Promise<void> {
  const database = reference.database ?? options.defaultDatabase;
  const table = database === undefined ? undefined : catalogOf(kernel).table(database, reference.table);
  if (!table) throw tableNotFound(kernel, reference.database, reference.table);
  const name = `${table.database}.${table.name}`;
  let select: string;
  if (options.views && isView(table)) {
    if (within.includes(name)) {
      const cycle = [...within.slice(within.indexOf(name)), name].join(" reads ");
      throw new AwsError("InvalidRequestException", `VIEW_IS_RECURSIVE: ${cycle}`);
    }
    authorizeCatalog(kernel, table, options);
    const view = prestoViewOf(table);
    for (const read of await tablesOfView(session, table, view)) {
      await bindTable(kernel, session, read, options, bound, [...within, name]);
    }
    select = await viewSelect(session, table, view);
  } else {
    authorizeRead(kernel, table, options);
    const relation = relationOf(table);
    const scan = scanOf(kernel, relation);
    bound.set(name, { table, scan });
    select = options.empty ? scanFiles(relation, []).sql : scan.sql;
  }
  const schema = reference.database === undefined ? "main" : reference.database;
  await session.run(`CREATE SCHEMA IF NOT EXISTS ${session.database}.${quoteName(schema)}`);
  await session.run(
    `CREATE OR REPLACE VIEW ${session.database}.${quoteName(schema)}.${quoteName(reference.table)} AS ${select}`,
  );
}

function authorizeCatalog(kernel: Kernel, table: CatalogTable, { principal, operation }: BindOptions): void {
  for (const needed of catalogPermissions(kernel, "GetTable", table.database, table.name)) {
    kernel.authorize(principal, needed, operation);
  }
}

/** Checks what a principal needs to read a table: on the catalog, and on the bucket. */
function authorizeRead(kernel: Kernel, table: CatalogTable, options: BindOptions): void {
  const { principal, operation } = options;
  if (principal.kind === "root") return;
  authorizeCatalog(kernel, table, options);
  const { bucket, prefix } = parseLocation(table.location);
  kernel.authorize(
    principal,
    { action: "s3:ListBucket", resource: `arn:aws:s3:::${bucket}`, context: { "s3:prefix": prefix } },
    operation,
  );
  kernel.authorize(
    principal,
    { action: "s3:GetObject", resource: `arn:aws:s3:::${bucket}/${prefix}part-00000.parquet` },
    operation,
  );
}

/** The error for a table that the catalog lacks, with the nearest that it has. */
export function tableNotFound(kernel: Kernel, database: string | undefined, table: string): AwsError {
  const catalog = catalogOf(kernel);
  const known = catalog.listDatabases().flatMap(({ name }) => catalog.listTables(name));
  const qualified = known.map((candidate) => `${candidate.database}.${candidate.name}`);
  const asked = database === undefined ? table : `${database}.${table}`;
  // The same table name in another database is the likeliest meaning.
  const elsewhere = known.find(({ name }) => name === table.toLowerCase());
  const suggestion = elsewhere ? `${elsewhere.database}.${elsewhere.name}` : nearest(asked, qualified);
  const hint = suggestion
    ? `; did you mean ${suggestion}?`
    : `; the catalog has ${qualified.length > 0 ? qualified.join(", ") : "no tables"}`;
  return new AwsError("InvalidRequestException", `TABLE_NOT_FOUND: table ${asked} does not exist${hint}`);
}
