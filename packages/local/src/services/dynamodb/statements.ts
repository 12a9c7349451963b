import type * as api from "@aws-sdk/client-dynamodb";
import { AwsError, type Kernel } from "../../kernel";
import { putAction } from "./actions";
import { consumed, writeUnits } from "./capacity";
import { notifyAll } from "./item-operations";
import type { Tables } from "./tables";
import { type AttributeValue, type Item, put, refuse } from "./values";

type Plain<T> = Omit<T, "$metadata">;

const maxStatements = 25;

/** An insert: its table, and the attributes that its parameters are, in their order. */
interface Insert {
  readonly table: string;
  readonly attributes: readonly string[];
}

const insertForm = /^\s*insert\s+into\s+"([^"]+)"\s+value\s+\{(.*)\}\s*;?\s*$/is;
const memberForm = /^\s*'([^']+)'\s*:\s*\?\s*$/;
/** Programs use few texts, so this seldom empties. */
const cache = new Map<string, Insert>();
const cacheSize = 500;

/**
 * Reads `INSERT INTO "table" VALUE {'a': ?, 'b': ?}`, the one PartiQL statement that works here.
 * @throws AwsError `NotSupportedLocally` for others
 */
export function parseInsert(text: unknown): Insert {
  const known = typeof text === "string" ? cache.get(text) : undefined;
  if (known) return known;
  const [, table, members] = insertForm.exec(String(text)) ?? [];
  const attributes = members?.split(",").map((each) => memberForm.exec(each)?.[1]);
  if (table === undefined || attributes === undefined || !attributes.every((name) => name !== undefined)) {
    throw new AwsError(
      "NotSupportedLocally",
      `NotSupportedLocally: the PartiQL statement ${JSON.stringify(text)?.slice(0, 200)}. INSERT INTO "table" VALUE {'name': ?, …} works here; use the item operations for the rest.`,
      { status: 501 },
    );
  }
  const insert = { table, attributes };
  if (cache.size >= cacheSize) cache.clear();
  cache.set(String(text), insert);
  return insert;
}

/** `BatchExecuteStatement`: puts of new items, each by itself; one whose key is taken fails alone, with `DuplicateItem`. */
export class Statements {
  constructor(
    private readonly kernel: Kernel,
    private readonly tables: Tables,
  ) {}

  async batch(input: api.BatchExecuteStatementCommandInput): Promise<Plain<api.BatchExecuteStatementCommandOutput>> {
    const statements = input.Statements;
    if (!Array.isArray(statements) || statements.length === 0 || statements.length > maxStatements) {
      throw refuse(
        `1 validation error detected: Value at 'statements' failed to satisfy constraint: Member must have length between 1 and ${maxStatements}`,
      );
    }
    const inserts = statements.map((statement) => this.insert(statement));
    const units = new Map<string, number>();
    const responses = await this.kernel.store.write(() =>
      inserts.map(({ table, place, item, size }): api.BatchStatementResponse => {
        const TableName = table.name;
        if (table.read(place)) {
          return { Error: { Code: "DuplicateItem", Message: "Duplicate primary key exists in table" }, TableName };
        }
        table.write(place, undefined, item, size);
        units.set(TableName, (units.get(TableName) ?? 0) + writeUnits(size));
        return { TableName };
      }),
    );
    notifyAll(inserts.map(({ table }) => table));
    const capacity = [...units].flatMap(
      ([name, count]) => consumed(input.ReturnConsumedCapacity, name, count).ConsumedCapacity ?? [],
    );
    return { Responses: responses, ...(capacity.length > 0 ? { ConsumedCapacity: capacity } : {}) };
  }

  private insert({ Statement, Parameters = [] }: api.BatchStatementRequest) {
    const { table: TableName, attributes } = parseInsert(Statement);
    if (Parameters.length !== attributes.length) {
      throw refuse("Number of parameters in request and statement don't match.");
    }
    const Item: Item = {};
    for (const [index, name] of attributes.entries()) put(Item, name, Parameters[index] as AttributeValue);
    const { table, place, next } = putAction(this.tables, { TableName, Item });
    const { item, size } = next(undefined);
    return { table, place, item: item as Item, size };
  }
}
