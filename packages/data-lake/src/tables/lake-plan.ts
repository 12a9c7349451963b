import { existsSync, readFileSync } from "node:fs";
import * as path from "node:path";
import { packageRoot } from "@tributary/core";
import { type LakeTable, type QualityRule, referencedTables, rule, ruleName, tableName } from "@tributary/model";
import type { DataLakeArgs } from "../args";
import { traitSteps } from "../traits/plan";
import { type JobName, jobNames, tablesOf, type Zone } from ".";
import { rejectedRows } from "./rejected-rows";
import { tablesIn } from "./sql-names";

/** A table that the pipeline makes: its rows are those of the SELECT, whose tables have their zones' names. */
export interface LakeStep {
  readonly table: LakeTable;
  readonly sql: string;
  /** Lake tables that must be made before: those that its SELECT and its rules read. */
  readonly reads: readonly string[];
}

/** Everything that a lake holds and makes, its own and its user's. */
export interface LakePlan {
  readonly tables: readonly LakeTable[];
  /** By job: which makes which tables, in order. A job without steps is none. */
  readonly steps: Readonly<Record<JobName, readonly LakeStep[]>>;
  /** Tables that are Apache Iceberg on AWS: of the curated zone, those that a job makes. */
  readonly iceberg: ReadonlySet<string>;
  /** Tables that the user declared. */
  readonly own: ReadonlySet<string>;
}

/** The zones that a table of a zone may be made from: a job reads the zone before its own, and its own. */
export const readable: Readonly<Record<Zone, readonly Zone[]>> = {
  raw: [],
  clean: ["raw", "clean"],
  curated: ["clean", "curated"],
};

/** The text of a table's transform, as it is in the package: in `raw`, `clean` and `curated`. */
export function transformText(table: LakeTable): string {
  return readFileSync(path.join(packageRoot(__dirname), "sql", `${tableName(table)}.sql`), "utf8");
}

/** A user's SELECT: the text itself, or the file of a path that ends in `.sql`. Undefined where there is no such file. */
export function readTransform(given: string): string | undefined {
  if (!given.trim().toLowerCase().endsWith(".sql")) return given;
  return existsSync(given) ? readFileSync(given, "utf8") : undefined;
}

/** Lays the user's tables, columns, rules and transforms beside our own. Call it with arguments that have no fault. */
export function planLake(args: DataLakeArgs): LakePlan {
  const { tables: ours, steps } = tablesOf({ peopleToMatch: args.peopleToMatch ?? false });
  const computed = traitSteps(args);
  const computedSql = new Map(computed.map(({ table, sql }) => [tableName(table), sql]));
  const jobOfOurs = new Map<string, JobName>([
    ...jobNames.flatMap((job) => steps[job].map((table) => [tableName(table), job] as const)),
    ...computed.map(({ table }) => [tableName(table), "traits"] as const),
  ]);
  const theirs = Object.entries(args.tables ?? {}).map(([name, given]): LakeTable => {
    const [zone, table = ""] = name.split(".") as [Zone, string];
    return { partitionBy: [], primaryKey: [], ...given, zone, name: table };
  });
  const tables = [...ours, ...computed.map(({ table }) => table), ...theirs, ...rejectedRows].map(
    (table): LakeTable => {
      const added = (args.columns?.[tableName(table)] ?? []).map(({ sql: _, ...column }) => column);
      const quality = [...(table.quality ?? []), ...keyRule(table, args), ...(args.quality?.[tableName(table)] ?? [])];
      return { ...table, columns: [...table.columns, ...added], ...(quality.length === 0 ? {} : { quality }) };
    },
  );
  const made = tables.flatMap((table): LakeStep[] => {
    const given = args.transforms?.[tableName(table)];
    if (table.zone === "raw" || (given === undefined && !jobOfOurs.has(tableName(table)))) return [];
    const own = computedSql.get(tableName(table));
    const base = given === undefined ? (own ?? transformText(table)) : (readTransform(given) ?? "");
    const sql = withColumns(base, args.columns?.[tableName(table)] ?? []);
    const reads = new Set([...tablesIn(sql), ...referencedTables(table)]);
    // A log goes on from what it says.
    if (own !== undefined) reads.delete(tableName(table));
    // What decides is known of our own SELECT; a column that is added may look at rows of other keys.
    const { firstBy, groupBy, incremental, ...asGiven } = table;
    const groups = given === undefined && sql === base && (incremental !== "key" || hasAllRows(table));
    const decided = {
      ...(given === undefined && firstBy && { firstBy }),
      ...(groups && groupBy && { groupBy }),
      ...(incremental && (incremental !== "key" || groups) && { incremental }),
    };
    return [{ table: { ...asGiven, ...decided }, sql, reads: [...reads] }];
  });
  const jobOf = jobsOf(inOrder(made), jobOfOurs);
  const stepsOf = (job: JobName): LakeStep[] =>
    inOrder(made.filter(({ table }) => jobOf.get(tableName(table)) === job));
  return {
    tables,
    steps: { clean: stepsOf("clean"), curate: stepsOf("curate"), traits: stepsOf("traits") },
    iceberg: new Set(
      args.curatedFormat === "iceberg"
        ? made
            .filter(({ table }) => table.zone === "curated" && table.format !== "json")
            .map((step) => tableName(step.table))
        : [],
    ),
    own: new Set(theirs.map(tableName)),
  };
}

