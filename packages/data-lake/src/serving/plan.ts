import { type LakeTable, maskedView, tableName } from "@tributary/model";
import type { DataLakeArgs } from "../args";
import type { Zone } from "../tables";
import type { LakePlan } from "../tables/lake-plan";
import { tablesIn } from "../tables/sql-names";
import type { OwnView } from "./args";
import { type ServedView, servedViews } from "./lake-views";
import { qualityReports } from "./quality-reports";
import { columnsOfText } from "./view-columns";

/** What can be read by a name: a table or a view. */
export type Readable = Pick<LakeTable, "zone" | "name" | "columns" | "partitionBy">;

/** Views of a lake, each after those that it reads. */
export interface ViewPlan {
  readonly views: readonly ServedView[];
  /** Everything that SQL may name: tables, the quality reports, views. */
  readonly readable: readonly Readable[];
}

/** A view's arguments in one form. */
export const viewArgs = (given: OwnView) => (typeof given === "string" ? { sql: given } : given);

/** Our views and the user's. A table or view of the user's with the name of one of ours stands instead of it. */
export function planViews(args: Pick<DataLakeArgs, "views">, plan: LakePlan): ViewPlan {
  const tables: Readable[] = [...plan.tables, qualityReports];
  const own = Object.entries(args.views ?? {});
  const taken = new Set([...tables.map(tableName), ...own.map(([name]) => name)]);
  const ours = [...servedViews, ...maskedViews(plan.tables)].filter((view) => !taken.has(tableName(view)));
  const readable: Readable[] = [...tables, ...ours.map(asReadable)];
  const views = [...ours];
  for (const [name, given] of inOrder(own)) {
    const view = ownView(name, given, readable);
    views.push(view);
    readable.push(asReadable(view));
  }
  return { views, readable };
}

const asReadable = (view: ServedView): Readable => ({
  zone: view.zone,
  name: view.name,
  partitionBy: [],
  columns: view.columns.map(({ name, type, description = "" }) => ({ name, type, description, dataClass: "internal" })),
});

/** A view without personal and sensitive columns, of each curated table that has some and others. */
function maskedViews(tables: readonly LakeTable[]): ServedView[] {
  return tables.flatMap((table): ServedView[] => {
    const shown = table.columns.filter(({ dataClass }) => dataClass === "public" || dataClass === "internal");
    if (table.zone !== "curated" || table.name === "rejected_rows") return [];
    if (shown.length === 0 || shown.length === table.columns.length) return [];
    const keys = table.partitionBy.map((name) => ({
      name,
      type: "string",
      description: "Day of arrival, UTC [internal]",
    }));
    const columns = shown.map(({ name, type, description, dataClass }) => ({
      name,
      type,
      description: `${description} [${dataClass}]`,
    }));
    return [{ ...maskedView(table), zone: "curated", columns: [...columns, ...keys] }];
  });
}

function ownView(name: string, given: OwnView, readable: readonly Readable[]): ServedView {
  const [zone = "curated", view = ""] = name.split(".") as [Zone, string];
  const { sql, description = "", columns } = viewArgs(given);
  const text = columnsOfText(sql, readable) ?? [];
  return {
    zone,
    name: view,
    description,
    sql: sql.replace(/[;\s]+$/, ""),
    columns: text.map((column, index) => {
      const column_name = column.name ?? Object.keys(columns ?? {})[index] ?? "";
      return { name: column_name, type: columns?.[column_name] ?? column.type ?? "" };
    }),
  };
}

/** Views so that each comes after the views that it reads; what is in a cycle comes anyhow, and is told as a fault. */
function inOrder(views: readonly (readonly [string, OwnView])[]): (readonly [string, OwnView])[] {
  const byName = new Map(views);
  const placed = new Set<string>();
  const order: (readonly [string, OwnView])[] = [];
  const place = (name: string): void => {
    const given = byName.get(name);
    if (given === undefined || placed.has(name)) return;
    placed.add(name);
    for (const read of tablesIn(viewArgs(given).sql)) place(read);
    order.push([name, given]);
  };
  for (const [name] of views) place(name);
  return order;
}

/** What a reader of some tables and views reads: these, and of each view what it reads, to the tables. Each once. */
export function readThrough(
  names: readonly string[],
  { views }: ViewPlan,
): { readonly tables: readonly string[]; readonly views: readonly string[] } {
  const byName = new Map(views.map((view) => [tableName(view), view]));
  const seen = new Set<string>();
  const walk = (name: string): void => {
    if (seen.has(name)) return;
    seen.add(name);
    for (const read of tablesIn(byName.get(name)?.sql ?? "")) walk(read);
  };
  for (const name of names) walk(name);
  const all = [...seen];
  return { tables: all.filter((name) => !byName.has(name)), views: all.filter((name) => byName.has(name)) };
}
