import {
  type Fault,
  isRecord,
  nearest,
  objectFaults,
  optionalObjectFaults,
  quoted,
  unknownFaults,
} from "@tributary/core";
import { isRowRule, type LakeTable, type QualityRule, ruleColumns, tableName } from "@tributary/model";
import type { DataLakeArgs } from "./args";
import { servingFaults, servingShapeFaults } from "./serving/faults";
import { tablesOf, type Zone } from "./tables";
import { cycleIn, planLake, readable, readTransform } from "./tables/lake-plan";
import { rejectedRows } from "./tables/rejected-rows";
import { tablesIn } from "./tables/sql-names";
import { traitTables } from "./tables/traits";
import { traitsFaults } from "./traits";
import { findingText, lintTransform } from "./transforms/lint";

const types = /^(string|tinyint|smallint|int|bigint|float|double|boolean|timestamp|date|decimal\(\d{1,2},\d{1,2}\))$/;
const dataClasses = ["public", "internal", "personal", "sensitive"];
const name = /^[a-z][a-z0-9_]{0,60}$/;
/** Words that Spark, DuckDB, Athena or Redshift take for SQL; how to quote them is not the same in all. */
const reserved = new Set(
  (
    "all analyse analyze and any anti array as asc at between both case cast check column constraint create cross " +
    "current_date current_timestamp default delete desc distinct do drop else end escape except exists false fetch " +
    "filter for foreign from full grant group having in initially inner insert intersect into is join lateral leading " +
    "left like limit natural not null offset on only or order outer overlaps placing primary qualify references " +
    "returning right select semi some table then to trailing true union unique user using values variadic when where " +
    "window with"
  ).split(" "),
);
const keys = ["description", "columns", "partitionBy", "primaryKey", "format", "quality", "order", "incremental"];
const kinds = ["notNull", "unique", "accepted", "range", "referential", "freshness", "rowCount"];

/** Faults of the tables, columns, rules and transforms that a user adds. Those of how they hang together come last. */
export function ownFaults(args: DataLakeArgs): Fault[] {
  const shaped = [
    ...optionalObjectFaults("tables", args.tables, '{ "curated.visits": { description, columns } }', (given) =>
      Object.entries(given).flatMap(([table, value]) => tableFaults(table, value)),
    ),
    ...optionalObjectFaults("columns", args.columns, '{ "curated.people": [{ name, type, … }] }', (given) =>
      Object.entries(given).flatMap(([table, value]) => columnsFaults(`columns["${table}"]`, value, true)),
    ),
    ...optionalObjectFaults("quality", args.quality, '{ "curated.orders": [rule.notNull("invoice")] }', (given) =>
      Object.entries(given).flatMap(([table, value]) => rulesFaults(`quality["${table}"]`, value)),
    ),
    ...optionalObjectFaults("transforms", args.transforms, '{ "curated.visits": "sql/visits.sql" }', (given) =>
      Object.entries(given).flatMap(([table, value]) => transformTextFaults(`transforms["${table}"]`, value)),
    ),
    ...breakingFaults(args.breakingChanges),
    ...traitsFaults(args, tableNames(args)),
    ...servingShapeFaults(args),
  ];
  if (shaped.length > 0) return shaped;
  const faults = [...targetFaults(args), ...dependencyFaults(args)];
  return faults.length > 0 ? faults : servingFaults(args);
}

/** Names of the tables that a segment's SELECT may read. */
function tableNames({ tables, peopleToMatch, traits }: DataLakeArgs): string[] {
  const ours = tablesOf({ peopleToMatch: peopleToMatch === true }).tables.map(tableName);
  return [
    ...ours,
    ...(isRecord(tables) ? Object.keys(tables) : []),
    ...(traits === undefined ? [] : ["curated.traits"]),
  ];
}

function breakingFaults(given: unknown): Fault[] {
  if (given === undefined) return [];
  const fine = Array.isArray(given) && given.every((each) => typeof each === "string");
  return fine
    ? []
    : [{ path: "breakingChanges", reason: `${quoted(given)} must be a list such as ["curated.visits"]` }];
}

