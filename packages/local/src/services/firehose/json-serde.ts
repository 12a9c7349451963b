import { type HiveType, type LakeColumn, parseHiveType } from "../duckdb";
import { isRecord } from "../support";
import type { ConversionConfig } from "./config";

/** A record as a line of JSON whose keys are the table's columns and whose values convert to their types; or why not. */
export type Line = { readonly line: Uint8Array } | { readonly code: string; readonly message: string };

const bits: Readonly<Record<string, number>> = { tinyint: 8, smallint: 16, int: 32, integer: 32, bigint: 64 };
const timestampText = /^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:?\d{2})?$/;

/** Thrown where a value does not convert to its column's type. */
class Misfit extends Error {}

/**
 * The value as the type's JSON form (times become `YYYY-MM-DD HH:MM:SS.mmm` in UTC), or the value itself where it
 * already is. Numbers and booleans in text are taken, as OpenX's SerDe does.
 */
function convert(value: unknown, type: HiveType, path: string): unknown {
  if (value === null || value === undefined) return value;
  const fail = (wanted: string): never => {
    throw new Misfit(`${path}: ${JSON.stringify(value)?.slice(0, 100)} is not ${wanted}`);
  };
  switch (type.kind) {
    case "array":
      if (!Array.isArray(value)) return fail("an array");
      return mapped(value, (item, index) => convert(item, type.element, `${path}[${index}]`));
    case "map":
    case "struct": {
      if (!isRecord(value)) return fail("an object");
      const typeOf = (key: string) =>
        type.kind === "map" ? type.value : type.fields.find(({ name }) => name === key)?.type;
      const entries = Object.entries(value);
      const converted = entries.map(([key, item]) => {
        const fieldType = typeOf(key);
        return fieldType ? convert(item, fieldType, `${path}.${key}`) : item;
      });
      if (entries.every(([, item], index) => item === converted[index])) return value;
      return Object.fromEntries(entries.map(([key], index) => [key, converted[index]]));
    }
    case "decimal":
      return isNumeric(value) ? value : fail("a number");
    case "simple":
      return convertSimple(value, type.name, fail);
  }
}

function mapped(items: unknown[], change: (item: unknown, index: number) => unknown): unknown[] {
  const result = items.map(change);
  return result.every((item, index) => item === items[index]) ? items : result;
}

const isNumeric = (value: unknown) =>
  typeof value === "number" || (typeof value === "string" && value.trim() !== "" && Number.isFinite(Number(value)));

function convertSimple(value: unknown, name: string, fail: (wanted: string) => never): unknown {
  const width = bits[name];
  if (width !== undefined) {
    const number = isNumeric(value) ? Number(value) : Number.NaN;
    if (!Number.isInteger(number) || Math.abs(number) > 2 ** (width - 1))
      return fail(`a whole number of ${width} bits`);
    return value;
  }
  switch (name) {
    case "float":
    case "double":
      return isNumeric(value) ? value : fail("a number");
    case "boolean":
      return typeof value === "boolean" || /^(true|false)$/i.test(String(value)) ? value : fail("true or false");
    case "date":
      return typeof value === "string" && /^\d{4}-\d{2}-\d{2}$/.test(value) && !Number.isNaN(Date.parse(value))
        ? value
        : fail("a date (YYYY-MM-DD)");
    case "timestamp": {
      // Numbers are epoch milliseconds, as OpenX reads them.
      const text = typeof value === "string" && timestampText.test(value) ? value.replace(" ", "T") : undefined;
      const zoned = text === undefined || /(Z|[+-]\d{2}:?\d{2})$/.test(text) ? text : `${text}Z`;
      const at = typeof value === "number" ? value : zoned === undefined ? Number.NaN : Date.parse(zoned);
      if (Number.isNaN(at)) return fail("a timestamp (ISO 8601, or epoch milliseconds)");
      return new Date(at).toISOString().replace("T", " ").replace("Z", "");
    }
    default:
      return value;
  }
}

/** In valid JSON a line break stands between tokens only: a space means the same. */
function onOneLine(text: Buffer): Buffer {
  if (!text.includes(0x0a) && !text.includes(0x0d)) return text;
  return Buffer.from(text.map((byte) => (byte === 0x0a || byte === 0x0d ? 0x20 : byte)));
}

/** Compiles a table's columns to a function from a record's bytes to a line, by the rules of OpenX's JSON SerDe. */
export function jsonSerde(columns: readonly LakeColumn[], config: ConversionConfig): (data: Uint8Array) => Line {
  const types = new Map(columns.map(({ name, type }) => [name, parseHiveType(type)]));
  const columnOfKey = new Map<string, string>();
  for (const { name } of columns) columnOfKey.set(config.keyOf[name] ?? name, name);
  /** The column that a key belongs to; undefined for a key that the table does not know. */
  const columnOf = (key: string): string | undefined => {
    const exact = columnOfKey.get(key);
    if (exact !== undefined) return exact;
    const dotted = config.dotsToUnderscores ? key.replaceAll(".", "_") : key;
    return columnOfKey.get(config.caseInsensitive ? dotted.toLowerCase() : dotted);
  };
  return (data) => {
    const text = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    let parsed: unknown;
    try {
      parsed = JSON.parse(text.toString("utf8"));
    } catch (error) {
      const message = `Encountered malformed JSON. ${error instanceof Error ? error.message : String(error)}`;
      return { code: "DataFormatConversion.MalformedData", message };
    }
    if (!isRecord(parsed)) {
      return { code: "DataFormatConversion.InvalidSchema", message: "Only top-level JSON objects can be converted." };
    }
    // The original bytes are the line unless a key is spelt otherwise or a value has to be rewritten.
    let same = true;
    const row: Record<string, unknown> = {};
    try {
      for (const [key, value] of Object.entries(parsed)) {
        const column = columnOf(key);
        if (column === undefined) continue;
        const type = types.get(column);
        const converted = type ? convert(value, type, column) : value;
        if (column !== key || converted !== value) same = false;
        row[column] = converted;
      }
    } catch (error) {
      if (!(error instanceof Misfit)) throw error;
      return { code: "DataFormatConversion.InvalidTypeConversion", message: error.message };
    }
    return { line: same ? onOneLine(text) : Buffer.from(JSON.stringify(row)) };
  };
}
