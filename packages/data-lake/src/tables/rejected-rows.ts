import type { LakeTable } from "@tributary/model";
import { column } from "./columns";

/** Rows that broke a rule, by the zone of the table that they were kept out of. */
export const rejectedRows: readonly LakeTable[] = (["clean", "curated"] as const).map((zone) => ({
  zone,
  name: "rejected_rows",
  description: `Rows that a quality rule kept out of a table of the ${zone} zone, or that stopped the pipeline`,
  columns: [
    column("run", "string", "internal", "The job run that told it; the report has its name"),
    column("table_name", "string", "internal", "The table, as zone.table"),
    column("rule", "string", "internal", "The rule that the row breaks"),
    column("rejected_at", "timestamp", "internal", "When"),
    column("row_json", "string", "sensitive", "JSON: the row, with all of its columns"),
  ],
  partitionBy: ["dt"],
  primaryKey: [],
}));
