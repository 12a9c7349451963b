/** A data set: a query of the lake, its columns in QuickSight's types. */
export interface DashboardDataSet {
  readonly id: string;
  readonly title: string;
  /** In zones' names, in Athena's dialect. */
  readonly sql: string;
  readonly columns: Readonly<Record<string, "STRING" | "INTEGER" | "DECIMAL" | "DATETIME">>;
  /** Tables and views that it reads. */
  readonly reads: readonly string[];
}

const customers: DashboardDataSet = {
  id: "customers",
  title: "Customers",
  sql: "select profile_id, coalesce(country, 'unknown') as country, identifiers, orders, cast(revenue as double) as revenue, first_seen, last_seen from curated.customer_360",
  columns: {
    profile_id: "STRING",
    country: "STRING",
    identifiers: "INTEGER",
    orders: "INTEGER",
    revenue: "DECIMAL",
    first_seen: "DATETIME",
    last_seen: "DATETIME",
  },
  reads: ["curated.customer_360"],
};

/** Of lakes with segments: their size after each run that changed them. */
const segments: DashboardDataSet = {
  id: "segments",
  title: "Segments",
  sql: "select segment, changed_at, entered, exited, sum(entered - exited) over (partition by segment order by changed_at rows between unbounded preceding and current row) as members from (select segment, changed_at, count_if(change = 'entered') as entered, count_if(change = 'exited') as exited from curated.segment_changes group by segment, changed_at) changes",
  columns: { segment: "STRING", changed_at: "DATETIME", entered: "INTEGER", exited: "INTEGER", members: "INTEGER" },
  reads: ["curated.segment_changes"],
};

const identityQuality: DashboardDataSet = {
  id: "identity-quality",
  title: "Identity quality",
  sql: "select identifier_type, identifiers, people, most_of_one_person, people_with_several from curated.identity_quality",
  columns: {
    identifier_type: "STRING",
    identifiers: "INTEGER",
    people: "INTEGER",
    most_of_one_person: "INTEGER",
    people_with_several: "INTEGER",
  },
  reads: ["curated.identity_quality"],
};

const pipelineHealth: DashboardDataSet = {
  id: "pipeline-health",
  title: "Pipeline health",
  sql: "select ran_at, job, run, table_name, rows_seen, rows_rejected, rules_failed from curated.pipeline_health",
  columns: {
    ran_at: "DATETIME",
    job: "STRING",
    run: "STRING",
    table_name: "STRING",
    rows_seen: "INTEGER",
    rows_rejected: "INTEGER",
    rules_failed: "INTEGER",
  },
  reads: ["curated.pipeline_health"],
};

/** The data sets of a lake; segments where it has some. */
export const dashboardDataSets = (tables: ReadonlySet<string>): readonly DashboardDataSet[] => [
  customers,
  ...(tables.has("curated.segment_changes") ? [segments] : []),
  identityQuality,
  pipelineHealth,
];

type Visual = Readonly<Record<string, unknown>>;

/** Makes visuals of one data set; ids follow from titles. A column that the data set lacks is refused. */
class Sheet {
  constructor(private readonly set: DashboardDataSet) {}

  kpi(title: string, column: string, how: "SUM" | "MAX" | "COUNT"): Visual {
    return { KPIVisual: this.visual(title, { Values: [this.measure(title, column, how)] }) };
  }

  bars(title: string, by: string, column: string, how: "SUM" | "MAX" | "COUNT"): Visual {
    const wells = {
      BarChartAggregatedFieldWells: { Category: [this.group(title, by)], Values: [this.measure(title, column, how)] },
    };
    return { BarChartVisual: this.visual(title, wells) };
  }

  line(title: string, time: string, column: string, how: "SUM" | "MAX" | "COUNT", by?: string): Visual {
    const Category = [
      { DateDimensionField: { FieldId: this.id(title, time), Column: this.column(time), DateGranularity: "DAY" } },
    ];
    const Colors = by === undefined ? {} : { Colors: [this.group(title, by)] };
    const wells = {
      LineChartAggregatedFieldWells: { Category, Values: [this.measure(title, column, how)], ...Colors },
    };
    return { LineChartVisual: this.visual(title, wells) };
  }

