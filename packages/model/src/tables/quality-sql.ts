import { isRowRule, type QualityRule, ruleName } from "./quality";
import { type LakeTable, tableName } from "./table";

/** The name under which the runner offers the rows that are to become the table's. */
export const candidate = "candidate";

/**
 * The name of the table as it will be: the candidate, and the partitions beside it that a run leaves as they are. What is
 * about the table as a whole asks it.
 */
export const outcome = "outcome";

/**
 * The name of the rows beside the candidate that a run leaves as they are; of a table that is made as a whole there are
 * none. They were judged when they were made.
 */
export const kept = "kept";

/** A table's rules as SQL, in the subset that Spark 3.5 and DuckDB share; other tables by their zone's name. */
export interface QualityCheck {
  readonly rules: readonly {
    readonly name: string;
    /** Share of rows that may break it. */
    readonly threshold: number;
    /** False: about the table as a whole; it is broken or not. */
    readonly rows: boolean;
  }[];
  /** One row: `total`, and by rule in order `rule_0`, `rule_1`…: the number of rows that break it, or 0 and 1. */
  readonly measure: string;
  /** The rows that break a rule, each with the rule as `quality_rule` before the table's columns. Absent without row rules. */
  readonly rejects?: string;
  /** The rows that break none. Absent without row rules. */
  readonly passing?: string;
}