function tableFaults(table: string, value: unknown): Fault[] {
  const path = `tables["${table}"]`;
  const [zone = "", rest = ""] = table.split(".");
  const ours = tablesOf({ peopleToMatch: true }).tables.concat(rejectedRows, traitTables);
  const named =
    !(zone in readable) || !name.test(rest) || table.split(".").length !== 2
      ? [{ path, reason: 'must be called by zone and name in lower case, such as "curated.visits"' }]
      : ours.some((each) => tableName(each) === table)
        ? [{ path, reason: 'is a table of every lake; add to it by "columns", "quality" and "transforms"' }]
        : [];
  return [
    ...named,
    ...objectFaults(path, value, "{ description, columns }", (given) => [
      ...unknownFaults(`${path}.`, given, keys),
      ...(typeof given.description === "string" && given.description !== ""
        ? []
        : [{ path: `${path}.description`, reason: `${quoted(given.description)} must say what a row is` }]),
      ...columnsFaults(`${path}.columns`, given.columns, false),
      ...keyFaults(path, given),
      ...(given.quality === undefined ? [] : rulesFaults(`${path}.quality`, given.quality)),
    ]),
  ];
}

function keyFaults(path: string, given: Record<string, unknown>): Fault[] {
  const { partitionBy, primaryKey, format, columns, order, incremental } = given;
  const known = Array.isArray(columns) ? columns.map((column) => (isRecord(column) ? column.name : "")) : [];
  const faults: Fault[] = [];
  if (partitionBy !== undefined && !["[]", '["dt"]'].includes(JSON.stringify(partitionBy)))
    faults.push({ path: `${path}.partitionBy`, reason: `${quoted(partitionBy)} must be ["dt"], a day, or left out` });
  if (primaryKey !== undefined && !(Array.isArray(primaryKey) && primaryKey.every((key) => known.includes(key))))
    faults.push({ path: `${path}.primaryKey`, reason: `${quoted(primaryKey)} must be names of its columns` });
  if (order !== undefined && !(Array.isArray(order) && order.every((key) => known.includes(key))))
    faults.push({ path: `${path}.order`, reason: `${quoted(order)} must be names of its columns` });
  if (incremental !== undefined && incremental !== "whole" && incremental !== "partition")
    faults.push({ path: `${path}.incremental`, reason: `${quoted(incremental)} must be "whole" or "partition"` });
  else if (incremental === "partition" && JSON.stringify(partitionBy) !== '["dt"]')
    faults.push({ path: `${path}.incremental`, reason: 'needs the days to be told apart by: partitionBy: ["dt"]' });
  if (format !== undefined && format !== "parquet" && format !== "json")
    faults.push({ path: `${path}.format`, reason: `${quoted(format)} must be "parquet" or "json"` });
  return faults;
}

function columnsFaults(path: string, value: unknown, expressions: boolean): Fault[] {
  if (!Array.isArray(value) || value.length === 0)
    return [{ path, reason: `${quoted(value)} must be a list such as [{ name: "city", type: "string", … }]` }];
  return value.flatMap((column: unknown, index): Fault[] => {
    const at = `${path}[${index}]`;
    return objectFaults(
      at,
      column,
      '{ name: "city", type: "string", dataClass: "internal", description: "…" }',
      (given) => [
        ...unknownFaults(`${at}.`, given, [
          "name",
          "type",
          "dataClass",
          "description",
          ...(expressions ? ["sql"] : []),
        ]),
        ...nameFaults(`${at}.name`, given.name),
        ...(types.test(String(given.type))
          ? []
          : [
              {
                path: `${at}.type`,
                reason: `${quoted(given.type)} must be string, int, bigint, double, boolean, timestamp, date or decimal(p,s)`,
              },
            ]),
        ...(dataClasses.includes(String(given.dataClass))
          ? []
          : [
              {
                path: `${at}.dataClass`,
                reason: `${quoted(given.dataClass)} must be one of ${dataClasses.join(", ")}`,
              },
            ]),
        ...(typeof given.description === "string"
          ? []
          : [{ path: `${at}.description`, reason: `${quoted(given.description)} must say what it holds` }]),
        ...(given.sql === undefined
          ? []
          : typeof given.sql === "string"
            ? lintFaults(`${at}.sql`, `select ${given.sql}`, "select …")
            : [
                {
                  path: `${at}.sql`,
                  reason: `${quoted(given.sql)} must be an expression of the table's other columns`,
                },
              ]),
      ],
    );
  });
}

