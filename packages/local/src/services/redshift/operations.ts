import { z } from "zod";
import { type Kernel, NotSupportedLocally, type RequiredPermission } from "../../kernel";
import { type Operation, operation } from "../support";
import { registryOf } from "./registry";
import { type StatementRow, statementsOf } from "./statements";

const page = { NextToken: z.string().optional() };
const target = {
  WorkgroupName: z.string().optional(),
  Database: z.string().optional(),
  SecretArn: z.string().optional(),
  StatementName: z.string().optional(),
  ClientToken: z.string().optional(),
  WithEvent: z.boolean().optional(),
};
type Target = { readonly WorkgroupName?: string | undefined; readonly SecretArn?: string | undefined };

/** Data API types → the member that a value stands in. */
const fields = (value: unknown): Record<string, unknown> => {
  if (value === null || value === undefined) return { isNull: true };
  if (typeof value === "boolean") return { booleanValue: value };
  if (typeof value === "number") return Number.isInteger(value) ? { longValue: value } : { doubleValue: value };
  return { stringValue: typeof value === "string" ? value : JSON.stringify(value) };
};

/** The Redshift Data API, of serverless workgroups. */
export function dataOperations(kernel: Kernel): Record<string, Operation> {
  const statements = statementsOf(kernel);
  const registry = registryOf(kernel);
  const needs = (action: string, { WorkgroupName = "", SecretArn }: Target): RequiredPermission[] => {
    const { arn } = registry.workgroup(WorkgroupName);
    return [
      { action: `redshift-data:${action}`, resource: arn },
      // Who gives no secret logs in as itself.
      SecretArn === undefined
        ? { action: "redshift-serverless:GetCredentials", resource: arn }
        : { action: "secretsmanager:GetSecretValue", resource: SecretArn },
    ];
  };
  const own = (action: string): RequiredPermission[] => [{ action: `redshift-data:${action}`, resource: "*" }];
  /** A batch's statements are called `<id>:1`, `<id>:2`. */
  const parts = (id: string): [string, number] => {
    const [whole = "", place] = id.split(":");
    return [whole, place === undefined ? 0 : Number(place) - 1];
  };
  const submit = async (
    sqls: readonly string[],
    batch: boolean,
    input: Target & { readonly Database?: string | undefined; readonly StatementName?: string | undefined },
  ) => {
    const workgroup = registry.workgroup(input.WorkgroupName ?? "");
    const database = input.Database ?? registry.namespaceOf(workgroup).database;
    const row = await statements.submit(workgroup, { sqls, batch, database, name: input.StatementName });
    return {
      Id: row.id,
      CreatedAt: new Date(row.submittedAt),
      Database: row.database,
      WorkgroupName: row.workgroup,
      ...(input.SecretArn !== undefined && { SecretArn: input.SecretArn }),
    };
  };
  return {
    ExecuteStatement: operation(
      z.object({ ...target, Sql: z.string().min(1).max(100_000) }),
      (input) => needs("ExecuteStatement", input),
      (input) => submit([input.Sql], false, input),
    ),
    BatchExecuteStatement: operation(
      z.object({ ...target, Sqls: z.array(z.string().min(1).max(100_000)).min(1).max(40) }),
      (input) => needs("BatchExecuteStatement", input),
      (input) => submit(input.Sqls, true, input),
    ),
    DescribeStatement: operation(
      z.object({ Id: z.string() }),
      () => own("DescribeStatement"),
      ({ Id }) => described(statements.get(parts(Id)[0]), Id),
    ),
    GetStatementResult: operation(
      z.object({ Id: z.string(), ...page }),
      () => own("GetStatementResult"),
      ({ Id, NextToken = "0" }) => {
        const { columns, rows } = statements.result(...parts(Id));
        const [from, size] = [Number(NextToken), 1000];
        return {
          ColumnMetadata: columns.map(({ name, typeName, precision, scale }) => ({
            name,
            label: name,
            typeName,
            precision,
            scale,
            nullable: 1,
          })),
          Records: rows.slice(from, from + size).map((row) => row.map(fields)),
          TotalNumRows: rows.length,
          ...(from + size < rows.length && { NextToken: String(from + size) }),
        };
      },
    ),
    ListStatements: operation(
      z.object({
        ...page,
        MaxResults: z.number().int().min(1).max(100).optional(),
        Status: z.string().optional(),
        StatementName: z.string().optional(),
      }),
      () => own("ListStatements"),
      ({ NextToken = "0", MaxResults = 100, Status = "ALL", StatementName }) => {
        const all = statements
          .list()
          .filter(
            (row) =>
              (Status === "ALL" || row.status === Status) &&
              (StatementName === undefined || row.name?.startsWith(StatementName)),
          );
        const from = Number(NextToken);
        return {
          Statements: all.slice(from, from + MaxResults).map((row) => ({
            Id: row.id,
            Status: row.status,
            IsBatchStatement: row.batch,
            ...(row.name !== undefined && { StatementName: row.name }),
            ...(row.batch
              ? { QueryStrings: row.statements.map(({ sql }) => sql) }
              : { QueryString: row.statements[0]?.sql }),
            CreatedAt: new Date(row.submittedAt),
            UpdatedAt: new Date(row.updatedAt),
          })),
          ...(from + MaxResults < all.length && { NextToken: String(from + MaxResults) }),
        };
      },
    ),
    CancelStatement: operation(
      z.object({ Id: z.string() }),
      () => own("CancelStatement"),
      () => {
        throw new NotSupportedLocally("redshift-data.CancelStatement", "Statements here are short; wait for its end.");
      },
    ),
  };
}

