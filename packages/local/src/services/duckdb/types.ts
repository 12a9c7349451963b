import { AwsError } from "../../kernel";

/** A column of a catalog table. `type` is a Hive type as in the Glue catalog: `string`, `bigint`, `decimal(18,4)`, `array<string>`. */
export interface LakeColumn {
  readonly name: string;
  readonly type: string;
}

const simple: Readonly<Record<string, string>> = {
  string: "VARCHAR",
  char: "VARCHAR",
  varchar: "VARCHAR",
  tinyint: "TINYINT",
  smallint: "SMALLINT",
  int: "INTEGER",
  integer: "INTEGER",
  bigint: "BIGINT",
  float: "FLOAT",
  double: "DOUBLE",
  boolean: "BOOLEAN",
  binary: "BLOB",
  date: "DATE",
  timestamp: "TIMESTAMP",
};

/** Splits `a:int,b:array<string>` at the commas outside brackets. */
function splitTopLevel(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let index = 0; index < text.length; index++) {
    const character = text[index];
    if (character === "<" || character === "(") depth++;
    else if (character === ">" || character === ")") depth--;
    else if (character === "," && depth === 0) {
      parts.push(text.slice(start, index));
      start = index + 1;
    }
  }
  parts.push(text.slice(start));
  return parts;
}

/** A Hive type, parsed. */
export type HiveType =
  | { readonly kind: "simple"; readonly name: string }
  | { readonly kind: "decimal"; readonly precision: number; readonly scale: number }
  | { readonly kind: "array"; readonly element: HiveType }
  | { readonly kind: "map"; readonly key: HiveType; readonly value: HiveType }
  | { readonly kind: "struct"; readonly fields: readonly { readonly name: string; readonly type: HiveType }[] };

/** Parses a type as the Glue catalog writes it: `array<struct<a:int>>`. */
export function parseHiveType(text: string): HiveType {
  const [, head = "", inner] = /^([a-z]+)\s*(?:[<(](.*)[>)])?$/is.exec(text.trim()) ?? [];
  const name = head.toLowerCase();
  if (name === "decimal") {
    const [precision = "10", scale = "0"] = (inner ?? "").split(",").map((part) => part.trim());
    return { kind: "decimal", precision: Number(precision || 10), scale: Number(scale) };
  }
  if (simple[name]) return { kind: "simple", name };
  if (inner !== undefined) {
    const parts = splitTopLevel(inner);
    if (name === "array") return { kind: "array", element: parseHiveType(inner) };
    if (name === "map")
      return { kind: "map", key: parseHiveType(parts[0] ?? ""), value: parseHiveType(parts[1] ?? "") };
    if (name === "struct") {
      const fields = parts.map((part) => {
        const colon = part.indexOf(":");
        return { name: part.slice(0, colon).trim(), type: parseHiveType(part.slice(colon + 1)) };
      });
      return { kind: "struct", fields };
    }
  }
  throw new AwsError("InvalidInputException", `the column type ${text} is not a Hive type`);
}

function render(type: HiveType): string {
  switch (type.kind) {
    case "simple":
      return simple[type.name] ?? "VARCHAR";
    case "decimal":
      return `DECIMAL(${type.precision},${type.scale})`;
    case "array":
      return `${render(type.element)}[]`;
    case "map":
      return `MAP(${render(type.key)}, ${render(type.value)})`;
    case "struct":
      return `STRUCT(${type.fields.map((field) => `${quoteName(field.name)} ${render(field.type)}`).join(", ")})`;
  }
}

/** A Hive type as DuckDB writes it: `array<struct<a:int>>` → `STRUCT("a" INTEGER)[]`. */
export const duckdbType = (hive: string): string => render(parseHiveType(hive));

export const quoteName = (name: string): string => `"${name.replaceAll('"', '""')}"`;
export const quoteText = (text: string): string => `'${text.replaceAll("'", "''")}'`;
