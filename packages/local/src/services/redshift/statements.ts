import { randomUUID } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Json } from "@tributary/model";
import { AwsError, type Kernel } from "../../kernel";
import { athenaType, toJson } from "../duckdb";
import { perKernel } from "../support";
import { databasesOf, type Outcome } from "./database";
import { type RedshiftWorkgroup, registryOf } from "./registry";

type Status = "SUBMITTED" | "STARTED" | "FINISHED" | "FAILED" | "ABORTED";

interface SubStatement {
  readonly sql: string;
  readonly status: Status;
  readonly error?: string;
  readonly hasResult: boolean;
  /** Of a query; -1 where there is none. */
  readonly rows: number;
}

export interface StatementRow {
  readonly id: string;
  readonly name?: string;
  readonly workgroup: string;
  readonly database: string;
  readonly batch: boolean;
  readonly status: Status;
  readonly error?: string;
  readonly statements: readonly SubStatement[];
  /** Epoch milliseconds. */
  readonly submittedAt: number;
  readonly updatedAt: number;
}

/** A query's result as the API's pages are cut from it. */
export interface StatementResult {
  readonly columns: readonly {
    readonly name: string;
    readonly typeName: string;
    readonly precision: number;
    readonly scale: number;
  }[];
  readonly rows: readonly (readonly Json[])[];
}

/** Statements of the Data API: durable rows, results as files in the data folder. */
export class Statements {
  private readonly rows;
  private readonly running = new Map<string, Promise<void>>();
  private readonly recovered: Promise<void>;

  constructor(private readonly kernel: Kernel) {
    this.rows = kernel.store.table<StatementRow>("redshift.statements");
    this.recovered = this.recover();
    this.recovered.catch((error) => kernel.log.warn(`redshift: recovery of statements failed: ${String(error)}`));
    kernel.track({ name: "redshift statements", pending: () => this.running.size });
    kernel.onClose(async () => {
      await Promise.all(this.running.values());
    });
  }

  get(id: string): StatementRow {
    const row = this.rows.get(id);
    if (row) return row;
    throw new AwsError("ResourceNotFoundException", `Query ${id} can't be found.`);
  }

  list(): StatementRow[] {
    return [...this.rows.entries()].map(({ value }) => value).sort((a, b) => b.submittedAt - a.submittedAt);
  }

  async submit(
    workgroup: RedshiftWorkgroup,
    input: {
      readonly sqls: readonly string[];
      readonly batch: boolean;
      readonly database: string;
      readonly name: string | undefined;
    },
  ): Promise<StatementRow> {
    await this.recovered;
    const namespace = registryOf(this.kernel).namespaceOf(workgroup);
    if (input.database !== namespace.database) {
      throw new AwsError(
        "ValidationException",
        `FATAL: database "${input.database}" does not exist; the namespace ${namespace.name} has ${namespace.database}`,
      );
    }
    const now = this.kernel.now();
    const row: StatementRow = {
      id: randomUUID(),
      ...(input.name !== undefined && { name: input.name }),
      workgroup: workgroup.name,
      database: input.database,
      batch: input.batch,
      status: "STARTED",
      statements: input.sqls.map((sql) => ({ sql, status: "SUBMITTED", hasResult: false, rows: -1 })),
      submittedAt: now,
      updatedAt: now,
    };
    await this.save(row);
    const done = this.work(row).finally(() => this.running.delete(row.id));
    this.running.set(row.id, done);
    return row;
  }

  /** Resolves when the statement has ended, however it ended. */
  async settled(id: string): Promise<StatementRow> {
    await this.running.get(id);
    return this.get(id);
  }

  /** @param index which statement of a batch, from 0 */
  result(id: string, index: number): StatementResult {
    const row = this.get(id);
    if (row.status !== "FINISHED" || !row.statements[index]?.hasResult) {
      throw new AwsError(
        "ResourceNotFoundException",
        `Query does not have result. Please check query status with DescribeStatement: ${row.status}`,
      );
    }
    return JSON.parse(readFileSync(this.file(id, index), "utf8")) as StatementResult;
  }

  private async work(row: StatementRow): Promise<void> {
    const statements = [...row.statements];
    let at = 0;
    try {
      const namespace = registryOf(this.kernel).namespaceOf(registryOf(this.kernel).workgroup(row.workgroup));
      await databasesOf(this.kernel).run(
        namespace,
        statements.map(({ sql }) => sql),
        (index, outcome) => {
          at = index + 1;
          statements[index] = this.ended(row.id, index, statements[index]?.sql ?? "", outcome);
        },
      );
      await this.save({ ...row, statements, status: "FINISHED", updatedAt: this.kernel.now() });
    } catch (thrown) {
      const error = inRedshiftWords(thrown);
      const told = statements.map((each, index): SubStatement => {
        if (index < at) return { ...each, status: row.batch ? "ABORTED" : each.status, hasResult: false };
        return index === at ? { ...each, status: "FAILED", error } : { ...each, status: "ABORTED" };
      });
      await this.save({ ...row, statements: told, status: "FAILED", error, updatedAt: this.kernel.now() });
    }
  }

  private ended(id: string, index: number, sql: string, outcome: Outcome): SubStatement {
    const hasResult = outcome.columns.length > 0;
    if (hasResult) {
      const columns = outcome.columns.map(({ name, type }) => {
        const { name: athena, precision, scale } = athenaType(type);
        return { name, typeName: typeNames[athena] ?? athena, precision, scale };
      });
      const result: StatementResult = { columns, rows: outcome.rows.map((cells) => cells.map(toJson)) };
      writeFileSync(this.file(id, index), JSON.stringify(result));
    }
    return { sql, status: "FINISHED", hasResult, rows: hasResult ? outcome.rows.length : outcome.changed };
  }

  private file(id: string, index: number): string {
    return join(this.kernel.folder("redshift", "results"), `${id}-${index}.json`);
  }

  private async save(row: StatementRow): Promise<void> {
    await this.kernel.store.write(() => this.rows.put(row.id, row));
  }

  private async recover(): Promise<void> {
    for (const { value } of [...this.rows.entries()]) {
      if (value.status !== "STARTED") continue;
      const error = "The runtime was stopped while the statement ran; its transaction was undone.";
      await this.save({ ...value, status: "FAILED", error, updatedAt: this.kernel.now() });
    }
  }
}

/** Redshift's names of types that Athena calls otherwise. */
const typeNames: Readonly<Record<string, string>> = {
  integer: "int4",
  bigint: "int8",
  smallint: "int2",
  double: "float8",
  float: "float4",
  boolean: "bool",
  decimal: "numeric",
};

/** DuckDB's complaint as Redshift begins its own, without the engine's advice. */
function inRedshiftWords(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof AwsError) return message;
  const text = message.split(/\n\s*\n/)[0] ?? message;
  return `ERROR: ${text.replace(/^(Error: )?(\w[\w ]* Error: )?/, "")}`;
}

export const statementsOf = perKernel((kernel) => new Statements(kernel));
