import { hash } from "node:crypto";
import { sortableNumber } from "./numbers";
import { type AttributeValue, type Item, member, refuse, typeOf } from "./values";

export type KeyType = "S" | "N" | "B";
export type ViewType = "KEYS_ONLY" | "NEW_IMAGE" | "OLD_IMAGE" | "NEW_AND_OLD_IMAGES";

export interface KeyAttribute {
  readonly name: string;
  readonly type: KeyType;
}

/** The key of a table or an index. */
export interface KeySchema {
  readonly hash: KeyAttribute;
  readonly range?: KeyAttribute;
}

export interface IndexDefinition extends KeySchema {
  /** Prefix of its entries' keys in the store. */
  readonly id: number;
  readonly name: string;
  readonly global: boolean;
  readonly projection: "ALL" | "KEYS_ONLY" | "INCLUDE";
  /** With `INCLUDE`: the attributes besides the keys. */
  readonly include: readonly string[];
}

export interface StreamDefinition {
  readonly id: number;
  /** When it was enabled, as in its ARN. */
  readonly label: string;
  readonly view: ViewType;
}

/** What is durable about a table besides its items. */
export interface TableDefinition extends KeySchema {
  /** Prefix of its items' keys in the store. */
  readonly id: number;
  readonly name: string;
  readonly indexes: readonly IndexDefinition[];
  readonly stream?: StreamDefinition;
  /** The attribute that holds an item's expiry in epoch seconds. */
  readonly ttl?: string;
  readonly billing: "PROVISIONED" | "PAY_PER_REQUEST";
  readonly deletionProtection: boolean;
  readonly pointInTimeRecovery: boolean;
  readonly keyArn?: string;
  readonly tags: Readonly<Record<string, string>>;
  /** Epoch milliseconds. */
  readonly createdAt: number;
}

/** Where an item lies in its table: hash of the partition key, sortable sort key. */
export type ItemKey = [string] | [string, string];

/** 32 hexadecimal digits of a partition key: spreads items and keeps store keys short. */
export function partitionHash(value: AttributeValue): string {
  return hash("sha256", value.S ?? value.N ?? (value.B as Uint8Array)).slice(0, 32);
}

/** A sort key as text in whose order the store's order is DynamoDB's order. */
export function sortable(value: AttributeValue): string {
  if (value.S !== undefined) return `s${escapeText(value.S)}`;
  return value.N !== undefined ? `n${sortableNumber(value.N)}` : `b${sortableBytes(value.B as Uint8Array)}`;
}

/** The store treats the lowest characters specially; this moves them out of the way and keeps the order. */
function escapeText(text: string): string {
  let clean = true;
  for (let at = 0; at < text.length && clean; at += 1) clean = text.charCodeAt(at) > 5;
  if (clean) return text;
  return [...text]
    .map((each) => (each.charCodeAt(0) > 5 ? each : `\u0005${String.fromCharCode(each.charCodeAt(0) + 16)}`))
    .join("");
}

const alphabet = "-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz";

/** Base64 with its digits in the order of their character codes, so that it sorts as the bytes do. */
function sortableBytes(bytes: Uint8Array): string {
  let result = "";
  let bits = 0;
  let count = 0;
  for (const byte of bytes) {
    bits = (bits << 8) | byte;
    count += 8;
    while (count >= 6) {
      count -= 6;
      result += alphabet[(bits >> count) & 63];
    }
    bits &= (1 << count) - 1;
  }
  return count > 0 ? result + alphabet[(bits << (6 - count)) & 63] : result;
}

/** The place of an item by its (checked) key attributes. */
export function itemKey(schema: KeySchema, item: Item): ItemKey {
  const partition = partitionHash(item[schema.hash.name] as AttributeValue);
  return schema.range ? [partition, sortable(item[schema.range.name] as AttributeValue)] : [partition];
}