/** Text as a literal. Spark reads '' as the end of one and the start of another, and \\ as an escape, so these are said by number. */
const text = (value: string): string =>
  value
    .split(/(['\\])/)
    .filter((part) => part !== "")
    .map((part) => (part === "'" ? "chr(39)" : part === "\\" ? "chr(92)" : `'${part}'`))
    .join(" || ") || "''";
const literal = (value: string | number): string => (typeof value === "number" ? String(value) : text(value));
const list = (columns: readonly string[]): string => columns.join(", ");
const all = (columns: readonly string[], test: (column: string) => string, glue = " and "): string =>
  columns.map(test).join(glue);

/** What is true of a row that breaks a rule which one row alone can break; undefined for the others. */
function broken(table: LakeTable, rule: QualityRule): string | undefined {
  switch (rule.kind) {
    case "notNull":
      return all(rule.columns, (column) => `c.${column} is null`, " or ");
    case "accepted":
      return `c.${rule.column} not in (${rule.values.map(literal).join(", ")})`;
    case "range": {
      const bound = (value: string | number) => boundOf(table, rule.column, value);
      return [
        ...(rule.min === undefined ? [] : [`c.${rule.column} < ${bound(rule.min)}`]),
        ...(rule.max === undefined ? [] : [`c.${rule.column} > ${bound(rule.max)}`]),
      ].join(" or ");
    }
    default:
      return undefined;
  }
}

function boundOf(table: LakeTable, column: string, value: string | number): string {
  if (typeof value === "number") return String(value);
  const type = table.columns.find(({ name }) => name === column)?.type;
  return type === "date" || type === "timestamp" ? `${type} ${text(value)}` : text(value);
}

const onEqual = (left: string, columns: readonly string[], right: string, others = columns): string =>
  columns.map((column, index) => `${left}.${column} = ${right}.${others[index]}`).join(" and ");

/** Keys that several rows share, with their number. */
const shared = (columns: readonly string[], rows: string): string =>
  `(select ${list(columns)}, count(*) as times from ${rows} where ${all(columns, (column) => `${column} is not null`)} group by ${list(columns)} having count(*) > 1)`;

/**
 * Keys of the candidate that several rows of the table share. Of the rows that are kept only those with a key of the
 * candidate are grouped: among themselves they share none, since none of a shared key's rows gets into the table.
 */
const repeated = (columns: readonly string[]): string => {
  const beside = `select ${list(columns.map((column) => `k.${column}`))} from ${kept} k semi join ${candidate} c on ${onEqual("k", columns, "c")}`;
  return shared(columns, `(select ${list(columns)} from ${candidate} union all ${beside}) present`);
};

/** Keys that the other table lacks. */
function missing(rule: Extract<QualityRule, { kind: "referential" }>): string {
  const { columns, table, tableColumns } = rule;
  return `(select distinct ${list(columns.map((column) => `c.${column}`))} from ${candidate} c anti join ${table} o on ${onEqual("c", columns, "o", tableColumns)} where ${all(columns, (column) => `c.${column} is not null`)})`;
}

/** The rows that break a rule, as what follows `from candidate c`; and what leaves them out. */
function clauses(
  table: LakeTable,
  rule: QualityRule,
  alias: string,
): { readonly breaking: string; readonly join?: string; readonly where?: string } {
  const condition = broken(table, rule);
  if (condition !== undefined) return { breaking: `where ${condition}`, where: `coalesce(not (${condition}), true)` };
  if (rule.kind !== "unique" && rule.kind !== "referential") throw new Error(`${rule.kind} is about no rows`);
  const keys = rule.kind === "unique" ? repeated(rule.columns) : missing(rule);
  const on = `${keys} ${alias} on ${onEqual("c", rule.columns, alias)}`;
  return { breaking: `semi join ${on}`, join: `anti join ${on}` };
}

/** How many rows break a rule (a rule of the table: 0 or 1), as an expression beside `from candidate c`. */
function counted(table: LakeTable, rule: QualityRule): string {
  switch (rule.kind) {
    case "unique":
      return `(select cast(coalesce(sum(d.times), 0) as bigint) from ${repeated(rule.columns)} d)`;
    case "referential": {
      const on = onEqual("c", rule.columns, "o", rule.tableColumns);
      return `(select count(*) from ${candidate} c anti join ${rule.table} o on ${on} where ${all(rule.columns, (column) => `c.${column} is not null`)})`;
    }
    case "freshness":
      return `case when (select max(o.${rule.column}) from ${outcome} o) >= cast(current_timestamp as timestamp) - interval '${rule.hours}' hour then 0 else 1 end`;
    case "rowCount": {
      const rows = `(select count(*) from ${outcome})`;
      return `case when ${rows} < ${rule.min ?? 0}${rule.max === undefined ? "" : ` or ${rows} > ${rule.max}`} then 1 else 0 end`;
    }
    default:
      return `count(*) filter (where ${broken(table, rule)})`;
  }
}

/** Compiles a table's rules; undefined where it has none. */
export function qualityCheck(table: LakeTable): QualityCheck | undefined {
  const rules = table.quality ?? [];
  if (rules.length === 0) return undefined;
  const measures = rules.map((rule, index) => `  ${counted(table, rule)} as rule_${index}`);
  const rows = rules.filter(isRowRule);
  const columns = [...table.columns.map(({ name }) => name), ...table.partitionBy];
  const parts = rows.map((rule, index) => ({ rule, ...clauses(table, rule, `d${index}`) }));
  const joins = parts.flatMap(({ join }) => (join === undefined ? [] : [join]));
  const where = parts.flatMap((part) => (part.where === undefined ? [] : [part.where]));
  return {
    rules: rules.map((rule) => ({ name: ruleName(rule), threshold: rule.threshold ?? 0, rows: isRowRule(rule) })),
    measure: `select\n  count(*) as total,\n${measures.join(",\n")}\nfrom ${candidate} c`,
    ...(rows.length === 0
      ? {}
      : {
          rejects: parts
            .map(
              ({ rule, breaking }) =>
                `select ${text(ruleName(rule))} as quality_rule, ${columns.map((name) => `c.${name}`).join(", ")}\nfrom ${candidate} c ${breaking}`,
            )
            .join("\nunion all\n"),
          passing: [
            `select ${columns.map((name) => `c.${name}`).join(", ")}`,
            `from ${candidate} c`,
            ...joins,
            ...(where.length === 0 ? [] : [`where ${where.join("\n  and ")}`]),
          ].join("\n"),
        }),
  };
}

/** Whether so many failures stop the pipeline. The Spark driver decides by the same comparison. */
export const stopsPipeline = (failing: number, total: number, threshold: number): boolean =>
  failing > threshold * total;

const quote = (name: string): string => `"${name}"`;

/**
 * The rules in AWS Glue's Data Quality Definition Language, for a ruleset on the catalog table. Thresholds that a rule
 * type cannot say are said by `CustomSql` over the share of rows.
 */
export function dqdl(table: LakeTable): string | undefined {
  const rules = (table.quality ?? []).flatMap((rule) => dqdlRule(table, rule));
  return rules.length === 0 ? undefined : `Rules = [\n  ${rules.join(",\n  ")}\n]`;
}

function dqdlRule(table: LakeTable, rule: QualityRule): string[] {
  const threshold = rule.threshold ?? 0;
  const least = Number((1 - threshold).toFixed(6));
  switch (rule.kind) {
    case "notNull":
      return rule.columns.map((column) =>
        threshold === 0 ? `IsComplete ${quote(column)}` : `Completeness ${quote(column)} >= ${least}`,
      );
    case "unique": {
      const [column = "", ...others] = rule.columns;
      if (others.length > 0) return [keyRule(rule.columns, threshold)];
      return [threshold === 0 ? `IsUnique ${quote(column)}` : `Uniqueness ${quote(column)} >= ${least}`];
    }
    case "accepted":
    case "range": {
      const condition = (broken(table, rule) ?? "").replaceAll("c.", "");
      const share = `select coalesce(avg(case when ${condition} then 1.0 else 0.0 end), 0.0) from primary`;
      return [`CustomSql "${share}" <= ${threshold}`];
    }
    case "referential":
      return [
        `ReferentialIntegrity ${quote(rule.columns.join(","))} ${quote(`${rule.table.replace(".", "_")}.{${rule.tableColumns.join(",")}}`)} >= ${least}`,
      ];
    case "freshness":
      return [`DataFreshness ${quote(rule.column)} <= ${rule.hours} hours`];
    case "rowCount":
      return [
        ...(rule.min === undefined ? [] : [`RowCount >= ${rule.min}`]),
        ...(rule.max === undefined ? [] : [`RowCount <= ${rule.max}`]),
      ];
  }
}

/** Null keys are `notNull`'s matter, as in our SQL, so not `IsPrimaryKey`. */
function keyRule(columns: readonly string[], threshold: number): string {
  const keys = shared(columns, "primary");
  const share = `select (select coalesce(sum(times), 0) from ${keys} repeated) / (select greatest(count(*), 1) from primary)`;
  return `CustomSql "${share}" <= ${threshold}`;
}

/** Tables that a table's rules read besides its own. */
export const referencedTables = (table: LakeTable): readonly string[] =>
  (table.quality ?? []).flatMap((rule) =>
    rule.kind === "referential" && rule.table !== tableName(table) ? [rule.table] : [],
  );
