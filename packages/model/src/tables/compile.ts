import { type DataClass, type LakeTable, tableName } from "./table";

/** Redshift's name of each type. Text is as long as the longest it takes. */
const redshiftTypes: Readonly<Record<string, string>> = {
  string: "varchar(65535)",
  int: "integer",
  double: "double precision",
};

/** A column's type in Redshift. */
export const redshiftType = (type: string): string => redshiftTypes[type] ?? type.replace(/\s+/g, "");

/** A `create table` for Redshift. Keys are hints to its planner, which does not enforce them. */
export function redshiftTable(table: LakeTable, schema: string = table.zone): string {
  const columns = [...table.columns, ...table.partitionBy.map((name) => ({ name, type: "string" }))].map(
    ({ name, type }) => {
      const required = table.primaryKey.includes(name) ? " not null" : "";
      return `  ${name} ${redshiftType(type)}${required}`;
    },
  );
  const key = table.primaryKey.length === 0 ? [] : [`  primary key (${table.primaryKey.join(", ")})`];
  const sort = table.columns.find(({ type }) => type === "timestamp")?.name;
  return [
    `create table if not exists ${schema}.${table.name} (`,
    [...columns, ...key].join(",\n"),
    `) diststyle auto${sort === undefined ? "" : ` sortkey (${sort})`}`,
  ].join("\n");
}

/** A view that names its columns, so that a column added to the table changes nothing for who reads the view. */
export interface LakeView {
  readonly name: string;
  readonly description: string;
  readonly sql: string;
}

/** The newest row of each key: of a table of changes, what is. */
export function latestView(
  table: LakeTable,
  by: { readonly key: readonly string[]; readonly order: string },
  name = `${table.name}_latest`,
): LakeView {
  const columns = [...table.columns.map((column) => column.name), ...table.partitionBy].join(", ");
  return {
    name,
    description: `The newest row by ${by.order} of each ${by.key.join(", ")} of ${tableName(table)}`,
    sql: [
      `select ${columns} from (`,
      `  select ${columns}, row_number() over (partition by ${by.key.join(", ")} order by ${by.order} desc nulls last) as place`,
      `  from ${tableName(table)}`,
      ") ranked where place = 1",
    ].join("\n"),
  };
}

/** A table without what its class keeps from most readers. */
export function maskedView(
  table: LakeTable,
  hidden: readonly DataClass[] = ["personal", "sensitive"],
  name = `${table.name}_masked`,
): LakeView {
  const columns = [
    ...table.columns.filter(({ dataClass }) => !hidden.includes(dataClass)).map((column) => column.name),
    ...table.partitionBy,
  ];
  return {
    name,
    description: `${tableName(table)} without ${hidden.join(" and ")} columns`,
    sql: `select ${columns.join(", ")} from ${tableName(table)}`,
  };
}

/** The key of the Lake Formation tag that classes columns. */
export const dataClassTag = "tributary:data-class";

const strictest: readonly DataClass[] = ["public", "internal", "personal", "sensitive"];

/** Lake Formation tag values of a table: its own (the strictest of its columns, which inherit it) and those of columns that differ. */
export function lakeFormationTags(table: LakeTable): {
  readonly table: DataClass;
  readonly columns: Readonly<Record<string, DataClass>>;
} {
  const own =
    strictest[Math.max(0, ...table.columns.map(({ dataClass }) => strictest.indexOf(dataClass)))] ?? "internal";
  const columns = table.columns.filter(({ dataClass }) => dataClass !== own);
  return { table: own, columns: Object.fromEntries(columns.map(({ name, dataClass }) => [name, dataClass])) };
}
