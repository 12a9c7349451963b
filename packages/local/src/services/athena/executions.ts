import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { AwsError, type Kernel, type Principal } from "../../kernel";
import { athenaType, parseLocation, toAthenaText } from "../duckdb";
import { perKernel } from "../support";
import { type QueryOutcome, runStatement } from "./query";
import type { Workgroup } from "./workgroups";

type State = "QUEUED" | "RUNNING" | "SUCCEEDED" | "FAILED" | "CANCELLED";

export interface Execution {
  readonly id: string;
  readonly query: string;
  readonly database: string | undefined;
  readonly workgroup: string;
  /** Where the result file is: `s3://bucket/prefix/<id>.csv`. */
  readonly outputLocation: string;
  readonly state: State;
  readonly reason?: string;
  /** Epoch milliseconds. */
  readonly submittedAt: number;
  readonly completedAt?: number;
  readonly scannedBytes: number;
  readonly engineMs: number;
}

export interface ResultColumn {
  readonly name: string;
  readonly type: string;
  readonly precision: number;
  readonly scale: number;
}

/** The result of a finished query, as its API pages give it. */
export interface Result {
  readonly columns: readonly ResultColumn[];
  readonly rows: readonly (readonly (string | null)[])[];
  /** SELECT results begin with a row of column names, listings do not. */
  readonly header: boolean;
}

/** Query executions: durable rows, results as CSV in S3 and, for the API's pages, as JSON in the data folder. */
export class Executions {
  private readonly rows;
  private readonly running = new Map<string, { cancel(): void; done: Promise<void> }>();
  private readonly recovered: Promise<void>;

  constructor(private readonly kernel: Kernel) {
    this.rows = kernel.store.table<Execution>("athena.queries");
    this.recovered = this.recover();
    this.recovered.catch((error) => kernel.log.warn(`athena: recovery of queries failed: ${String(error)}`));
    kernel.track({ name: "athena queries", pending: () => this.running.size });
    kernel.onClose(async () => {
      for (const { cancel } of this.running.values()) cancel();
      await Promise.all([...this.running.values()].map(({ done }) => done));
    });
  }

  get(id: string): Execution {
    const execution = this.rows.get(id);
    if (execution) return execution;
    throw new AwsError("InvalidRequestException", `QueryExecution ${id} was not found`);
  }

  find(id: string): Execution | undefined {
    return this.rows.get(id);
  }

  /** Executions of a workgroup, newest first. */
  list(workgroup: string): Execution[] {
    const all = [...this.rows.entries()].map(({ value }) => value).filter((each) => each.workgroup === workgroup);
    return all.sort((a, b) => b.submittedAt - a.submittedAt);
  }

  async start(
    workgroup: Workgroup,
    input: { query: string; database: string | undefined; outputLocation: string | undefined },
    principal: Principal,
  ): Promise<Execution> {
    await this.recovered;
    const location = workgroup.enforced ? workgroup.outputLocation : (input.outputLocation ?? workgroup.outputLocation);
    if (location === undefined) {
      throw new AwsError(
        "InvalidRequestException",
        "No output location provided. An output location is required either through the Workgroup result configuration setting or as an API input.",
      );
    }
    const id = randomUUID();
    const listing = /^\s*(show|desc)/i.test(input.query);
    const execution: Execution = {
      id,
      query: input.query,
      database: input.database,
      workgroup: workgroup.name,
      outputLocation: `${location.endsWith("/") ? location : `${location}/`}${id}.${listing ? "txt" : "csv"}`,
      state: "RUNNING",
      submittedAt: this.kernel.now(),
      scannedBytes: 0,
      engineMs: 0,
    };
    await this.save(execution);
    let cancelled = false;
    let interrupt = () => {};
    const cancel = () => {
      cancelled = true;
      interrupt();
    };
    const done = this.run(execution, workgroup, principal, {
      onStart: (cut) => {
        interrupt = cut;
        if (cancelled) cut();
      },
      cancelled: () => cancelled,
    }).finally(() => this.running.delete(id));
    this.running.set(id, { cancel, done });
    return execution;
  }

