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

/** A Hive type as DuckDB writes it: `array<struct<a:int>>` → `STRUCT("a" INTEGER)[]`. */
export function duckdbType(hive: string): string {
  const type = hive.trim();
  const [, head = "", inner] = /^([a-z]+)\s*(?:[<(](.*)[>)])?$/is.exec(type) ?? [];
  const name = head.toLowerCase();
  if (name === "decimal") return `DECIMAL(${inner ?? "10,0"})`;
  if (simple[name]) return simple[name];
  if (inner !== undefined) {
    if (name === "array") return `${duckdbType(inner)}[]`;
    if (name === "map") {
      const [key = "", value = ""] = splitTopLevel(inner);
      return `MAP(${duckdbType(key)}, ${duckdbType(value)})`;
    }
    if (name === "struct") {
      const fields = splitTopLevel(inner).map((field) => {
        const colon = field.indexOf(":");
        return `${quoteName(field.slice(0, colon).trim())} ${duckdbType(field.slice(colon + 1))}`;
      });
      return `STRUCT(${fields.join(", ")})`;
    }
  }
  throw new AwsError("InvalidInputException", `the column type ${hive} is not a Hive type`);
}

export const quoteName = (name: string): string => `"${name.replaceAll('"', '""')}"`;
export const quoteText = (text: string): string => `'${text.replaceAll("'", "''")}'`;
