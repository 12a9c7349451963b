import type { DataClass, TableColumn } from "@tributary/model";

/** A column, in one line: name, type, class, what it holds. */
export function column(name: string, type: string, dataClass: DataClass, description: string): TableColumn {
  return { name, type, description, dataClass };
}

/** Columns that every event row begins with. */
export const envelope: readonly TableColumn[] = [
  column("source_id", "string", "internal", "Source that the event came from"),
  column("message_id", "string", "internal", "The producer's unique id; with source_id the key of deduplication"),
];
