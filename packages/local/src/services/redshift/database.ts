import { join } from "node:path";
import type { DuckDBType, DuckDBValue } from "@duckdb/node-api";
import { AwsError, type Kernel, type Principal } from "../../kernel";
import { filesOf, LakeEngine, parseLocation, quoteName, quoteText, type Session, scanFiles } from "../duckdb";
import { catalogOf, catalogPermissions, relationOf, tableNotFound } from "../glue";
import { perKernel } from "../support";
import { type Prepared, prepare, tablesOfSchemas } from "./dialect";
import type { Namespace } from "./registry";

interface ExternalSchema {
  readonly database: string;
  readonly role: string;
}

/** What a statement gave. */
export interface Outcome {
  readonly columns: readonly { readonly name: string; readonly type: DuckDBType }[];
  readonly rows: readonly (readonly DuckDBValue[])[];
  /** Rows that it changed; of a query, -1. */
  readonly changed: number;
}

export const databaseFile = (kernel: Kernel, namespace: string): string =>
  join(kernel.folder("redshift"), `${namespace}.duckdb`);

/** The databases of the stack's namespaces: one DuckDB file each, one statement at a time. */
export class Databases {
  private readonly external;
  private readonly turns = new Map<string, Promise<unknown>>();

  constructor(private readonly kernel: Kernel) {
    this.external = kernel.store.table<ExternalSchema>("redshift.external");
  }

  /** Runs statements in order, several of them in one transaction. Undoes all where one fails. */
  async run(
    namespace: Namespace,
    statements: readonly string[],
    told: (index: number, outcome: Outcome) => void,
  ): Promise<void> {
    const before = this.turns.get(namespace.name) ?? Promise.resolve();
    const turn = before.then(() => this.turn(namespace, statements, told));
    this.turns.set(
      namespace.name,
      // What a statement failed of is its caller's; the next one has its turn all the same.
      turn.catch(() => {}),
    );
    await turn;
  }

  private async turn(
    namespace: Namespace,
    statements: readonly string[],
    told: (index: number, outcome: Outcome) => void,
  ) {
    const prepared = statements.map(prepare);
    await LakeEngine.of(this.kernel).with("redshift", async (session) => {
      const name = quoteName(`redshift_${namespace.name}`);
      await session.run(`ATTACH IF NOT EXISTS ${quoteText(databaseFile(this.kernel, namespace.name))} AS ${name}`);
      await session.run(`SET search_path = ${quoteText(`${name}.main,memory.redshift`)}`);
      const made = new Map<string, ExternalSchema>();
      const transaction = statements.length > 1;
      if (transaction) await session.run("BEGIN TRANSACTION");
      try {
        for (const [index, statement] of prepared.entries()) {
          told(index, await this.one(namespace, session, statement, made));
        }
        if (transaction) await session.run("COMMIT");
      } catch (error) {
        if (transaction) await session.run("ROLLBACK");
        throw error;
      }
      await this.kernel.store.write(() => {
        for (const [schema, of] of made) this.external.put([namespace.name, schema], of);
      });
    });
  }

  private async one(
    namespace: Namespace,
    session: Session,
    statement: Prepared,
    made: Map<string, ExternalSchema>,
  ): Promise<Outcome> {
    if (statement.kind === "external-schema") {
      const { schema, database, ifNotExists } = statement;
      const known = this.external.get([namespace.name, schema]) ?? made.get(schema);
      if (known && !ifNotExists) throw new AwsError("ValidationException", `ERROR: schema "${schema}" already exists`);
      const role = statement.role ?? namespace.roles[0];
      if (role === undefined || !namespace.roles.includes(role)) {
        throw new AwsError(
          "ValidationException",
          `ERROR: the role ${role ?? "default"} is not associated with the namespace ${namespace.name}: add it to iamRoles`,
        );
      }
      if (!known) made.set(schema, { database, role });
      return { columns: [], rows: [], changed: 0 };
    }
    const schemas = new Map([...this.schemasOf(namespace), ...made]);
    for (const { schema, table } of tablesOfSchemas(statement.sql, new Set(schemas.keys()))) {
      const of = schemas.get(schema);
      if (of) await this.bind(session, schema, table, of);
    }
    if (statement.kind === "change") return { columns: [], rows: [], changed: await session.run(statement.sql) };
    const reader = await session.connection.runAndReadAll(statement.sql);
    const columns = reader.columnTypes().map((type, index) => ({ name: reader.columnName(index), type }));
    return { columns, rows: reader.getRows(), changed: -1 };
  }

  private schemasOf(namespace: Namespace): [string, ExternalSchema][] {
    const range = { start: [namespace.name], end: [namespace.name, "\u{10ffff}"] };
    return [...this.external.entries(range)].map(({ key, value }) => [String((key as string[])[1]), value]);
  }

  /** Makes a table of the lake visible as it is now, read under the external schema's role. */
  private async bind(
    session: Session,
    schema: string,
    name: string,
    { database, role }: ExternalSchema,
  ): Promise<void> {
    const table = catalogOf(this.kernel).table(database, name);
    if (!table) throw tableNotFound(this.kernel, database, name);
    const principal: Principal = { kind: "role", roleArn: role, session: "redshift" };
    const allow = (action: string, resource: string, context?: Record<string, string>) =>
      this.kernel.authorize(principal, { action, resource, ...(context && { context }) }, "ExecuteStatement");
    for (const needed of catalogPermissions(this.kernel, "GetTable", database, name))
      allow(needed.action, needed.resource);
    if (table.partitionKeys.length > 0) {
      for (const needed of catalogPermissions(this.kernel, "GetPartitions", database, name))
        allow(needed.action, needed.resource);
    }
    const { bucket, prefix } = parseLocation(table.location);
    allow("s3:ListBucket", `arn:aws:s3:::${bucket}`, { "s3:prefix": prefix });
    allow("s3:GetObject", `arn:aws:s3:::${bucket}/${prefix}part-00000.parquet`);
    const relation = relationOf(table);
    const scan = scanFiles(relation, filesOf(this.kernel, relation), "$path");
    await session.run(`CREATE SCHEMA IF NOT EXISTS ${quoteName(schema)}`);
    await session.run(`CREATE OR REPLACE VIEW ${quoteName(schema)}.${quoteName(name)} AS ${scan.sql}`);
  }
}

export const databasesOf = perKernel((kernel) => new Databases(kernel));
