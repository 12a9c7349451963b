/** What every rule may say besides. */
export interface RuleOptions {
  /**
   * Share of rows, 0 to 1, that may break the rule: up to it, the rows that do are kept out of the table, and the
   * pipeline goes on; beyond it, the table stays as it was and the pipeline stops. Of a rule about the whole table it has
   * no effect. @default 0
   */
  readonly threshold?: number;
}

/** A bound of a range: a number, or a date or time as ISO 8601 text for a column of such a type. */
export type Bound = number | string;

/** A rule that the rows of a table must keep. Null breaks `notNull` only. */
export type QualityRule = RuleOptions &
  (
    | { readonly kind: "notNull"; readonly columns: readonly string[] }
    | { readonly kind: "unique"; readonly columns: readonly string[] }
    | { readonly kind: "accepted"; readonly column: string; readonly values: readonly (string | number)[] }
    | { readonly kind: "range"; readonly column: string; readonly min?: Bound; readonly max?: Bound }
    | {
        readonly kind: "referential";
        readonly columns: readonly string[];
        readonly table: string;
        readonly tableColumns: readonly string[];
      }
    | { readonly kind: "freshness"; readonly column: string; readonly hours: number }
    | { readonly kind: "rowCount"; readonly min?: number; readonly max?: number }
  );

/** Makes rules: `quality: [rule.notNull("id"), rule.unique("id"), rule.range("quantity", { min: 0 })]`. */
export const rule = Object.freeze({
  /** None of the columns is null. */
  notNull: (...columns: readonly string[]): QualityRule => ({ kind: "notNull", columns }),
  /** No two rows have the same values in these columns together; rows with a null among them are left alone. */
  unique: (...columns: readonly string[]): QualityRule => ({ kind: "unique", columns }),
  /** The column has one of these values. */
  accepted: (column: string, values: readonly (string | number)[], options: RuleOptions = {}): QualityRule => ({
    kind: "accepted",
    column,
    values,
    ...options,
  }),
  /** The column lies between the bounds, which are themselves allowed. */
  range: (
    column: string,
    bounds: { readonly min?: Bound; readonly max?: Bound },
    options: RuleOptions = {},
  ): QualityRule => ({ kind: "range", column, ...bounds, ...options }),
  /** Each value is in another table: `rule.references("customer_id", "curated.customers", "customer_id")`. */
  references: (column: string, table: string, tableColumn: string, options: RuleOptions = {}): QualityRule => ({
    kind: "referential",
    columns: [column],
    table,
    tableColumns: [tableColumn],
    ...options,
  }),
  /** The newest value of a time column is at most so many hours old. */
  fresh: (column: string, hours: number): QualityRule => ({ kind: "freshness", column, hours }),
  /** The table has so many rows. */
  rowCount: (bounds: { readonly min?: number; readonly max?: number }): QualityRule => ({
    kind: "rowCount",
    ...bounds,
  }),
});

/** A rule's name in reports, metrics and quarantine: `unique(source_id, message_id)`. */
export function ruleName(given: QualityRule): string {
  switch (given.kind) {
    case "notNull":
    case "unique":
      return `${given.kind}(${given.columns.join(", ")})`;
    case "accepted":
      return `accepted(${given.column})`;
    case "range":
      return `range(${given.column}, ${given.min ?? ""}..${given.max ?? ""})`;
    case "referential":
      return `referential(${given.columns.join(", ")} in ${given.table})`;
    case "freshness":
      return `freshness(${given.column}, ${given.hours} h)`;
    case "rowCount":
      return `rowCount(${given.min ?? ""}..${given.max ?? ""})`;
  }
}

/** The columns of its own table that a rule looks at. */
export function ruleColumns(given: QualityRule): readonly string[] {
  if (given.kind === "rowCount") return [];
  return "columns" in given ? given.columns : [given.column];
}

/** Whether a rule is about single rows (which quarantine can hold), rather than about the table as a whole. */
export const isRowRule = ({ kind }: QualityRule): boolean => kind !== "freshness" && kind !== "rowCount";
