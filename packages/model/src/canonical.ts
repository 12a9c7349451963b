import { hash } from "node:crypto";

/** JSON text with object keys in code-unit order and no blanks: equal content, equal text. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item ?? null)).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  const record = value as Record<string, unknown>;
  const parts: string[] = [];
  for (const key of Object.keys(record).sort()) {
    if (record[key] !== undefined) parts.push(`${JSON.stringify(key)}:${canonicalJson(record[key])}`);
  }
  return `{${parts.join(",")}}`;
}

/** The first `digits` hex digits (default 32: 128 bits) of a text's SHA-256. */
export function shortHash(text: string, digits = 32): string {
  return hash("sha256", text).slice(0, digits);
}
