import type { TableFormat } from "../duckdb";
import type { CatalogTable } from "./catalog";

/** How a table's files are read, from its SerDe, input format and classification. */
export function formatOf(table: CatalogTable): TableFormat {
  const { serde, inputFormat, parameters, tableType } = table;
  if (tableType === "VIRTUAL_VIEW") return { kind: "unsupported", what: "a view" };
  if (parameters.table_type?.toUpperCase() === "ICEBERG") return { kind: "unsupported", what: "an Iceberg table" };
  const classification = parameters.classification?.toLowerCase() ?? "";
  const described = `${serde.library} ${inputFormat}`.toLowerCase();
  if (described.includes("parquet") || classification === "parquet") return { kind: "parquet" };
  if (described.includes("jsonserde") || classification === "json") return { kind: "json" };
  if (described.includes("opencsvserde") || described.includes("lazysimpleserde") || classification === "csv") {
    const open = described.includes("opencsvserde");
    const delimiter = serde.parameters.separatorChar ?? serde.parameters["field.delim"] ?? parameters.delimiter ?? ",";
    const skipLines = Number(parameters["skip.header.line.count"] ?? 0);
    return { kind: "csv", delimiter, quote: open ? (serde.parameters.quoteChar ?? '"') : "", skipLines };
  }
  return { kind: "unsupported", what: serde.library || inputFormat || "no file format declared" };
}
