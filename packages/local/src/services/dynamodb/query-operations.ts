import type * as api from "@aws-sdk/client-dynamodb";
import { refuseLegacy } from "./actions";
import { consumed, readUnits } from "./capacity";
import type { Condition, RawPath } from "./expressions/ast";
import { Expressions, resolvePath } from "./expressions/bind";
import { holds } from "./expressions/condition";
import { keyCondition, meets, type SortCondition, startOf } from "./expressions/key-condition";
import { project } from "./expressions/project";
import {
  type IndexDefinition,
  type ItemKey,
  indexKey,
  itemKey,
  type KeySchema,
  keyNames,
  partitionHash,
  projectedNames,
} from "./schema";
import type { StoredItem, Table } from "./table";
import type { Tables } from "./tables";
import { type AttributeValue, type Item, member, normaliseItem, refuse, typeOf } from "./values";

type Plain<T> = Omit<T, "$metadata">;

/** A page ends with the item that takes it to 1 MB. */
const pageBytes = 2 ** 20;

/** A stretch of store keys of a table or an index. */
interface Stretch {
  readonly start: (string | number)[];
  readonly end: (string | number)[];
  readonly exclusiveStart: boolean;
  readonly reverse: boolean;
}

/** What `Query` and `Scan` share. */
interface Reading {
  readonly table: Table;
  readonly index: IndexDefinition | undefined;
  readonly expressions: Expressions;
  readonly filter: Condition | undefined;
  readonly paths: RawPath[] | undefined;
  readonly input: api.QueryCommandInput | api.ScanCommandInput;
}

/** `Query` and `Scan`. */
export class QueryOperations {
  constructor(private readonly tables: Tables) {}

  query(input: api.QueryCommandInput): Plain<api.QueryCommandOutput> {
    const reading = this.begin(input);
    const { table, index, expressions } = reading;
    const schema: KeySchema = index ?? table.definition;
    const parsed = expressions.condition("KeyConditionExpression", input.KeyConditionExpression);
    if (!parsed)
      throw refuse("Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.");
    expressions.finish();
    const { partition, sort } = keyCondition(parsed, schema, expressions);
    if (reading.filter) refuseKeysInFilter(reading.filter, schema, expressions);
    const reverse = input.ScanIndexForward === false;
    const prefix = [index?.id ?? table.definition.id, partitionHash(partition)];
    const from = this.startKey(reading);
    const begin = startOf(sort, reverse);
    const stretch: Stretch = {
      start: from ?? [...prefix, ...begin.tail],
      exclusiveStart: from !== undefined || begin.exclusive,
      end: reverse ? prefix : [...prefix, "\uffff"],
      reverse,
    };
    // A partition of a table without sort key is one store key, which a stretch downwards would leave out.
    const single = reverse && !schema.range && !index;
    return this.page(
      reading,
      single ? { ...stretch, reverse: false, start: from ?? prefix, end: [...prefix, "\uffff"] } : stretch,
      sort && schema.range ? { name: schema.range.name, sort } : undefined,
    );
  }

  scan(input: api.ScanCommandInput): Plain<api.ScanCommandOutput> {
    const reading = this.begin(input);
    reading.expressions.finish();
    const id = reading.index?.id ?? reading.table.definition.id;
    const { Segment, TotalSegments } = input;
    if ((Segment === undefined) !== (TotalSegments === undefined)) {
      throw refuse(
        "The TotalSegments parameter is required but was not present in the request when Segment parameter is present",
      );
    }
    const [low, high] = TotalSegments === undefined ? [] : segmentBounds(Segment ?? 0, TotalSegments);
    const from = this.startKey(reading);
    return this.page(reading, {
      start: from ?? (low === undefined ? [id] : [id, low]),
      exclusiveStart: from !== undefined,
      end: high === undefined ? [id + 1] : [id, high],
      reverse: false,
    });
  }

  private begin(input: api.QueryCommandInput | api.ScanCommandInput): Reading {
    refuseLegacy(input);
    const table = this.tables.require(input.TableName);
    const index = input.IndexName === undefined ? undefined : table.index(input.IndexName);
    if (index?.global && input.ConsistentRead) {
      throw refuse("Consistent reads are not supported on global secondary indexes");
    }
    const { Limit, Select } = input;
    if (Limit !== undefined && (!Number.isInteger(Limit) || Limit < 1)) {
      throw refuse(
        `1 validation error detected: Value '${Limit}' at 'limit' failed to satisfy constraint: Member must have value greater than or equal to 1`,
      );
    }
    const expressions = new Expressions(input);
    const filter = expressions.condition("FilterExpression", input.FilterExpression);
    const paths = expressions.projection(input.ProjectionExpression);
    checkSelect(table, index, Select, paths);
    return { table, index, expressions, filter, paths, input };
  }

  /** The store key of `ExclusiveStartKey`. */
  private startKey({ table, index, input }: Reading): (string | number)[] | undefined {
    if (!input.ExclusiveStartKey) return undefined;
    const key = normaliseItem(input.ExclusiveStartKey, "ExclusiveStartKey");
    const schemas: KeySchema[] = index ? [table.definition, index] : [table.definition];
    const names = new Set(schemas.flatMap(keyNames));
    const fits =
      Object.keys(key).length === names.size &&
      schemas.every(({ hash, range }) =>
        [hash, range].every((attribute) => {
          const value = attribute && member(key, attribute.name);
          return !attribute || (value && typeOf(value) === attribute.type);
        }),
      );
    if (!fits) throw refuse("The provided starting key is invalid");
    const place = itemKey(table.definition, key);
    if (!index) return [table.definition.id, ...place];
    const entry = indexKey(index, key, place);
    if (!entry) throw refuse("The provided starting key is invalid");
    return [index.id, ...entry];
  }

