import { AwsError } from "../../kernel";
import { compareNumbers, normaliseNumber } from "./numbers";

/** A value in DynamoDB's wire shape; exactly one member is set. */
export interface AttributeValue {
  S?: string;
  N?: string;
  B?: Uint8Array;
  SS?: string[];
  NS?: string[];
  BS?: Uint8Array[];
  M?: Record<string, AttributeValue>;
  L?: AttributeValue[];
  NULL?: boolean;
  BOOL?: boolean;
}

export type Item = Record<string, AttributeValue>;
export type ValueType = keyof AttributeValue;

const maxDepth = 32;

export function refuse(message: string): AwsError {
  return new AwsError("ValidationException", message);
}

/** The type of a checked value: its only member. */
export function typeOf(value: AttributeValue): ValueType {
  for (const key in value) return key as ValueType;
  throw new Error("an attribute value without a type");
}

/** Checks a value that comes from outside and returns a clean copy, its numbers in canonical form. */
export function normaliseValue(given: unknown, depth = 0): AttributeValue {
  if (typeof given !== "object" || given === null) {
    throw refuse("Supplied AttributeValue is empty, must contain exactly one of the supported datatypes");
  }
  let type: string | undefined;
  let data: unknown;
  for (const key in given) {
    const member = (given as Record<string, unknown>)[key];
    if (member === undefined) continue;
    if (type !== undefined) {
      throw refuse(
        "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes",
      );
    }
    type = key;
    data = member;
  }
  if (depth > maxDepth) throw refuse("Nesting Levels have exceeded supported limits: Attributes are nested too deep");
  switch (type) {
    case "S":
      return { S: text(data) };
    case "N":
      return { N: normaliseNumber(text(data)) };
    case "B":
      return { B: bytes(data) };
    case "BOOL":
      if (typeof data !== "boolean") throw wrongType("BOOL");
      return { BOOL: data };
    case "NULL":
      if (data !== true) {
        throw refuse(
          "One or more parameter values were invalid: Null attribute value types must have the value of true",
        );
      }
      return { NULL: true };
    case "M":
      return { M: normaliseMembers(data, depth + 1) };
    case "L":
      if (!Array.isArray(data)) throw wrongType("L");
      return { L: data.map((each) => normaliseValue(each, depth + 1)) };
    case "SS":
      return { SS: distinct(data, "string", text, (each) => each) };
    case "NS":
      return {
        NS: distinct(
          data,
          "number",
          (each) => normaliseNumber(text(each)),
          (each) => each,
        ),
      };
    case "BS":
      return { BS: distinct(data, "binary", bytes, (each) => Buffer.from(each).toString("base64")) };
    default:
      throw refuse("Supplied AttributeValue is empty, must contain exactly one of the supported datatypes");
  }
}

/** Checks an item (or a map) from outside and returns a clean copy. */
export function normaliseItem(given: unknown, what = "Item"): Item {
  if (typeof given !== "object" || given === null) {
    throw refuse(
      `1 validation error detected: Value null at '${what[0]?.toLowerCase()}${what.slice(1)}' failed to satisfy constraint: Member must not be null`,
    );
  }
  return normaliseMembers(given, 0);
}

function normaliseMembers(given: unknown, depth: number): Item {
  if (typeof given !== "object" || given === null || Array.isArray(given)) throw wrongType("M");
  const result: Item = {};
  for (const key in given) {
    const member = (given as Record<string, unknown>)[key];
    if (member !== undefined) put(result, key, normaliseValue(member, depth));
  }
  return result;
}

/** Sets a member whatever its name: `__proto__` is a name like any other here. */
export function put(item: Item, name: string, value: AttributeValue): void {
  if (name === "__proto__") {
    Object.defineProperty(item, name, { value, enumerable: true, configurable: true, writable: true });
  } else item[name] = value;
}

/** The own member of that name, or undefined. */
export function member(item: Item, name: string): AttributeValue | undefined {
  const value = item[name];
  return value !== undefined && Object.hasOwn(item, name) ? value : undefined;
}

function text(data: unknown): string {
  if (typeof data !== "string") throw wrongType("string");
  return data;
}

function bytes(data: unknown): Uint8Array {
  if (!(data instanceof Uint8Array)) throw wrongType("B");
  return data;
}