function nameFaults(path: string, given: unknown): Fault[] {
  if (!name.test(String(given)))
    return [{ path, reason: `${quoted(given)} must be lower case letters, digits and underscores` }];
  if (!reserved.has(String(given))) return [];
  return [{ path, reason: `${quoted(given)} is a word of SQL, which engines quote differently; try "${given}_value"` }];
}

function rulesFaults(path: string, value: unknown): Fault[] {
  if (!Array.isArray(value)) return [{ path, reason: `${quoted(value)} must be a list such as [rule.notNull("id")]` }];
  return value.flatMap((given: unknown, index): Fault[] => {
    const at = `${path}[${index}]`;
    if (!isRecord(given) || !kinds.includes(String(given.kind)))
      return [{ path: at, reason: `${quoted(given)} must be made by \`rule\`: rule.${kinds[0]}("id")` }];
    const { threshold } = given;
    if (threshold === undefined || (typeof threshold === "number" && threshold >= 0 && threshold <= 1)) return [];
    return [{ path: `${at}.threshold`, reason: `${quoted(threshold)} must be a share of rows from 0 to 1` }];
  });
}

function transformTextFaults(path: string, value: unknown): Fault[] {
  if (typeof value !== "string" || value.trim() === "")
    return [{ path, reason: `${quoted(value)} must be the path of a .sql file, or a SELECT` }];
  const sql = readTransform(value);
  if (sql === undefined) return [{ path, reason: `there is no file ${value}, seen from ${process.cwd()}` }];
  const opens = /^\s*(?:--[^\n]*\n\s*)*(select|with)\b/i.test(sql);
  if (!opens) return [{ path, reason: "must be one SELECT; where its rows go is the table's to say" }];
  return lintFaults(path, sql, sql === value ? "line" : value);
}

/** What Glue and a laptop would not take alike. Warnings are for who lints by hand. */
function lintFaults(path: string, sql: string, file: string): Fault[] {
  return lintTransform(sql)
    .filter(({ level }) => level === "error")
    .map((finding) => ({ path, reason: findingText(file, finding) }));
}

/** What is said of a table that there is not, or that cannot take it. */
function targetFaults(args: DataLakeArgs): Fault[] {
  const { tables, steps } = planLake(args);
  const known = new Map(tables.map((table) => [tableName(table), table]));
  const made = new Set(Object.values(steps).flatMap((all) => all.map(({ table }) => tableName(table))));
  const lacking = (path: string, table: string): Fault[] =>
    known.has(table)
      ? []
      : [{ path, reason: `there is no table ${table}${meant(table, known)}; declare it in "tables"` }];
  return [
    ...Object.entries(args.transforms ?? {}).flatMap(([table]): Fault[] => {
      const path = `transforms["${table}"]`;
      const fixed = table.startsWith("raw.") || table.endsWith(".rejected_rows");
      return fixed ? [{ path, reason: "is written as it arrives, not made from SQL" }] : lacking(path, table);
    }),
    ...Object.entries(args.columns ?? {}).flatMap(([table, columns]): Fault[] => {
      const path = `columns["${table}"]`;
      const unmade = known.has(table) && !made.has(table);
      if (unmade) return [{ path, reason: "no transform makes this table, so nothing would fill the column" }];
      const untold = columns.flatMap((column, index) =>
        column.sql === undefined && args.transforms?.[table] === undefined
          ? [
              {
                path: `${path}[${index}].sql`,
                reason: "is missing; say the column by the table's others, or transform anew",
              },
            ]
          : [],
      );
      return [...lacking(path, table), ...untold];
    }),
    ...Object.keys(args.quality ?? {}).flatMap((table) => lacking(`quality["${table}"]`, table)),
    ...(args.breakingChanges ?? []).flatMap((table, index) => lacking(`breakingChanges[${index}]`, table)),
    ...tables.flatMap((table) => [...doubleFaults(table), ...ruleFaults(table, known, made)]),
  ];
}

function doubleFaults(table: LakeTable): Fault[] {
  const names = [...table.columns.map((column) => column.name), ...table.partitionBy];
  const doubled = new Set(names.filter((each, index) => names.indexOf(each) !== index));
  return [...doubled].map((column) => ({ path: pathOf(table), reason: `has two columns called ${column}` }));
}

const pathOf = (table: LakeTable): string => `tables["${tableName(table)}"]`;