/**
 * That a key of ours stands once. Where our own SELECT groups by the key, or numbers the parts of one row of a table whose
 * key stands once, it cannot be else, and to ask again would cost as much as the grouping: so tables declare the rule only
 * where it is not so, and a user's SELECT is always held to it.
 */
function keyRule(table: LakeTable, { transforms, tables }: DataLakeArgs): QualityRule[] {
  const { quality = [], primaryKey } = table;
  const name = tableName(table);
  if (transforms?.[name] === undefined || tables?.[name] !== undefined || primaryKey.length === 0) return [];
  const key = rule.unique(...primaryKey);
  return quality.some((each) => ruleName(each) === ruleName(key)) ? [] : [key];
}

/** Whether a table has all rows that its SELECT gave: where some may break a rule, those were kept out of it. */
const hasAllRows = ({ quality = [] }: LakeTable): boolean => quality.every(({ threshold = 0 }) => threshold === 0);

/** The job of each step: ours as they are, a user's with its zone, or later where it reads what a later job makes. */
function jobsOf(steps: readonly LakeStep[], ours: ReadonlyMap<string, JobName>): ReadonlyMap<string, JobName> {
  const jobs = new Map<string, JobName>(ours);
  for (const { table, reads } of steps) {
    if (ours.has(tableName(table))) continue;
    const own: JobName = table.zone === "clean" ? "clean" : "curate";
    const latest = reads.map((read) => jobs.get(read) ?? own).concat(own);
    jobs.set(
      tableName(table),
      latest.reduce((a, b) => (jobNames.indexOf(b) > jobNames.indexOf(a) ? b : a)),
    );
  }
  return jobs;
}

/** A SELECT with columns more, made from its own. */
function withColumns(sql: string, columns: NonNullable<DataLakeArgs["columns"]>[string]): string {
  const added = columns.filter((column) => column.sql !== undefined);
  if (added.length === 0) return sql;
  const expressions = added.map((column) => `  ${column.sql} as ${column.name}`);
  return `select\n  made.*,\n${expressions.join(",\n")}\nfrom (\n${sql.replace(/[;\s]+$/, "")}\n) made\n`;
}

/** Steps so that each comes after those it reads, else as declared. What is in a cycle is left out: `cycleIn` tells it. */
function inOrder(steps: readonly LakeStep[]): LakeStep[] {
  const byName = new Map(steps.map((step) => [tableName(step.table), step]));
  const placed = new Map<string, LakeStep | undefined>();
  const place = (name: string): void => {
    const step = byName.get(name);
    if (step === undefined || placed.has(name)) return;
    placed.set(name, undefined);
    for (const read of step.reads) place(read);
    // Set again, so that it comes after what it reads.
    placed.delete(name);
    placed.set(name, step);
  };
  for (const name of byName.keys()) place(name);
  return [...placed.values()].filter((step) => step !== undefined);
}

/** The first way from a table back to itself: `a`, `b`, `a`. */
export function cycleIn(reads: ReadonlyMap<string, readonly string[]>): readonly string[] | undefined {
  const cleared = new Set<string>();
  const walk = (name: string, trail: readonly string[]): readonly string[] | undefined => {
    const at = trail.indexOf(name);
    if (at >= 0) return [...trail.slice(at), name];
    if (cleared.has(name)) return undefined;
    for (const read of reads.get(name) ?? []) {
      const cycle = walk(read, [...trail, name]);
      if (cycle !== undefined) return cycle;
    }
    cleared.add(name);
    return undefined;
  };
  for (const name of reads.keys()) {
    const cycle = walk(name, []);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}
