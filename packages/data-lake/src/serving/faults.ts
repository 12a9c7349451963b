import {
  type Fault,
  inputTextFaults,
  isRecord,
  nearest,
  objectFaults,
  optionalObjectFaults,
  quoted,
  unknownFaults,
} from "@tributary/core";
import { athenaFaults, athenaFaultText, tableName, tokensOf } from "@tributary/model";
import type { DataLakeArgs } from "../args";
import { planLake } from "../tables/lake-plan";
import { tablesIn } from "../tables/sql-names";
import type { ReaderArgs } from "./args";
import { planViews, type ViewPlan, viewArgs } from "./plan";
import { qualityReports } from "./quality-reports";
import { quicksightFaults } from "./quicksight-args";
import { redshiftFaults, redshiftTableFaults } from "./redshift-args";
import { columnsOfText } from "./view-columns";

const types = /^(string|tinyint|smallint|int|bigint|float|double|boolean|timestamp|date|decimal\(\d{1,2},\d{1,2}\))$/;

/** Faults of the views' and readers' shape. */
export function servingShapeFaults(args: DataLakeArgs): Fault[] {
  return [
    ...optionalObjectFaults("views", args.views, '{ "curated.big_orders": "select …" }', (given) =>
      Object.entries(given).flatMap(([name, view]) => viewShapeFaults(name, view)),
    ),
    ...optionalObjectFaults("readers", args.readers, "{ notebooks: { roleName, tables } }", (given) =>
      Object.entries(given).flatMap(([name, reader]) => readerShapeFaults(`readers.${name}`, name, reader)),
    ),
    ...redshiftFaults(args.redshift, args.foundation),
    ...quicksightFaults(args.quicksight),
  ];
}

function viewShapeFaults(name: string, view: unknown): Fault[] {
  const path = `views["${name}"]`;
  const named: Fault[] = /^(raw|clean|curated)\.[a-z][a-z0-9_]{0,60}$/.test(name)
    ? []
    : [{ path, reason: 'must be called by zone and name in lower case, such as "curated.big_orders"' }];
  const text = (at: string, sql: unknown): Fault[] => {
    if (typeof sql !== "string" || sql.trim() === "")
      return [{ path: at, reason: `${quoted(sql)} must be a SELECT in Athena's dialect` }];
    const tokens = tokensOf(sql);
    const first = tokens[0]?.text ?? "";
    if (!["select", "with"].includes(first))
      return [{ path: at, reason: `begins with ${first}; it must be one SELECT` }];
    if (tokens.some((token, index) => token.text === ";" && index < tokens.length - 1))
      return [{ path: at, reason: "must be one statement" }];
    return athenaFaults(sql).map((fault) => ({ path: at, reason: athenaFaultText(fault) }));
  };
  if (typeof view === "string") return [...named, ...text(path, view)];
  return [
    ...named,
    ...objectFaults(path, view, '"select …", or { sql: "select …", columns: { revenue: "double" } }', (given) => [
      ...unknownFaults(`${path}.`, given, ["sql", "description", "columns"]),
      ...text(`${path}.sql`, given.sql),
      ...(given.description === undefined || typeof given.description === "string"
        ? []
        : [{ path: `${path}.description`, reason: `${quoted(given.description)} must say what a row is` }]),
      ...optionalObjectFaults(`${path}.columns`, given.columns, '{ revenue: "double" }', (columns) =>
        Object.entries(columns)
          .filter(([, type]) => !types.test(String(type)))
          .map(([column, type]) => ({
            path: `${path}.columns.${column}`,
            reason: `${quoted(type)} must be a type of the catalog, such as string, bigint, timestamp or decimal(38,4)`,
          })),
      ),
    ]),
  ];
}

