import type * as pulumi from "@pulumi/pulumi";
import type { TableLoad } from "../serving/redshift-sql";

type States = Record<string, unknown>;

/** What a step is called where it fails: of a table's steps with the table. */
const called = (prefix: string, scope: string): string =>
  scope === "table" ? `'${prefix} of ' & $item.table & ': '` : `'${prefix}: '`;

export interface LoadTarget {
  readonly workgroupName: pulumi.Input<string>;
  readonly database: string;
  readonly secretArn: pulumi.Input<string>;
}

const retry = [
  {
    ErrorEquals: [
      "RedshiftData.ActiveStatementsExceededException",
      "RedshiftData.ActiveSessionsExceededException",
      "RedshiftData.InternalServerException",
      "RedshiftData.DatabaseConnectionException",
      "RedshiftData.ThrottlingException",
      "States.Timeout",
    ],
    IntervalSeconds: 10,
    MaxAttempts: 6,
    BackoffRate: 2,
    JitterStrategy: "FULL",
  },
];

/** A state machine's states that run one statement (or a batch, which is one transaction) and wait for its end. */
function statement(
  prefix: string,
  args: {
    readonly target: LoadTarget;
    /** JSONata or text: one statement, or several. */
    readonly sql: { readonly Sql: unknown } | { readonly Sqls: unknown };
    readonly next: string;
    /** Variables of an inner scope may not be called as those of an outer one. */
    readonly scope: string;
    readonly arn: (action: string) => pulumi.Input<string>;
  },
): States {
  const { target, sql, scope } = args;
  const [id, status, reason] = [`${scope}Statement`, `${scope}Status`, `${scope}Reason`];
  const caught = [
    {
      ErrorEquals: ["States.ALL"],
      Assign: { [reason]: `{% ${called(prefix, scope)} & $states.errorOutput.Cause %}` },
      Next: `${scope}Failed`,
    },
  ];
  return {
    [prefix]: {
      Type: "Task",
      Resource: args.arn("Sqls" in sql ? "batchExecuteStatement" : "executeStatement"),
      Arguments: {
        WorkgroupName: target.workgroupName,
        Database: target.database,
        SecretArn: target.secretArn,
        ...sql,
      },
      Assign: { [id]: "{% $states.result.Id %}" },
      Retry: retry,
      Catch: caught,
      Next: `${prefix}Waits`,
    },
    [`${prefix}Waits`]: { Type: "Wait", Seconds: 3, Next: `${prefix}Looks` },
    [`${prefix}Looks`]: {
      Type: "Task",
      Resource: args.arn("describeStatement"),
      Arguments: { Id: `{% $${id} %}` },
      Assign: {
        [status]: "{% $states.result.Status %}",
        [reason]: `{% ${called(prefix, scope)} & ($exists($states.result.Error) ? $states.result.Error : $states.result.Status) %}`,
      },
      Retry: retry,
      Catch: caught,
      Next: `${prefix}Ended`,
    },
    [`${prefix}Ended`]: {
      Type: "Choice",
      Choices: [
        { Condition: `{% $${status} = 'FINISHED' %}`, Next: args.next },
        { Condition: `{% $${status} in ['FAILED', 'ABORTED'] %}`, Next: `${scope}Failed` },
      ],
      Default: `${prefix}Waits`,
    },
  };
}

/** Reads a query's rows: of each the first member of its first columns, as text joined by commas. */
function rowsOf(
  prefix: string,
  scope: string,
  assign: Record<string, string>,
  next: string,
  arn: (action: string) => pulumi.Input<string>,
): States {
  return {
    [prefix]: {
      Type: "Task",
      Resource: arn("getStatementResult"),
      Arguments: { Id: `{% $${scope}Statement %}` },
      Assign: assign,
      Retry: retry,
      Catch: [
        {
          ErrorEquals: ["States.ALL"],
          Assign: { [`${scope}Reason`]: `{% ${called(prefix, scope)} & $states.errorOutput.Cause %}` },
          Next: `${scope}Failed`,
        },
      ],
      Next: next,
    },
  };
}