/** The place of an item in an index, or undefined where the item lacks one of the index's keys. */
export function indexKey(index: IndexDefinition, item: Item, place: ItemKey): [string, string, string] | undefined {
  const partition = member(item, index.hash.name);
  const sort = index.range && member(item, index.range.name);
  if (!partition || (index.range && !sort)) return undefined;
  // Items with equal index keys are told apart by their own key; hashed, since both together could be too long.
  const own = place[1] === undefined ? place[0] : hash("sha256", `${place[0]} ${place[1]}`).slice(0, 32);
  return [partitionHash(partition), sort ? sortable(sort) : "", own];
}

/** The key attributes of an item. */
export function keyOf(schema: KeySchema, item: Item): Item {
  const { hash, range } = schema;
  const key: Item = { [hash.name]: item[hash.name] as AttributeValue };
  if (range) key[range.name] = item[range.name] as AttributeValue;
  return key;
}

export function keyNames({ hash, range }: KeySchema): string[] {
  return range ? [hash.name, range.name] : [hash.name];
}

const maxHashBytes = 2048;
const maxRangeBytes = 1024;

/** Refuses an item that lacks a key or has one of the wrong type, empty or too long; index keys must fit if there. */
export function checkItemKeys(table: TableDefinition, item: Item): void {
  for (const key of [table.hash, table.range]) {
    if (!key) continue;
    const value = member(item, key.name);
    if (!value) throw refuse(`One or more parameter values were invalid: Missing the key ${key.name} in the item`);
    const type = typeOf(value);
    if (type !== key.type) {
      throw refuse(
        `One or more parameter values were invalid: Type mismatch for key ${key.name} expected: ${key.type} actual: ${type}`,
      );
    }
    checkKeySize(key, value, key === table.range ? maxRangeBytes : maxHashBytes);
  }
  for (const index of table.indexes) checkIndexKeys(index, item);
}

function checkIndexKeys(index: IndexDefinition, item: Item): void {
  for (const key of [index.hash, index.range]) {
    const value = key && member(item, key.name);
    if (!key || !value) continue;
    const type = typeOf(value);
    if (type !== key.type) {
      throw refuse(
        `One or more parameter values were invalid: Type mismatch for Index Key ${key.name} Expected: ${key.type} Actual: ${type} IndexName: ${index.name}`,
      );
    }
    if (lengthOf(value) === 0) {
      throw refuse(
        `One or more parameter values are not valid. A value specified for a secondary index key is not supported. The AttributeValue for a key attribute cannot contain an empty ${type === "B" ? "binary" : "string"} value. IndexName: ${index.name}, IndexKey: ${key.name}`,
      );
    }
    checkKeySize(key, value, key === index.range ? maxRangeBytes : maxHashBytes);
  }
}

/** Refuses a key that is not exactly the table's: another name, another type, more or fewer attributes. */
export function checkKey(table: TableDefinition, key: Item): void {
  const names = keyNames(table);
  const fits =
    Object.keys(key).length === names.length &&
    [table.hash, table.range].every((attribute) => {
      const value = attribute && member(key, attribute.name);
      return !attribute || (value !== undefined && typeOf(value) === attribute.type);
    });
  if (!fits) throw refuse("The provided key element does not match the schema");
  checkKeySize(table.hash, key[table.hash.name] as AttributeValue, maxHashBytes);
  if (table.range) checkKeySize(table.range, key[table.range.name] as AttributeValue, maxRangeBytes);
}

function checkKeySize(key: KeyAttribute, value: AttributeValue, limit: number): void {
  const length = lengthOf(value);
  if (length === 0) {
    throw refuse(
      `One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty ${key.type === "B" ? "binary" : "string"} value. Key: ${key.name}`,
    );
  }
  if (length > limit) {
    const which = limit === maxHashBytes ? "hashkey" : "rangekey";
    throw refuse(
      `One or more parameter values were invalid: Size of ${which} has exceeded the maximum size limit of${limit} bytes`,
    );
  }
}

function lengthOf(value: AttributeValue): number {
  if (value.S !== undefined) return Buffer.byteLength(value.S);
  return value.B ? value.B.byteLength : 1;
}

/** The attributes that an index holds, or undefined where it holds all. */
export function projectedNames(table: TableDefinition, index: IndexDefinition): Set<string> | undefined {
  if (index.projection === "ALL") return undefined;
  return new Set([...keyNames(table), ...keyNames(index), ...index.include]);
}
