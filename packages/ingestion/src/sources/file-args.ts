import { type Fault, isRecord, quoted, zodFaults } from "@tributary/core";
import { type Mapping, mappingColumns, mappingFaults, mappingSchema } from "@tributary/model";
import { type FileFormat, fileFormats } from "../loader-env";
import type { SourceFiles } from "./source";

/** What files hold, for every kind of source that takes files. */
export interface FileArgs {
  /** `csv` and `json` (one object a line) may be gzipped. @default "csv" */
  readonly format?: FileFormat;
  /** How a row becomes an event. JSON lines that are events already need none. */
  readonly mapping?: Mapping;
  /**
   * Glue type by column, as SQL reads the files. Of CSV: all of the files' columns in their order, as `string`.
   * @default the columns that the mapping names, as `string`
   */
  readonly columns?: Readonly<Record<string, string>>;
}

export const fileArgKeys = ["format", "columns"];

/** Columns of JSON lines that are events as they are. */
const eventColumns = ["messageId", "type", "event", "userId", "anonymousId", "timestamp", "properties", "traits"];

/** Faults of `FileArgs`, but for the mapping's own. */
export function fileArgFaults(
  path: string,
  args: Readonly<Record<string, unknown>>,
  { rows = "events" }: { readonly rows?: "events" | "kept" } = {},
): Fault[] {
  const { format = "csv", mapping, columns } = args;
  const faults: Fault[] = [];
  if (!(fileFormats as readonly unknown[]).includes(format)) {
    const choices = fileFormats.map((each) => `"${each}"`).join(", ");
    faults.push({ path: `${path}.format`, reason: `${quoted(format)} must be one of ${choices}` });
  }
  if (rows === "events" && mapping === undefined && format !== "json") {
    const reason = `is missing; a row of a ${String(format)} file becomes an event by it, such as { version: 1, event: { type: { $value: "track" }, … } }`;
    faults.push({ path: `${path}.mapping`, reason });
  }
  return [...faults, ...columnFaults(`${path}.columns`, columns, format === "csv")];
}

function columnFaults(path: string, columns: unknown, text: boolean): Fault[] {
  if (columns === undefined) return [];
  if (!isRecord(columns) || Object.keys(columns).length === 0) {
    return [{ path, reason: `${quoted(columns)} must be Glue types by column, such as { order_id: "string" }` }];
  }
  return Object.entries(columns).flatMap(([name, type]) => {
    if (typeof type !== "string" || !/^[a-z][a-z0-9_<>:,() ]*$/.test(type)) {
      return [{ path: `${path}.${name}`, reason: `${quoted(type)} must be a Glue type such as "string" or "bigint"` }];
    }
    if (!text || type === "string") return [];
    return [{ path: `${path}.${name}`, reason: `"${type}": CSV is text to Athena; say "string", and CAST in SQL` }];
  });
}

/** Faults of a mapping that is not the source's own argument, which `normalize` checks. */
export function innerMappingFaults(path: string, mapping: unknown): Fault[] {
  if (mapping === undefined) return [];
  const faults = zodFaults(mappingSchema, mapping, path);
  if (faults.length > 0) return faults;
  return mappingFaults(mapping as Mapping).map((reason) => ({ path, reason }));
}

/** The files of a source, or of one of its folders. */
export function filesOf(
  { format = "csv", mapping, columns }: FileArgs,
  { folder = "", table = "", rows = "events", always = {} }: FilesOptions = {},
): SourceFiles {
  const named = mapping ? mappingColumns(mapping) : rows === "events" ? eventColumns : [];
  const types = { ...always, ...(columns ?? Object.fromEntries(named.map((name) => [name, "string"]))) };
  return {
    route: { folder, format, rows, ...(mapping ? { mapping } : {}), columns: Object.keys(types) },
    types,
    table,
  };
}

interface FilesOptions {
  readonly folder?: string;
  readonly table?: string;
  readonly rows?: "events" | "kept";
  /** Columns that the files have whatever else they hold. */
  readonly always?: Readonly<Record<string, string>>;
}