function readerShapeFaults(path: string, name: string, reader: unknown): Fault[] {
  const named: Fault[] = /^[a-z][a-z0-9-]{0,30}$/i.test(name)
    ? []
    : [{ path, reason: "must be called by letters, digits and dashes" }];
  return [
    ...named,
    ...objectFaults(path, reader, '{ roleName, tables: ["curated.people"] }', (given) => [
      ...unknownFaults(`${path}.`, given, ["roleName", "tables"]),
      ...inputTextFaults(`${path}.roleName`, given.roleName, "the name of a role: role.name"),
      ...(Array.isArray(given.tables) &&
      given.tables.length > 0 &&
      given.tables.every((table) => typeof table === "string")
        ? []
        : [{ path: `${path}.tables`, reason: `${quoted(given.tables)} must be a list such as ["curated.people"]` }]),
    ]),
  ];
}

/** Says a name that neither a table nor a view has. */
const lackingIn = (plan: ViewPlan) => {
  const known = plan.readable.map(tableName);
  return (path: string, table: string, what = "there is no table or view"): Fault[] => {
    if (known.includes(table)) return [];
    const near = nearest(table, known);
    return [{ path, reason: `${what} ${table}${near === undefined ? "" : `; did you mean ${near}?`}` }];
  };
};

/** Faults of a reader, whole. */
export function readerFaults(name: string, reader: ReaderArgs, plan: ViewPlan): Fault[] {
  const shape = readerShapeFaults("reader", name, reader);
  const lacking = lackingIn(plan);
  return shape.length > 0 ? shape : reader.tables.flatMap((table, index) => lacking(`reader.tables[${index}]`, table));
}

/** Faults of how views and readers hang together with tables. Call it where nothing else of the tables is at fault. */
export function servingFaults(args: DataLakeArgs): Fault[] {
  const lake = planLake(args);
  const plan = planViews(args, lake);
  const lacking = lackingIn(plan);
  const views = Object.entries(args.views ?? {}).flatMap(([name, given]): Fault[] => {
    const path = `views["${name}"]`;
    const { sql, columns } = viewArgs(given);
    if ([...lake.tables, qualityReports].some((table) => tableName(table) === name))
      return [{ path, reason: "is the name of a table" }];
    const cycle = cycleFrom(name, args);
    if (cycle !== undefined) return [{ path, reason: `is made from itself: ${cycle.join(" reads ")}` }];
    const reads = tablesIn(sql).flatMap((table) => lacking(path, table, "reads a table that there is not:"));
    const told = columnsOfText(sql, plan.readable);
    if (told === undefined) return [...reads, { path, reason: "has no SELECT whose columns can be seen" }];
    return [...reads, ...columnFaults(path, told, columns)];
  });
  const readers = Object.entries(args.readers ?? {}).flatMap(([name, { tables }]) =>
    tables.flatMap((table, index) => lacking(`readers.${name}.tables[${index}]`, table)),
  );
  return [...views, ...readers, ...redshiftTableFaults(args.redshift, lake.tables)];
}

function columnFaults(
  path: string,
  told: readonly { readonly name: string | undefined; readonly type: string | undefined }[],
  given: Readonly<Record<string, string>> = {},
): Fault[] {
  const names = Object.keys(given);
  const strange = names.filter((name) => !told.some((column) => column.name === name));
  return [
    ...told.flatMap(({ name, type }, index): Fault[] => {
      if (name === undefined) return [{ path, reason: `column ${index + 1} has no name: write … as name` }];
      if (name === "*")
        return [{ path, reason: "name the columns instead of *: a column added to the table would change the view" }];
      if (type !== undefined || given[name] !== undefined) return [];
      return [
        {
          path,
          reason: `the text does not tell the type of ${name}: write cast(… as type) as ${name}, or columns: { ${name}: "string" }`,
        },
      ];
    }),
    ...strange.map((name) => ({ path: `${path}.columns.${name}`, reason: "is no column of the SELECT" })),
  ];
}

/** The way from a view back to itself. */
function cycleFrom(name: string, args: DataLakeArgs): string[] | undefined {
  const walk = (at: string, trail: readonly string[]): string[] | undefined => {
    if (trail.length > 0 && at === name) return [...trail, at];
    if (trail.includes(at)) return undefined;
    const view = args.views?.[at];
    if (view === undefined) return undefined;
    for (const read of tablesIn(viewArgs(view).sql)) {
      const found = walk(read, [...trail, at]);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  return isRecord(args.views) ? walk(name, []) : undefined;
}