  /** Reads a page: stops at the limit, at 1 MB, or where the sort key no longer meets its condition. */
  private page(reading: Reading, stretch: Stretch, sortKey?: { name: string; sort: SortCondition }) {
    const { table, index, filter, expressions, paths, input } = reading;
    const limit = input.Limit ?? Number.POSITIVE_INFINITY;
    const visible = visibleNames(table, index, input.Select);
    const items: Item[] = [];
    let scanned = 0;
    let count = 0;
    let bytes = 0;
    let last: Item | undefined;
    for (const stored of storedItems(table, index, stretch)) {
      const { i: full, z } = stored;
      if (sortKey && !meets(full[sortKey.name] as AttributeValue, sortKey.sort)) break;
      const item = visible ? keep(full, visible) : full;
      scanned += 1;
      bytes += z;
      if (!filter || holds(filter, item, expressions)) {
        count += 1;
        if (input.Select !== "COUNT") items.push(paths ? project(item, paths) : item);
      }
      if (scanned >= limit || bytes >= pageBytes) {
        last = full;
        break;
      }
    }
    const units = () => readUnits(bytes, input.ConsistentRead);
    return {
      ...(input.Select === "COUNT" ? {} : { Items: items as Record<string, api.AttributeValue>[] }),
      Count: count,
      ScannedCount: scanned,
      ...(last
        ? { LastEvaluatedKey: keep(last, lastKeyNames(table, index)) as Record<string, api.AttributeValue> }
        : {}),
      ...(input.ReturnConsumedCapacity ? consumed(input.ReturnConsumedCapacity, table.name, units()) : {}),
    };
  }
}

function* storedItems(
  table: Table,
  index: IndexDefinition | undefined,
  stretch: Stretch,
): IterableIterator<StoredItem> {
  if (!index) {
    for (const { value } of table.tables.items.entries(stretch)) yield value;
    return;
  }
  for (const { value } of table.tables.entries.entries(stretch)) {
    const stored = table.read(value as ItemKey);
    if (stored) yield stored;
  }
}

/** The attributes that a reader of an index sees; undefined: all. A local index fetches what it does not hold. */
function visibleNames(table: Table, index: IndexDefinition | undefined, select: string | undefined) {
  if (!index || (!index.global && select === "ALL_ATTRIBUTES")) return undefined;
  return projectedNames(table.definition, index);
}

function checkSelect(
  table: Table,
  index: IndexDefinition | undefined,
  select: string | undefined,
  paths: RawPath[] | undefined,
): void {
  if (paths && select !== undefined && select !== "SPECIFIC_ATTRIBUTES") {
    throw refuse(`Cannot specify the ProjectionExpression when choosing to get ${select}`);
  }
  if (select === "SPECIFIC_ATTRIBUTES" && !paths) {
    throw refuse("Must specify the AttributesToGet or ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES");
  }
  if (select === "ALL_PROJECTED_ATTRIBUTES" && !index) {
    throw refuse("ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName");
  }
  if (!index?.global) return;
  const held = projectedNames(table.definition, index);
  if (held && select === "ALL_ATTRIBUTES") {
    throw refuse(
      `One or more parameter values were invalid: Select type ALL_ATTRIBUTES is not supported for global secondary index ${index.name} because its projection type is not ALL`,
    );
  }
  const missing = held ? (paths ?? []).filter(([name]) => !held.has(name as string)) : [];
  if (missing.length > 0) {
    throw refuse(
      `One or more parameter values were invalid: Global secondary index ${index.name} does not project [${missing.map(([name]) => name).join(", ")}]`,
    );
  }
}

function refuseKeysInFilter(filter: Condition, schema: KeySchema, expressions: Expressions): void {
  const keys = keyNames(schema);
  const visit = (path: RawPath) => {
    const [name] = resolvePath(path, expressions);
    if (keys.includes(name as string)) {
      throw refuse(
        `Filter Expression can only contain non-primary key attributes: Primary key attribute: ${String(name)}`,
      );
    }
  };
  walkPaths(filter, visit);
}

function walkPaths(condition: Condition, visit: (path: RawPath) => void): void {
  for (const value of Object.values(condition)) {
    for (const each of Array.isArray(value) ? value : [value]) {
      if (typeof each !== "object" || each === null) continue;
      if ("op" in each) walkPaths(each as Condition, visit);
      else if ("path" in each) visit(each.path as RawPath);
    }
  }
  if ("path" in condition) visit(condition.path);
}

function lastKeyNames(table: Table, index: IndexDefinition | undefined): ReadonlySet<string> {
  return new Set([...keyNames(table.definition), ...(index ? keyNames(index) : [])]);
}

function keep(item: Item, names: ReadonlySet<string>): Item {
  const result: Item = {};
  for (const name of names) {
    const value = member(item, name);
    if (value) result[name] = value;
  }
  return result;
}

/** The partition hashes of a parallel scan's segment: first, and the first of the next one. */
function segmentBounds(segment: number, total: number): [string, string | undefined] {
  if (!Number.isInteger(total) || total < 1 || total > 1_000_000 || segment < 0 || segment >= total) {
    throw refuse(
      `The Segment parameter is zero-based and must be less than parameter TotalSegments: Segment: ${segment} is not less than TotalSegments: ${total}`,
    );
  }
  const bound = (at: number) =>
    Math.floor((at / total) * 2 ** 32)
      .toString(16)
      .padStart(8, "0");
  return [bound(segment), segment + 1 === total ? undefined : bound(segment + 1)];
}