  table(title: string, by: readonly string[], columns: readonly string[]): Visual {
    const GroupBy = by.map((each) => this.group(title, each));
    const Values = columns.map((each) => this.measure(title, each, "SUM"));
    return { TableVisual: this.visual(title, { TableAggregatedFieldWells: { GroupBy, Values } }) };
  }

  private visual(title: string, FieldWells: object): Visual {
    return {
      VisualId: this.id(title),
      Title: { Visibility: "VISIBLE", FormatText: { PlainText: title } },
      ChartConfiguration: { FieldWells },
    };
  }

  private id(...parts: string[]): string {
    return [this.set.id, ...parts]
      .join("-")
      .toLowerCase()
      .replace(/[^a-z0-9-]+/g, "-");
  }

  private column(name: string) {
    if (!(name in this.set.columns)) throw new Error(`data set ${this.set.id} has no column ${name}`);
    return { DataSetIdentifier: this.set.id, ColumnName: name };
  }

  private group(title: string, name: string) {
    const field = { FieldId: this.id(title, name), Column: this.column(name) };
    return this.set.columns[name] === "DATETIME"
      ? { DateDimensionField: { ...field, DateGranularity: "DAY" } }
      : { CategoricalDimensionField: field };
  }

  private measure(title: string, name: string, how: "SUM" | "MAX" | "COUNT") {
    const field = { FieldId: this.id(title, name, "value"), Column: this.column(name) };
    return this.set.columns[name] === "STRING"
      ? { CategoricalMeasureField: { ...field, AggregationFunction: "COUNT" } }
      : { NumericalMeasureField: { ...field, AggregationFunction: { SimpleNumericalAggregation: how } } };
  }
}

const visuals: Readonly<Record<string, (sheet: Sheet) => Visual[]>> = {
  customers: (sheet) => [
    sheet.kpi("People", "profile_id", "COUNT"),
    sheet.kpi("Revenue", "revenue", "SUM"),
    sheet.line("New people by day", "first_seen", "profile_id", "COUNT"),
    sheet.bars("Revenue by country", "country", "revenue", "SUM"),
  ],
  segments: (sheet) => [
    sheet.line("Members over time", "changed_at", "members", "MAX", "segment"),
    sheet.table("Entered and exited", ["segment", "changed_at"], ["entered", "exited"]),
  ],
  "identity-quality": (sheet) => [
    sheet.bars("Identifiers by type", "identifier_type", "identifiers", "SUM"),
    sheet.bars("Most of one person", "identifier_type", "most_of_one_person", "MAX"),
    sheet.table("Types", ["identifier_type"], ["identifiers", "people", "people_with_several"]),
  ],
  "pipeline-health": (sheet) => [
    sheet.kpi("Rules that stopped a run", "rules_failed", "SUM"),
    sheet.line("Rows rejected by day", "ran_at", "rows_rejected", "SUM", "table_name"),
    sheet.table("Runs", ["ran_at", "job", "table_name"], ["rows_seen", "rows_rejected", "rules_failed"]),
  ],
};

/** The definition of the analysis and the dashboard (CloudFormation's AWS::QuickSight::Dashboard): a sheet per data set. */
export function dashboardDefinition<Arn>(sets: readonly { readonly set: DashboardDataSet; readonly arn: Arn }[]) {
  return {
    DataSetIdentifierDeclarations: sets.map(({ set, arn }) => ({ Identifier: set.id, DataSetArn: arn })),
    Sheets: sets.map(({ set }) => ({
      SheetId: set.id,
      Name: set.title,
      ContentType: "INTERACTIVE",
      Visuals: visuals[set.id]?.(new Sheet(set)) ?? [],
    })),
  };
}
