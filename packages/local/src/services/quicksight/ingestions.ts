import { z } from "zod";
import { AwsError, arn, type Kernel, NotSupportedLocally, type Principal, rootPrincipal } from "../../kernel";
import { executionsOf } from "../athena";
import { type Operation, operation, perKernel } from "../support";
import { type DataSet, registryOf } from "./realisers";

interface Ingestion {
  readonly id: string;
  readonly dataSet: string;
  readonly status: "RUNNING" | "COMPLETED" | "FAILED";
  readonly rows: number;
  readonly error?: string;
  readonly createdAt: number;
}

/** Ingestions of data sets: durable rows, each the outcome of the data set's SQL. */
class Ingestions {
  private readonly rows;
  private readonly running = new Set<Promise<void>>();

  constructor(private readonly kernel: Kernel) {
    this.rows = kernel.store.table<Ingestion>("quicksight.ingestions");
    kernel.track({ name: "quicksight ingestions", pending: () => this.running.size });
    kernel.onClose(async () => {
      await Promise.all(this.running);
    });
  }

  get(dataSet: string, id: string): Ingestion {
    const row = this.rows.get([dataSet, id]);
    if (row) return row;
    throw new AwsError("ResourceNotFoundException", `Ingestion ${id} of data set ${dataSet} is not found`, {
      status: 404,
    });
  }

  list(dataSet: string): Ingestion[] {
    return [...this.rows.entries({ start: [dataSet], end: [dataSet, "\u{10ffff}"] })].map(({ value }) => value);
  }

  async start(dataSet: DataSet, id: string): Promise<Ingestion> {
    const known = this.rows.get([dataSet.id, id]);
    if (known) throw new AwsError("ResourceExistsException", `Ingestion ${id} exists already`, { status: 409 });
    const row: Ingestion = { id, dataSet: dataSet.id, status: "RUNNING", rows: 0, createdAt: this.kernel.now() };
    await this.save(row);
    const work = this.run(dataSet, row);
    this.running.add(work);
    void work.finally(() => this.running.delete(work));
    return row;
  }

  private async run(dataSet: DataSet, row: Ingestion): Promise<void> {
    try {
      let rows = 0;
      for (const table of dataSet.tables) rows += await this.ingest(table);
      await this.save({ ...row, status: "COMPLETED", rows });
    } catch (error) {
      await this.save({ ...row, status: "FAILED", error: error instanceof Error ? error.message : String(error) });
    }
  }

  private async ingest(table: DataSet["tables"][number]): Promise<number> {
    const source = registryOf(this.kernel).dataSources.get(table.dataSourceArn);
    if (source === undefined)
      throw new NotSupportedLocally(`the data source ${table.dataSourceArn}`, "Here data sources are Athena's.");
    const principal: Principal =
      source.roleArn === undefined ? rootPrincipal : { kind: "role", roleArn: source.roleArn, session: "quicksight" };
    const { QueryExecutionId } = await this.kernel.call<{ QueryExecutionId: string }>(
      "athena",
      "StartQueryExecution",
      { QueryString: table.sqlQuery, WorkGroup: source.workgroup },
      principal,
    );
    const executions = executionsOf(this.kernel);
    const { state, reason } = await executions.settled(QueryExecutionId);
    if (state !== "SUCCEEDED") throw new AwsError("SQL_EXCEPTION", `${table.name}: ${reason ?? state}`);
    const { columns, rows } = executions.result(QueryExecutionId);
    const given = new Set(columns.map(({ name }) => name.toLowerCase()));
    const missing = table.columns.filter(({ name }) => !given.has(name.toLowerCase()));
    if (missing.length === 0) return rows.length;
    const names = missing.map(({ name }) => name).join(", ");
    throw new AwsError("SQL_EXCEPTION", `${table.name}: its query gives no column ${names}`);
  }

  private async save(row: Ingestion): Promise<void> {
    await this.kernel.store.write(() => this.rows.put([row.dataSet, row.id], row));
  }
}

const ingestionsOf = perKernel((kernel) => new Ingestions(kernel));

/** The part of QuickSight's API that refreshes data sets. */
export function ingestionOperations(kernel: Kernel): Record<string, Operation> {
  const ingestions = ingestionsOf(kernel);
  const named = { AwsAccountId: z.string(), DataSetId: z.string() };
  const ingestionArn = (dataSet: string, id: string) =>
    arn(kernel.place, "quicksight", `dataset/${dataSet}/ingestion/${id}`);
  const needs = (action: string, dataSet: string, id: string) => [
    { action: `quicksight:${action}`, resource: ingestionArn(dataSet, id) },
  ];
  const toSdk = (row: Ingestion) => ({
    Arn: ingestionArn(row.dataSet, row.id),
    IngestionId: row.id,
    IngestionStatus: row.status,
    CreatedTime: new Date(row.createdAt),
    RowInfo: { RowsIngested: row.rows, RowsDropped: 0, TotalRowsInDataset: row.rows },
    ...(row.error !== undefined && { ErrorInfo: { Type: "SQL_EXCEPTION", Message: row.error } }),
  });
  return {
    CreateIngestion: operation(
      z.object({ ...named, IngestionId: z.string().min(1).max(128), IngestionType: z.string().optional() }),
      ({ DataSetId, IngestionId }) => needs("CreateIngestion", DataSetId, IngestionId),
      async ({ DataSetId, IngestionId }) => {
        const dataSet = registryOf(kernel).dataSets.get(DataSetId);
        if (!dataSet)
          throw new AwsError("ResourceNotFoundException", `Data set ${DataSetId} is not found`, { status: 404 });
        if (dataSet.importMode !== "SPICE")
          throw new AwsError(
            "InvalidParameterValueException",
            `Data set ${DataSetId} is queried directly: there is nothing to refresh`,
          );
        const row = await ingestions.start(dataSet, IngestionId);
        return { Arn: ingestionArn(DataSetId, IngestionId), IngestionId, IngestionStatus: row.status, Status: 201 };
      },
    ),
    DescribeIngestion: operation(
      z.object({ ...named, IngestionId: z.string() }),
      ({ DataSetId, IngestionId }) => needs("DescribeIngestion", DataSetId, IngestionId),
      ({ DataSetId, IngestionId }) => ({ Ingestion: toSdk(ingestions.get(DataSetId, IngestionId)), Status: 200 }),
    ),
    ListIngestions: operation(
      z.object({ ...named, NextToken: z.string().optional(), MaxResults: z.number().optional() }),
      ({ DataSetId }) => needs("ListIngestions", DataSetId, "*"),
      ({ DataSetId }) => ({ Ingestions: ingestions.list(DataSetId).map(toSdk), Status: 200 }),
    ),
  };
}