function distinct<T>(data: unknown, kind: string, read: (each: unknown) => T, identity: (each: T) => string): T[] {
  if (!Array.isArray(data)) throw wrongType(`${kind} set`);
  if (data.length === 0) throw refuse(`One or more parameter values were invalid: An ${kind} set  may not be empty`);
  const values = data.map(read);
  if (new Set(values.map(identity)).size !== values.length) {
    throw refuse(
      `One or more parameter values were invalid: Input collection [${values.map(identity).join(", ")}] contains duplicates.`,
    );
  }
  return values;
}

function wrongType(expected: string): AwsError {
  return new AwsError("SerializationException", `Unexpected value type in payload: expected ${expected}`);
}

/** Order of texts by their UTF-8 bytes, which JavaScript's own order is not beyond U+D7FF. */
export function compareText(a: string, b: string): number {
  if (a === b) return 0;
  if (/[\ud800-\uffff]/.test(a) && /[\ud800-\uffff]/.test(b)) return Buffer.compare(Buffer.from(a), Buffer.from(b));
  return a < b ? -1 : 1;
}

/** Compares two values of the same ordered type (S, N or B); undefined where they cannot be compared. */
export function compareValues(a: AttributeValue, b: AttributeValue): number | undefined {
  if (a.S !== undefined && b.S !== undefined) return compareText(a.S, b.S);
  if (a.N !== undefined && b.N !== undefined) return compareNumbers(a.N, b.N);
  if (a.B !== undefined && b.B !== undefined) return Buffer.compare(a.B, b.B);
  return undefined;
}

/** Whether two checked values are the same; sets compare without order. */
export function equalValues(a: AttributeValue, b: AttributeValue): boolean {
  if (a === b) return true;
  const type = typeOf(a);
  if (type !== typeOf(b)) return false;
  switch (type) {
    case "B":
      return Buffer.compare(a.B as Uint8Array, b.B as Uint8Array) === 0;
    case "M":
      return equalItems(a.M as Item, b.M as Item);
    case "L": {
      const left = a.L as AttributeValue[];
      const right = b.L as AttributeValue[];
      return left.length === right.length && left.every((each, at) => equalValues(each, right[at] as AttributeValue));
    }
    case "SS":
    case "NS":
    case "BS": {
      const left = setMembers(a);
      const right = new Set(setMembers(b));
      return left.length === right.size && left.every((each) => right.has(each));
    }
    default:
      return a[type] === b[type];
  }
}

export function equalItems(a: Item, b: Item): boolean {
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  return keys.every((key) => {
    const other = member(b, key);
    return other !== undefined && equalValues(a[key] as AttributeValue, other);
  });
}

/** The members of a set as texts that identify them. */
export function setMembers(value: AttributeValue): string[] {
  return value.SS ?? value.NS ?? (value.BS ?? []).map((each) => Buffer.from(each).toString("base64"));
}

/** An item's size in bytes by DynamoDB's rules (Developer Guide, "Item sizes and formats"). */
export function itemSize(item: Item): number {
  let size = 0;
  for (const key in item) size += Buffer.byteLength(key) + valueSize(item[key] as AttributeValue);
  return size;
}

export function valueSize(value: AttributeValue): number {
  switch (typeOf(value)) {
    case "S":
      return Buffer.byteLength(value.S as string);
    case "N":
      return numberSize(value.N as string);
    case "B":
      return (value.B as Uint8Array).byteLength;
    case "SS":
      return (value.SS as string[]).reduce((sum, each) => sum + Buffer.byteLength(each), 0);
    case "NS":
      return (value.NS as string[]).reduce((sum, each) => sum + numberSize(each), 0);
    case "BS":
      return (value.BS as Uint8Array[]).reduce((sum, each) => sum + each.byteLength, 0);
    case "M":
      return 3 + Object.keys(value.M as Item).length + itemSize(value.M as Item);
    case "L":
      return (value.L as AttributeValue[]).reduce((sum, each) => sum + 1 + valueSize(each), 3);
    default:
      return 1;
  }
}

/** About one byte per two significant digits, one more for the exponent and one for a minus sign. */
function numberSize(number: string): number {
  const digits = number
    .replace(/^-?0*\.?0*/, "")
    .replace(/\.?0*$/, "")
    .replace(".", "").length;
  return Math.ceil(digits / 2) + 1 + (number.startsWith("-") ? 1 : 0);
}