const failed = (scope: string): States => ({
  [`${scope}Failed`]: { Type: "Fail", Error: "RedshiftLoadFailed", Cause: `{% $${scope}Reason %}` },
});

/** The column of a result as a list; the member's name is the value's type, which does not matter here. */
const column = (index: number): string =>
  `[$map($states.result.Records, function($row) { $string($row[${index}].*) })]`;

/**
 * The load as a state machine's definition: schemas, then table after table, each until no partition of it is left that
 * changed. Each step may be done again, so an execution that failed is simply started again.
 */
export function loadDefinition(args: {
  readonly target: LoadTarget;
  readonly prepare: readonly string[];
  /** One statement each, outside of a transaction. */
  readonly external: readonly pulumi.Input<string>[];
  readonly tables: readonly TableLoad[];
  readonly arn: (action: string) => pulumi.Input<string>;
}): Record<string, unknown> {
  const { target, arn } = args;
  const common = { target, arn };
  const external = args.external.map((_, index) => `External${index + 1}`);
  const [outer, inner] = ["load", "table"];
  return {
    Comment: "Load what changed in the lake into Redshift",
    QueryLanguage: "JSONata",
    StartAt: "Prepare",
    States: {
      ...statement("Prepare", { ...common, scope: outer, sql: { Sqls: args.prepare }, next: external[0] ?? "Tables" }),
      ...Object.assign(
        {},
        ...args.external.map((sql, index) =>
          statement(external[index] ?? "", {
            ...common,
            scope: outer,
            sql: { Sql: sql },
            next: external[index + 1] ?? "Tables",
          }),
        ),
      ),
      Tables: {
        Type: "Map",
        Items: args.tables,
        // The loads table takes one writer at a time.
        MaxConcurrency: 1,
        ItemProcessor: {
          ProcessorConfig: { Mode: "INLINE" },
          StartAt: "Table",
          States: {
            Table: { Type: "Pass", Assign: { item: "{% $states.input %}" }, Next: "Create" },
            ...statement("Create", { ...common, scope: inner, sql: { Sql: "{% $item.create %}" }, next: "Columns" }),
            ...statement("Columns", {
              ...common,
              scope: inner,
              sql: { Sql: "{% $item.columns %}" },
              next: "ColumnRows",
            }),
            ...rowsOf("ColumnRows", inner, { ddl: `{% ${column(0)} %}` }, "AnyColumns", arn),
            AnyColumns: {
              Type: "Choice",
              Choices: [{ Condition: "{% $count($ddl) > 0 %}", Next: "AddColumns" }],
              Default: "Changed",
            },
            ...statement("AddColumns", { ...common, scope: inner, sql: { Sqls: "{% $ddl %}" }, next: "Changed" }),
            ...statement("Changed", {
              ...common,
              scope: inner,
              sql: { Sql: "{% $item.changed %}" },
              next: "ChangedRows",
            }),
            ...rowsOf(
              "ChangedRows",
              inner,
              {
                parts: `{% $join(${column(0)}, ', ') %}`,
                told: `{% $replace($join(${column(1)}, ', '), '<now>', $substringBefore($now(), '.')) %}`,
                left: "{% $states.result.TotalNumRows %}",
              },
              "AnyChanged",
              arn,
            ),
            AnyChanged: {
              Type: "Choice",
              Choices: [{ Condition: "{% $left > 0 %}", Next: "Load" }],
              Default: "Loaded",
            },
            ...statement("Load", {
              ...common,
              scope: inner,
              sql: {
                Sqls: "{% [$map($item.load, function($sql) { $replace($replace($sql, '<parts>', $parts), '<told>', $told) })] %}",
              },
              next: "Changed",
            }),
            Loaded: { Type: "Succeed", Output: "{% $item.table %}" },
            ...failed(inner),
          },
        },
        Next: "Done",
      },
      Done: { Type: "Succeed" },
      ...failed(outer),
    },
  };
}
