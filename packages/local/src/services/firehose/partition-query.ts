import { NotSupportedLocally } from "../../kernel";
import { isRecord } from "../support";

/** Partition key names with the path of each value in the record. */
export type PartitionQuery = ReadonlyMap<string, readonly string[]>;

/** Reads the JQ query of a MetadataExtraction processor where it is an object of plain paths: `{tenant: .a.b, y: .year}`. */
export function parseQuery(text: string): PartitionQuery {
  const unsupported = () =>
    new NotSupportedLocally(
      `Firehose MetadataExtractionQuery ${text}`,
      "Locally it is an object of plain paths: {key: .a.b}.",
    );
  const body = /^\s*\{(.*)\}\s*$/s.exec(text)?.[1];
  if (body === undefined) throw unsupported();
  const query = new Map<string, readonly string[]>();
  for (const part of body.split(",")) {
    const match = /^\s*"?([A-Za-z_]\w*)"?\s*:\s*((?:\.[A-Za-z_]\w*)+)\s*$/.exec(part);
    if (!match) throw unsupported();
    query.set(match[1] ?? "", (match[2] ?? "").slice(1).split("."));
  }
  return query;
}

/** The partition keys of a record, or what is wrong with it. */
export function partitionKeys(
  query: PartitionQuery,
  record: unknown,
): { readonly keys: Record<string, string> } | { readonly fault: string } {
  const keys: Record<string, string> = {};
  for (const [name, path] of query) {
    let value: unknown = record;
    for (const part of path) value = isRecord(value) ? value[part] : undefined;
    if (value === undefined || value === null || value === "" || typeof value === "object") {
      return { fault: `partition key ${name} is missing or null` };
    }
    keys[name] = String(value);
  }
  return { keys };
}
