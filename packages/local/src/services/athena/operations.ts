import { z } from "zod";
import { AwsError, arn, type Kernel, type RequiredPermission } from "../../kernel";
import { type Operation, operation } from "../support";
import { type Execution, executionsOf, type Result } from "./executions";
import { type NamedQuery, type Workgroup, workgroupsOf } from "./workgroups";

const page = { MaxResults: z.number().int().min(1).max(1000).optional(), NextToken: z.string().optional() };
const byId = z.object({ QueryExecutionId: z.string() });

const statementType = (query: string) => (/^\s*(show|desc)/i.test(query) ? "UTILITY" : "DML");

function executionToSdk(execution: Execution): Record<string, unknown> {
  return {
    QueryExecutionId: execution.id,
    Query: execution.query,
    StatementType: statementType(execution.query),
    ResultConfiguration: { OutputLocation: execution.outputLocation },
    QueryExecutionContext: execution.database === undefined ? {} : { Database: execution.database },
    WorkGroup: execution.workgroup,
    Status: {
      State: execution.state,
      SubmissionDateTime: new Date(execution.submittedAt),
      ...(execution.completedAt !== undefined && { CompletionDateTime: new Date(execution.completedAt) }),
      ...(execution.reason !== undefined && {
        StateChangeReason: execution.reason,
        AthenaError: { ErrorCategory: 2, ErrorMessage: execution.reason, Retryable: false },
      }),
    },
    Statistics: {
      EngineExecutionTimeInMillis: execution.engineMs,
      TotalExecutionTimeInMillis: execution.engineMs,
      DataScannedInBytes: execution.scannedBytes,
    },
    EngineVersion: { SelectedEngineVersion: "AUTO", EffectiveEngineVersion: "Athena engine version 3" },
  };
}

function resultPage(result: Result, token: string | undefined, size: number): Record<string, unknown> {
  const header = result.header ? [result.columns.map(({ name }) => name)] : [];
  const all = [...header, ...result.rows];
  const from = Number(token ?? 0);
  const rows = all.slice(from, from + size);
  return {
    ResultSet: {
      Rows: rows.map((row) => ({ Data: row.map((value) => (value === null ? {} : { VarCharValue: value })) })),
      ResultSetMetadata: {
        ColumnInfo: result.columns.map(({ name, type, precision, scale }) => ({
          CatalogName: "hive",
          SchemaName: "",
          TableName: "",
          Name: name,
          Label: name,
          Type: type,
          Precision: precision,
          Scale: scale,
          Nullable: "UNKNOWN",
          CaseSensitive: type === "varchar",
        })),
      },
    },
    UpdateCount: 0,
    ...(from + size < all.length && { NextToken: String(from + size) }),
  };
}

const namedToSdk = (query: NamedQuery) => ({
  NamedQueryId: query.id,
  Name: query.name,
  Database: query.database,
  QueryString: query.query,
  WorkGroup: query.workgroup,
  ...(query.description !== undefined && { Description: query.description }),
});

const workgroupToSdk = (workgroup: Workgroup) => ({
  Name: workgroup.name,
  State: workgroup.enabled ? "ENABLED" : "DISABLED",
  ...(workgroup.description !== undefined && { Description: workgroup.description }),
  Configuration: {
    EnforceWorkGroupConfiguration: workgroup.enforced,
    ...(workgroup.outputLocation && { ResultConfiguration: { OutputLocation: workgroup.outputLocation } }),
    ...(workgroup.scanCutoff !== undefined && { BytesScannedCutoffPerQuery: workgroup.scanCutoff }),
  },
});

