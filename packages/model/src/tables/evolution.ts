import type { LakeTable } from "./table";

/** The part of a table that readers and files hang on. */
export type TableShape = Pick<LakeTable, "partitionBy" | "format"> & {
  readonly columns: readonly { readonly name: string; readonly type: string }[];
};

/** One difference between two declarations of the same table. */
export interface TableChange {
  /** `breaking`: somebody who reads or has written by the declaration before would fail or be told something else. */
  readonly kind: "widening" | "breaking";
  /** The column, where it is about one. */
  readonly column?: string;
  /** What changed, and what to do instead. */
  readonly reason: string;
}

const integers = ["tinyint", "smallint", "int", "bigint"];

/** Whether all values and readers of a type keep their meaning under another. Parquet files of the old type stay readable. */
export function widens(before: string, after: string): boolean {
  const [from, to] = [normal(before), normal(after)];
  if (from === to) return true;
  const [place, target] = [integers.indexOf(from), integers.indexOf(to)];
  if (place >= 0 && target > place) return true;
  if (from === "float" && to === "double") return true;
  const [old, next] = [decimal(from), decimal(to)];
  // As many digits after the point, and no fewer before it.
  return old !== undefined && next !== undefined && next.scale === old.scale && next.precision >= old.precision;
}

const normal = (type: string): string =>
  type
    .toLowerCase()
    .replace(/\s+/g, "")
    .replace(/^integer$/, "int");

function decimal(type: string): { readonly precision: number; readonly scale: number } | undefined {
  const [, precision, scale = "0"] = /^decimal\((\d+)(?:,(\d+))?\)$/.exec(type) ?? [];
  return precision === undefined ? undefined : { precision: Number(precision), scale: Number(scale) };
}

/** What changes between two declarations of a table. Order and comments of columns mean nothing: files name theirs. */
export function diffTables(before: TableShape, after: TableShape): TableChange[] {
  const changes: TableChange[] = [];
  const next = new Map(after.columns.map((column) => [column.name.toLowerCase(), column]));
  const known = new Set(before.columns.map(({ name }) => name.toLowerCase()));
  const added = after.columns.filter(({ name }) => !known.has(name.toLowerCase()));
  for (const { name, type } of before.columns) {
    const now = next.get(name.toLowerCase());
    if (now === undefined) {
      const heir = added.find((column) => normal(column.type) === normal(type));
      const renamed = heir === undefined ? "" : `; if it is called ${heir.name} now, keep ${name} beside it`;
      changes.push({ kind: "breaking", column: name, reason: `${name} (${type}) is dropped${renamed}` });
    } else if (!widens(type, now.type)) {
      const reason = `${name} changes from ${type} to ${now.type}; add a column of the new type beside it`;
      changes.push({ kind: "breaking", column: name, reason });
    } else if (normal(type) !== normal(now.type)) {
      changes.push({ kind: "widening", column: name, reason: `${name} widens from ${type} to ${now.type}` });
    }
  }
  for (const { name, type } of added) {
    changes.push({ kind: "widening", column: name, reason: `${name} (${type}) is new: null in files written before` });
  }
  if (before.partitionBy.join() !== after.partitionBy.join()) {
    const [from, to] = [before, after].map(({ partitionBy }) => partitionBy.join(", ") || "nothing");
    changes.push({ kind: "breaking", reason: `it is partitioned by ${to} instead of ${from}; make another table` });
  }
  const [from, to] = [before.format ?? "parquet", after.format ?? "parquet"];
  if (from !== to)
    changes.push({ kind: "breaking", reason: `its files are ${to} instead of ${from}; make another table` });
  return changes;
}
