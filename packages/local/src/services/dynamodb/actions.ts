import { AwsError } from "../../kernel";
import type { Condition, RawPath, Update } from "./expressions/ast";
import { Expressions } from "./expressions/bind";
import { holds } from "./expressions/condition";
import { applyUpdate, updatedPaths } from "./expressions/update";
import { checkKey, type ItemKey, itemKey, keyNames } from "./schema";
import type { Table } from "./table";
import type { Tables } from "./tables";
import { type Item, normaliseItem, refuse } from "./values";

/** The parameters that name a table and state a condition. */
export interface ActionInput {
  TableName?: string | undefined;
  ConditionExpression?: string | undefined;
  ExpressionAttributeNames?: Record<string, string> | undefined;
  ExpressionAttributeValues?: Record<string, unknown> | undefined;
  ReturnValuesOnConditionCheckFailure?: string | undefined;
}

/** One change of one item, checked as far as it can be before the item is known. */
export interface Action {
  readonly table: Table;
  readonly place: ItemKey;
  /** Whether `next` looks at the item as it was. */
  readonly needsOld: boolean;
  /** The item after the change (undefined: gone) and its size; throws `ConditionalCheckFailedException`. */
  next(old: Item | undefined): { item: Item | undefined; size: number };
  /** Of an update: the paths that it changes. */
  readonly changed?: readonly RawPath[];
  /** A check changes nothing. */
  readonly check?: true;
}

/** Parameters from before expressions existed. */
const legacy = [
  "Expected",
  "AttributeUpdates",
  "ConditionalOperator",
  "AttributesToGet",
  "KeyConditions",
  "QueryFilter",
  "ScanFilter",
];

/** Refuses the legacy parameters by name. */
export function refuseLegacy(input: object): void {
  for (const name of legacy) {
    if ((input as Record<string, unknown>)[name] !== undefined) {
      throw new AwsError(
        "NotSupportedLocally",
        `NotSupportedLocally: dynamodb parameter ${name}. Use the expression parameters (ConditionExpression, UpdateExpression, KeyConditionExpression…), which replaced it.`,
        { status: 501 },
      );
    }
  }
}

export function putAction(tables: Tables, input: ActionInput & { Item?: unknown }): Action {
  refuseLegacy(input);
  const table = tables.require(input.TableName);
  const item = normaliseItem(input.Item, "Item");
  const size = table.checkItem(item);
  const { condition, expressions } = conditionOf(input);
  expressions?.finish();
  return {
    table,
    place: itemKey(table.definition, item),
    needsOld: table.needsOld || condition !== undefined,
    next(old) {
      demand(condition, expressions, old, input);
      return { item, size };
    },
  };
}

export function deleteAction(tables: Tables, input: ActionInput & { Key?: unknown }): Action {
  refuseLegacy(input);
  const { table, place } = keyed(tables, input);
  const { condition, expressions } = conditionOf(input);
  expressions?.finish();
  return {
    table,
    place,
    needsOld: table.needsOld || condition !== undefined,
    next(old) {
      demand(condition, expressions, old, input);
      return { item: undefined, size: 0 };
    },
  };
}

export function checkAction(tables: Tables, input: ActionInput & { Key?: unknown }): Action {
  const { table, place } = keyed(tables, input);
  const { condition, expressions } = conditionOf(input);
  if (!condition) throw refuse("The ConditionExpression parameter is required for ConditionCheck");
  expressions?.finish();
  return {
    table,
    place,
    needsOld: true,
    check: true,
    next(old) {
      demand(condition, expressions, old, input);
      return { item: old, size: 0 };
    },
  };
}

export function updateAction(
  tables: Tables,
  input: ActionInput & { Key?: unknown; UpdateExpression?: string | undefined },
): Action {
  refuseLegacy(input);
  const { table, place, key } = keyed(tables, input);
  const expressions = new Expressions(input);
  const update: Update | undefined = expressions.update(input.UpdateExpression);
  const condition = expressions.condition("ConditionExpression", input.ConditionExpression);
  expressions.finish();
  const changed = update ? updatedPaths(update, expressions, keyNames(table.definition)) : [];
  return {
    table,
    place,
    needsOld: true,
    changed,
    next(old) {
      demand(condition, expressions, old, input);
      const base = old ?? key;
      const item = update ? applyUpdate(update, base, expressions) : base;
      return { item, size: table.checkItem(item, "Item size to update has exceeded the maximum allowed size") };
    },
  };
}

/** The table and the place that a request's `Key` names. */
export function keyed(tables: Tables, input: { TableName?: string | undefined; Key?: unknown }) {
  const table = tables.require(input.TableName);
  const key = normaliseItem(input.Key, "Key");
  checkKey(table.definition, key);
  return { table, key, place: itemKey(table.definition, key) };
}

function conditionOf(input: ActionInput): { condition?: Condition; expressions?: Expressions } {
  if (
    input.ConditionExpression === undefined &&
    input.ExpressionAttributeNames === undefined &&
    input.ExpressionAttributeValues === undefined
  ) {
    return {};
  }
  const expressions = new Expressions(input);
  const condition = expressions.condition("ConditionExpression", input.ConditionExpression);
  return condition ? { condition, expressions } : { expressions };
}

function demand(
  condition: Condition | undefined,
  expressions: Expressions | undefined,
  old: Item | undefined,
  input: ActionInput,
): void {
  if (!condition || !expressions || holds(condition, old ?? {}, expressions)) return;
  const details = input.ReturnValuesOnConditionCheckFailure === "ALL_OLD" && old ? { Item: old } : {};
  throw new AwsError("ConditionalCheckFailedException", "The conditional request failed", { details });
}