function described(row: StatementRow, id: string): Record<string, unknown> {
  const place = id.split(":")[1];
  const first = row.statements[place === undefined ? 0 : Number(place) - 1];
  const sub = row.statements.map(({ sql, status, error, hasResult, rows }, index) => ({
    Id: `${row.id}:${index + 1}`,
    QueryString: sql,
    Status: status,
    HasResultSet: hasResult,
    ResultRows: rows,
    ...(error !== undefined && { Error: error }),
  }));
  return {
    Id: id,
    Status: row.status,
    Database: row.database,
    WorkgroupName: row.workgroup,
    HasResultSet: row.statements.some(({ hasResult }) => hasResult),
    ResultRows: first?.rows ?? -1,
    CreatedAt: new Date(row.submittedAt),
    UpdatedAt: new Date(row.updatedAt),
    ...(row.error !== undefined && { Error: row.error }),
    ...(row.batch
      ? { SubStatements: sub, QueryString: row.statements.map(({ sql }) => sql).join(";\n") }
      : { QueryString: first?.sql }),
  };
}

/** What the stack has of Redshift Serverless, as its own API tells it. */
export function serverlessOperations(kernel: Kernel): Record<string, Operation> {
  const registry = registryOf(kernel);
  const all = (action: string) => (): RequiredPermission[] => [
    { action: `redshift-serverless:${action}`, resource: "*" },
  ];
  const list = { nextToken: z.string().optional(), maxResults: z.number().optional() };
  return {
    ListWorkgroups: operation(z.object(list), all("ListWorkgroups"), () => ({
      workgroups: [...registry.workgroups.values()].map(({ name, arn, namespace }) => ({
        workgroupName: name,
        workgroupArn: arn,
        namespaceName: namespace,
        status: "AVAILABLE",
      })),
    })),
    ListNamespaces: operation(z.object(list), all("ListNamespaces"), () => ({
      namespaces: [...registry.namespaces.values()].map(({ name, arn, database, roles, secretArn }) => ({
        namespaceName: name,
        namespaceArn: arn,
        dbName: database,
        iamRoles: roles,
        status: "AVAILABLE",
        ...(secretArn !== undefined && { adminPasswordSecretArn: secretArn }),
      })),
    })),
  };
}
