import type * as api from "@aws-sdk/client-dynamodb";
import type { AwsService, Kernel, RequiredPermission } from "../../kernel";
import { BatchOperations } from "./batch-operations";
import { ItemOperations } from "./item-operations";
import { QueryOperations } from "./query-operations";
import { parseInsert, Statements } from "./statements";
import { tableArn } from "./table";
import { TableOperations } from "./table-operations";
import { Tables, tableNameOf } from "./tables";
import { Transactions } from "./transactions";

/** What a call names: a table, an index, or many tables. */
interface Named {
  TableName?: string;
  IndexName?: string;
  RequestItems?: Record<string, unknown>;
  TransactItems?: Record<string, { TableName?: string } | undefined>[];
  Statements?: { Statement?: string }[];
}

/** The permission that each member of a transaction needs. */
const actionOfMember: Record<string, string> = {
  Put: "dynamodb:PutItem",
  Update: "dynamodb:UpdateItem",
  Delete: "dynamodb:DeleteItem",
  ConditionCheck: "dynamodb:ConditionCheckItem",
  Get: "dynamodb:GetItem",
};

/** The DynamoDB API over the local store. */
export class DynamoDbService implements AwsService {
  readonly name = "dynamodb";
  readonly tables: Tables;
  readonly transactions: Transactions;
  private readonly items: ItemOperations;
  private readonly batches: BatchOperations;
  private readonly statements: Statements;
  private readonly queries: QueryOperations;
  private readonly admin: TableOperations;

  constructor(private readonly kernel: Kernel) {
    this.tables = new Tables(kernel);
    this.items = new ItemOperations(kernel, this.tables);
    this.batches = new BatchOperations(kernel, this.tables);
    this.statements = new Statements(kernel, this.tables);
    this.queries = new QueryOperations(this.tables);
    this.transactions = new Transactions(kernel, this.tables);
    this.admin = new TableOperations(kernel, this.tables);
  }

  readonly operations = {
    GetItem: (input: api.GetItemCommandInput) => this.items.getItem(input),
    PutItem: (input: api.PutItemCommandInput) => this.items.putItem(input),
    UpdateItem: (input: api.UpdateItemCommandInput) => this.items.updateItem(input),
    DeleteItem: (input: api.DeleteItemCommandInput) => this.items.deleteItem(input),
    Query: (input: api.QueryCommandInput) => this.queries.query(input),
    Scan: (input: api.ScanCommandInput) => this.queries.scan(input),
    BatchGetItem: (input: api.BatchGetItemCommandInput) => this.batches.batchGetItem(input),
    BatchWriteItem: (input: api.BatchWriteItemCommandInput) => this.batches.batchWriteItem(input),
    BatchExecuteStatement: (input: api.BatchExecuteStatementCommandInput) => this.statements.batch(input),
    TransactWriteItems: (input: api.TransactWriteItemsCommandInput) => this.transactions.write(input),
    TransactGetItems: (input: api.TransactGetItemsCommandInput) => this.transactions.get(input),
    CreateTable: (input: api.CreateTableCommandInput) => this.admin.createTable(input),
    UpdateTable: (input: api.UpdateTableCommandInput) => this.admin.updateTable(input),
    DeleteTable: (input: api.DeleteTableCommandInput) => this.admin.deleteTable(input),
    DescribeTable: (input: api.DescribeTableCommandInput) => this.admin.describeTable(input),
    ListTables: (input: api.ListTablesCommandInput) => this.admin.listTables(input),
    UpdateTimeToLive: (input: api.UpdateTimeToLiveCommandInput) => this.admin.updateTimeToLive(input),
    DescribeTimeToLive: (input: api.DescribeTimeToLiveCommandInput) => this.admin.describeTimeToLive(input),
    DescribeContinuousBackups: (input: api.DescribeContinuousBackupsCommandInput) =>
      this.admin.describeContinuousBackups(input),
    UpdateContinuousBackups: (input: api.UpdateContinuousBackupsCommandInput) =>
      this.admin.updateContinuousBackups(input),
  };

  permissions(operation: string, input: never): RequiredPermission[] {
    const { TableName, IndexName, RequestItems, TransactItems, Statements } = input as Named;
    const action = `dynamodb:${operation}`;
    if (operation === "ListTables") return [{ action, resource: "*" }];
    if (RequestItems) {
      return Object.keys(RequestItems).map((name) => ({ action, resource: this.arnOf(name) }));
    }
    if (TransactItems) return this.memberPermissions(TransactItems);
    if (Statements) {
      const names = new Set(Statements.map(({ Statement }) => parseInsert(Statement).table));
      return [...names].map((name) => ({ action: "dynamodb:PartiQLInsert", resource: this.arnOf(name) }));
    }
    const table = this.arnOf(TableName ?? "*");
    return [{ action, resource: IndexName === undefined ? table : `${table}/index/${IndexName}` }];
  }

  /** Transactions need the permissions of their members, each once. */
  private memberPermissions(members: readonly Record<string, { TableName?: string } | undefined>[]) {
    const needed = new Map<string, RequiredPermission>();
    for (const member of members) {
      for (const [kind, request] of Object.entries(member)) {
        const action = actionOfMember[kind];
        if (!action || !request) continue;
        const resource = this.arnOf(request.TableName ?? "*");
        needed.set(`${action} ${resource}`, { action, resource });
      }
    }
    return [...needed.values()];
  }

  private arnOf(nameOrArn: string): string {
    return tableArn(this.kernel, tableNameOf(nameOrArn));
  }
}