  stop(id: string): void {
    this.get(id);
    this.running.get(id)?.cancel();
  }

  /** Resolves when the query has ended, however it ended. */
  async settled(id: string): Promise<Execution> {
    await this.running.get(id)?.done;
    return this.get(id);
  }

  result(id: string): Result {
    const { state } = this.get(id);
    if (state !== "SUCCEEDED") {
      throw new AwsError("InvalidRequestException", `Query has not yet finished. Current state: ${state}`);
    }
    return JSON.parse(readFileSync(this.resultFile(id), "utf8")) as Result;
  }

  private async run(
    execution: Execution,
    workgroup: Workgroup,
    principal: Principal,
    hooks: { onStart(cut: () => void): void; cancelled(): boolean },
  ): Promise<void> {
    const begun = performance.now();
    try {
      const outcome = await runStatement(this.kernel, execution.query, {
        principal,
        database: execution.database,
        scanCutoff: workgroup.scanCutoff,
        onStart: hooks.onStart,
      });
      await this.write(execution, outcome, principal);
      await this.finish(execution, begun, hooks.cancelled() ? "CANCELLED" : "SUCCEEDED", outcome.scannedBytes);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      await this.finish(execution, begun, hooks.cancelled() ? "CANCELLED" : "FAILED", 0, reason);
    }
  }

  private async write(execution: Execution, outcome: QueryOutcome, principal: Principal): Promise<void> {
    const columns = outcome.columns.map(({ name, type }) => {
      const { name: typeName, precision, scale } = athenaType(type);
      return { name, type: typeName, precision, scale };
    });
    const rows = outcome.rows.map((row) =>
      outcome.columns.map(({ type }, index) => toAthenaText(row[index] ?? null, type) ?? null),
    );
    const listing = execution.outputLocation.endsWith(".txt");
    const result: Result = { columns, rows, header: !listing };
    const body = listing ? rows.map((row) => `${row.join("\t")}\n`).join("") : csv(columns, rows);
    const { bucket, prefix } = parseLocation(execution.outputLocation);
    const Key = prefix.replace(/\/$/, "");
    await this.kernel.call("s3", "PutObject", { Bucket: bucket, Key, Body: body }, principal);
    await writeFile(this.resultFile(execution.id), JSON.stringify(result));
  }

  private resultFile(id: string): string {
    return join(this.kernel.folder("athena"), `${id}.json`);
  }

  private async finish(
    execution: Execution,
    begun: number,
    state: State,
    scannedBytes: number,
    reason?: string,
  ): Promise<void> {
    const engineMs = Math.round(performance.now() - begun);
    const completedAt = this.kernel.now();
    await this.save({
      ...execution,
      state,
      completedAt,
      scannedBytes,
      engineMs,
      ...(reason !== undefined && { reason }),
    });
  }

  private async save(execution: Execution): Promise<void> {
    await this.kernel.store.write(() => this.rows.put(execution.id, execution));
  }

  private async recover(): Promise<void> {
    for (const { value } of [...this.rows.entries()]) {
      if (value.state !== "RUNNING") continue;
      const reason = "The runtime was stopped while the query ran; start it again.";
      await this.save({ ...value, state: "FAILED", reason, completedAt: this.kernel.now() });
    }
  }
}

/** As Athena writes it: every value quoted, NULL as nothing at all. */
function csv(columns: readonly ResultColumn[], rows: Result["rows"]): string {
  const quote = (value: string | null) => (value === null ? "" : `"${value.replaceAll('"', '""')}"`);
  const lines = [columns.map(({ name }) => quote(name)), ...rows.map((row) => row.map(quote))];
  return lines.map((line) => `${line.join(",")}\n`).join("");
}

export const executionsOf = perKernel((kernel) => new Executions(kernel));