function ruleFaults(table: LakeTable, known: ReadonlyMap<string, LakeTable>, made: ReadonlySet<string>): Fault[] {
  const columns = new Map(table.columns.map((column) => [column.name, column.type]));
  const path = `quality["${tableName(table)}"]`;
  const rules = table.quality ?? [];
  if (rules.length > 0 && !made.has(tableName(table)))
    return [
      { path, reason: "no transform makes this table, so nothing would check it; put the rule on one that reads it" },
    ];
  return rules.flatMap((rule): Fault[] => [
    ...ruleColumns(rule)
      .filter((column) => !columns.has(column) && !table.partitionBy.includes(column))
      .map((column) => ({ path, reason: `${rule.kind}: there is no column ${column}${meant(column, columns)}` })),
    ...(rule.kind === "freshness" && columns.get(rule.column) === "string"
      ? [{ path, reason: `freshness: ${rule.column} is text; give a timestamp or date` }]
      : []),
    ...(rule.kind === "referential" ? referenceFaults(path, rule, known) : []),
    ...(!isRowRule(rule) && rule.threshold !== undefined && rule.threshold > 0
      ? [{ path, reason: `${rule.kind}: is about the table, so no share of rows may break it; leave threshold out` }]
      : []),
  ]);
}

function referenceFaults(
  path: string,
  rule: Extract<QualityRule, { kind: "referential" }>,
  known: ReadonlyMap<string, LakeTable>,
): Fault[] {
  const other = known.get(rule.table);
  if (other === undefined)
    return [{ path, reason: `referential: there is no table ${rule.table}${meant(rule.table, known)}` }];
  return rule.tableColumns
    .filter((column) => !other.columns.some((each) => each.name === column))
    .map((column) => ({ path, reason: `referential: ${rule.table} has no column ${column}` }));
}

function dependencyFaults(args: DataLakeArgs): Fault[] {
  const { tables, steps } = planLake(args);
  const known = new Map(tables.map((table) => [tableName(table), table]));
  const all = Object.values(steps).flat();
  const faults = all.flatMap(({ table, sql, reads }): Fault[] => {
    const given = args.transforms?.[tableName(table)] !== undefined;
    const path = `${given ? "transforms" : "quality"}["${tableName(table)}"]`;
    return [...new Set([...tablesIn(sql), ...reads])].flatMap((read): Fault[] => {
      if (!known.has(read)) return [{ path, reason: `reads ${read}, which there is not${meant(read, known)}` }];
      const zones = readable[table.zone];
      if (zones.includes(read.split(".")[0] as Zone)) return [];
      return [{ path, reason: `reads ${read}; a ${table.zone} table may be made from ${zones.join(" and ")} only` }];
    });
  });
  faults.push(...all.flatMap(({ table, sql }) => followFaults(table, sql, known)));
  // The plan's steps have what is in a cycle, too, but in no order.
  const cycle = cycleIn(new Map(all.map(({ table, reads }) => [tableName(table), reads])));
  if (cycle === undefined) return faults;
  return [...faults, { path: `transforms["${cycle[0]}"]`, reason: `is made from itself: ${cycle.join(" reads ")}` }];
}

/** A table that is made by partition needs a source to follow. By key are made only tables by our own SELECTs. */
function followFaults(table: LakeTable, sql: string, known: ReadonlyMap<string, LakeTable>): Fault[] {
  if (["whole", "key"].includes(table.incremental ?? "whole")) return [];
  const read = tablesIn(sql).filter((name) => known.has(name));
  const followed = read.filter((name) => known.get(name)?.partitionBy.join() === table.partitionBy.join());
  const path = `transforms["${tableName(table)}"]`;
  const told = `reads ${read.join(", ") || "no table"}`;
  if (table.incremental === "fold")
    return read.length === 1 ? [] : [{ path, reason: `${told}; it must read one table, of which it keeps the newest` }];
  if (table.incremental === "first" ? followed.length === 1 : followed.length > 0) return [];
  const wanted = table.incremental === "first" ? "one table" : "a table";
  return [{ path, reason: `${told}; made by day, it must read ${wanted} with the partition dt` }];
}

function meant(given: string, known: { keys(): Iterable<string> }): string {
  const near = nearest(given, known.keys());
  return near === undefined ? "" : `; did you mean ${near}?`;
}
