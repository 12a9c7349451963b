import {
  DuckDBBlobValue,
  DuckDBDateValue,
  DuckDBDecimalValue,
  DuckDBListValue,
  DuckDBMapValue,
  DuckDBStructValue,
  DuckDBTimestampTZValue,
  DuckDBTimestampValue,
  type DuckDBType,
  DuckDBTypeId,
  type DuckDBValue,
} from "@duckdb/node-api";
import type { Json } from "@tributary/model";

/** `2024-01-05 10:00:00` → `2024-01-05 10:00:00.000`, the millisecond form that Athena prints. */
const withMilliseconds = (text: string): string => {
  const [whole = "", fraction = ""] = text.split(".");
  return `${whole}.${fraction.padEnd(3, "0").slice(0, 3)}`;
};

const timestampText = (value: DuckDBTimestampValue | DuckDBTimestampTZValue): string =>
  value instanceof DuckDBTimestampValue
    ? withMilliseconds(value.toString())
    : `${withMilliseconds(new DuckDBTimestampValue(value.micros).toString())} UTC`;

/** A number where JavaScript holds exactly this decimal text, the text otherwise. */
const exactNumber = (text: string): number | string => {
  const plain = text.includes(".") ? text.replace(/\.?0+$/, "") : text;
  const number = Number(plain);
  return String(number) === plain ? number : text;
};

/**
 * A DuckDB value as JSON. Integers and decimals are numbers where JavaScript holds them exactly and text otherwise;
 * dates and timestamps are text as Athena prints them; binary is base64.
 */
export function toJson(value: DuckDBValue): Json {
  if (value === null || typeof value === "boolean" || typeof value === "string") return value;
  if (typeof value === "number") return Number.isFinite(value) ? value : String(value);
  if (typeof value === "bigint" || value instanceof DuckDBDecimalValue) return exactNumber(value.toString());
  if (value instanceof DuckDBTimestampValue || value instanceof DuckDBTimestampTZValue) return timestampText(value);
  if (value instanceof DuckDBListValue) return value.items.map(toJson);
  if (value instanceof DuckDBStructValue) {
    return Object.fromEntries(Object.entries(value.entries).map(([name, item]) => [name, toJson(item)]));
  }
  if (value instanceof DuckDBMapValue) {
    return Object.fromEntries(value.entries.map(({ key, value: item }) => [String(toJson(key)), toJson(item)]));
  }
  if (value instanceof DuckDBBlobValue) return Buffer.from(value.bytes).toString("base64");
  return value.toString();
}

const doubleText = (value: number): string => {
  if (!Number.isFinite(value)) return String(value);
  if (value !== 0 && (Math.abs(value) >= 1e7 || Math.abs(value) < 1e-3)) {
    const [mantissa = "", exponent = ""] = value.toExponential().split("e");
    return `${mantissa.includes(".") ? mantissa : `${mantissa}.0`}E${exponent.replace("+", "")}`;
  }
  return Number.isInteger(value) ? `${value}.0` : String(value);
};

/** A DuckDB value as Athena writes it into result files; undefined for NULL. */
export function toAthenaText(value: DuckDBValue, type: DuckDBType): string | undefined {
  if (value === null) return undefined;
  if (typeof value === "number") {
    const floating = type.typeId === DuckDBTypeId.DOUBLE || type.typeId === DuckDBTypeId.FLOAT;
    return floating ? doubleText(value) : String(value);
  }
  if (value instanceof DuckDBTimestampValue || value instanceof DuckDBTimestampTZValue) return timestampText(value);
  if (value instanceof DuckDBListValue)
    return `[${value.items.map((item) => toAthenaText(item, type) ?? "null").join(", ")}]`;
  if (value instanceof DuckDBStructValue) {
    const fields = Object.entries(value.entries).map(([name, item]) => `${name}=${toAthenaText(item, type) ?? "null"}`);
    return `{${fields.join(", ")}}`;
  }
  if (value instanceof DuckDBMapValue) {
    const entries = value.entries.map(
      (entry) => `${toAthenaText(entry.key, type)}=${toAthenaText(entry.value, type) ?? "null"}`,
    );
    return `{${entries.join(", ")}}`;
  }
  if (value instanceof DuckDBBlobValue)
    return [...value.bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
  if (value instanceof DuckDBDateValue) return value.toString();
  return String(value);
}

/** Athena's name of a result column's type, with precision and scale. */
export function athenaType(type: DuckDBType): { name: string; precision: number; scale: number } {
  const plain: Partial<Record<DuckDBTypeId, [string, number]>> = {
    [DuckDBTypeId.BOOLEAN]: ["boolean", 0],
    [DuckDBTypeId.TINYINT]: ["tinyint", 3],
    [DuckDBTypeId.SMALLINT]: ["smallint", 5],
    [DuckDBTypeId.INTEGER]: ["integer", 10],
    [DuckDBTypeId.BIGINT]: ["bigint", 19],
    [DuckDBTypeId.UBIGINT]: ["bigint", 19],
    [DuckDBTypeId.UINTEGER]: ["bigint", 19],
    [DuckDBTypeId.FLOAT]: ["float", 17],
    [DuckDBTypeId.DOUBLE]: ["double", 17],
    [DuckDBTypeId.DATE]: ["date", 0],
    [DuckDBTypeId.TIMESTAMP]: ["timestamp", 3],
    [DuckDBTypeId.TIMESTAMP_TZ]: ["timestamp with time zone", 3],
    [DuckDBTypeId.BLOB]: ["varbinary", 1073741824],
    [DuckDBTypeId.LIST]: ["array", 0],
    [DuckDBTypeId.STRUCT]: ["row", 0],
    [DuckDBTypeId.MAP]: ["map", 0],
  };
  if (type.typeId === DuckDBTypeId.DECIMAL) return { name: "decimal", precision: type.width, scale: type.scale };
  // Sums of integers, which are bigint in Trino.
  if (type.typeId === DuckDBTypeId.HUGEINT) return { name: "bigint", precision: 19, scale: 0 };
  const [name, precision] = plain[type.typeId] ?? ["varchar", 2147483647];
  return { name, precision, scale: 0 };
}