/** The Athena API. */
export function athenaOperations(kernel: Kernel): Record<string, Operation> {
  const executions = executionsOf(kernel);
  const groups = workgroupsOf(kernel);
  const needs = (action: string, workgroup: string): RequiredPermission[] => [
    { action: `athena:${action}`, resource: arn(kernel.place, "athena", `workgroup/${workgroup}`) },
  ];
  const ofExecution = (action: string, id: string) => needs(action, executions.find(id)?.workgroup ?? "primary");
  const requireNamed = (id: string) => {
    const query = groups.namedQueries.get(id);
    if (!query) throw new AwsError("InvalidRequestException", `NamedQuery ${id} was not found`);
    return query;
  };
  return {
    StartQueryExecution: operation(
      z.object({
        QueryString: z.string().min(1).max(262144),
        ClientRequestToken: z.string().optional(),
        QueryExecutionContext: z.object({ Database: z.string().optional(), Catalog: z.string().optional() }).optional(),
        ResultConfiguration: z.object({ OutputLocation: z.string().optional() }).optional(),
        WorkGroup: z.string().optional(),
      }),
      ({ WorkGroup = "primary" }) => needs("StartQueryExecution", WorkGroup),
      async ({ WorkGroup = "primary", QueryString, QueryExecutionContext, ResultConfiguration }, { principal }) => {
        const workgroup = groups.require(WorkGroup);
        if (!workgroup.enabled) throw new AwsError("InvalidRequestException", `WorkGroup ${WorkGroup} is disabled.`);
        const input = {
          query: QueryString,
          database: QueryExecutionContext?.Database,
          outputLocation: ResultConfiguration?.OutputLocation,
        };
        return { QueryExecutionId: (await executions.start(workgroup, input, principal)).id };
      },
    ),
    GetQueryExecution: operation(
      byId,
      ({ QueryExecutionId }) => ofExecution("GetQueryExecution", QueryExecutionId),
      ({ QueryExecutionId }) => ({ QueryExecution: executionToSdk(executions.get(QueryExecutionId)) }),
    ),
    BatchGetQueryExecution: operation(
      z.object({ QueryExecutionIds: z.array(z.string()).min(1).max(50) }),
      ({ QueryExecutionIds }) => QueryExecutionIds.flatMap((id) => ofExecution("BatchGetQueryExecution", id)),
      ({ QueryExecutionIds }) => ({
        QueryExecutions: QueryExecutionIds.map((id) => executionToSdk(executions.get(id))),
        UnprocessedQueryExecutionIds: [],
      }),
    ),
    GetQueryResults: operation(
      byId.extend(page),
      ({ QueryExecutionId }) => ofExecution("GetQueryResults", QueryExecutionId),
      ({ QueryExecutionId, NextToken, MaxResults = 1000 }) =>
        resultPage(executions.result(QueryExecutionId), NextToken, MaxResults),
    ),
    StopQueryExecution: operation(
      byId,
      ({ QueryExecutionId }) => ofExecution("StopQueryExecution", QueryExecutionId),
      ({ QueryExecutionId }) => {
        executions.stop(QueryExecutionId);
        return {};
      },
    ),
    ListQueryExecutions: operation(
      z.object({ WorkGroup: z.string().optional(), ...page }),
      ({ WorkGroup = "primary" }) => needs("ListQueryExecutions", WorkGroup),
      ({ WorkGroup = "primary", MaxResults = 50, NextToken = "0" }) => {
        const all = executions.list(WorkGroup).map(({ id }) => id);
        const from = Number(NextToken);
        const QueryExecutionIds = all.slice(from, from + MaxResults);
        return { QueryExecutionIds, ...(from + MaxResults < all.length && { NextToken: String(from + MaxResults) }) };
      },
    ),
    ListNamedQueries: operation(
      z.object({ WorkGroup: z.string().optional(), ...page }),
      ({ WorkGroup = "primary" }) => needs("ListNamedQueries", WorkGroup),
      ({ WorkGroup = "primary" }) => ({
        NamedQueryIds: [...groups.namedQueries.values()].filter((q) => q.workgroup === WorkGroup).map(({ id }) => id),
      }),
    ),
    GetNamedQuery: operation(
      z.object({ NamedQueryId: z.string() }),
      ({ NamedQueryId }) => needs("GetNamedQuery", groups.namedQueries.get(NamedQueryId)?.workgroup ?? "primary"),
      ({ NamedQueryId }) => ({ NamedQuery: namedToSdk(requireNamed(NamedQueryId)) }),
    ),
    BatchGetNamedQuery: operation(
      z.object({ NamedQueryIds: z.array(z.string()).min(1).max(50) }),
      ({ NamedQueryIds }) =>
        NamedQueryIds.flatMap((id) => needs("BatchGetNamedQuery", groups.namedQueries.get(id)?.workgroup ?? "primary")),
      ({ NamedQueryIds }) => ({
        NamedQueries: NamedQueryIds.map((id) => namedToSdk(requireNamed(id))),
        UnprocessedNamedQueryIds: [],
      }),
    ),
    GetWorkGroup: operation(
      z.object({ WorkGroup: z.string() }),
      ({ WorkGroup }) => needs("GetWorkGroup", WorkGroup),
      ({ WorkGroup }) => ({ WorkGroup: workgroupToSdk(groups.require(WorkGroup)) }),
    ),
    ListWorkGroups: operation(
      z.object(page),
      () => [{ action: "athena:ListWorkGroups", resource: "*" }],
      () => ({
        WorkGroups: [...groups.workgroups.values()].map((workgroup) => {
          const { Name, State } = workgroupToSdk(workgroup);
          return { Name, State };
        }),
      }),
    ),
  };
}
