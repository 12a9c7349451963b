import * as cloudcontrol from "@pulumi/aws/cloudcontrol";
import * as quicksight from "@pulumi/aws/quicksight";
import type * as sfn from "@pulumi/aws/sfn";
import * as pulumi from "@pulumi/pulumi";
import { type FoundationRef, grantStatements, ServiceRole, standardStateMachine } from "@tributary/core";
import type { QuickSightArgs } from "../serving/quicksight-args";
import { type DashboardDataSet, dashboardDataSets, dashboardDefinition } from "../serving/quicksight-definition";
import { queryStatements, type ReadContext, tableReadStatements } from "./reader";
import { bindDatabases } from "./scripts";

/** What owners may do; QuickSight takes these sets only as a whole. */
const rights = {
  dataSource:
    "DescribeDataSource DescribeDataSourcePermissions PassDataSource UpdateDataSource DeleteDataSource UpdateDataSourcePermissions",
  dataSet:
    "DescribeDataSet DescribeDataSetPermissions PassDataSet DescribeIngestion ListIngestions UpdateDataSet DeleteDataSet CreateIngestion CancelIngestion UpdateDataSetPermissions",
  analysis:
    "RestoreAnalysis UpdateAnalysisPermissions DeleteAnalysis DescribeAnalysisPermissions QueryAnalysis DescribeAnalysis UpdateAnalysis",
  dashboard:
    "DescribeDashboard ListDashboardVersions UpdateDashboardPermissions QueryDashboard UpdateDashboard DeleteDashboard DescribeDashboardPermissions UpdateDashboardPublishedVersion",
};

/** The dashboard and what is below it. */
export interface QuickSightServing {
  readonly dashboard: pulumi.Resource;
  /** Only where rows are copied. */
  readonly refresh: sfn.StateMachine | undefined;
}

/** A data source over the workgroup, data sets, an analysis and a dashboard, and what refreshes them. */
export function makeQuickSight(
  name: string,
  args: {
    readonly foundation: FoundationRef;
    readonly module: string;
    readonly quicksight: QuickSightArgs;
    readonly tables: ReadonlySet<string>;
    readonly reading: ReadContext;
    readonly workgroupName: pulumi.Input<string>;
    readonly tags: Record<string, string>;
    readonly dependsOn: readonly pulumi.Resource[];
  },
  opts: pulumi.CustomResourceOptions,
): QuickSightServing {
  const { foundation, reading, tags, tables } = args;
  const { place } = reading;
  const spice = (args.quicksight.import ?? "spice") === "spice";
  const fullName = `${name}-quicksight`;
  const id = (what: string): string => `${name}-${pulumi.getStack()}-${what}`.toLowerCase();
  const allow = (actions: string) =>
    args.quicksight.principalArns.map((principal) => ({
      principal,
      actions: actions.split(" ").map((action) => `quicksight:${action}`),
    }));
  const shown = dashboardDataSets(tables);
  const role = new ServiceRole(fullName, { service: "quicksight.amazonaws.com", foundation }, opts);
  const granted = grantStatements(role, "query", [
    ...tableReadStatements([...new Set(shown.flatMap(({ reads }) => reads))], reading),
    ...queryStatements(reading),
  ]);
  const source = new quicksight.DataSource(
    fullName,
    {
      dataSourceId: id("lake"),
      name: `${name}: the lake`,
      type: "ATHENA",
      parameters: { athena: { workGroup: args.workgroupName, roleArn: role.arn } },
      permissions: allow(rights.dataSource),
      sslProperties: { disableSsl: false },
      tags,
    },
    pulumi.mergeOptions(opts, { dependsOn: [granted, ...args.dependsOn] }),
  );
  const sets = shown.map((set) => {
    const made = new quicksight.DataSet(
      `${fullName}-${set.id}`,
      {
        dataSetId: id(set.id),
        name: `${name}: ${set.title}`,
        importMode: spice ? "SPICE" : "DIRECT_QUERY",
        physicalTableMaps: [
          {
            physicalTableMapId: set.id,
            customSql: {
              dataSourceArn: source.arn,
              name: set.id,
              sqlQuery: bindDatabases(set.sql, reading.databases, reading.plan.readable),
              columns: Object.entries(set.columns).map(([column, type]) => ({ name: column, type })),
            },
          },
        ],
        permissions: allow(rights.dataSet),
        tags,
      },
      opts,
    );
    return { set, arn: made.arn, id: id(set.id) };
  });
  const definition = dashboardDefinition(sets);
  const upper = (actions: string) =>
    allow(actions).map((each) => ({ Principal: each.principal, Actions: each.actions }));
  const labels = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
  // `@pulumi/aws` has both classes without their definitions, which are all of them here.
  new cloudcontrol.Resource(
    `${fullName}-analysis`,
    {
      typeName: "AWS::QuickSight::Analysis",
      desiredState: pulumi.jsonStringify({
        AwsAccountId: place.accountId,
        AnalysisId: id("analysis"),
        Name: `${name}: customers and how they are known`,
        Definition: definition,
        Permissions: upper(rights.analysis),
        Tags: labels,
      }),
    },
    opts,
  );
  const dashboard = new cloudcontrol.Resource(
    `${fullName}-dashboard`,
    {
      typeName: "AWS::QuickSight::Dashboard",
      desiredState: pulumi.jsonStringify({
        AwsAccountId: place.accountId,
        DashboardId: id("dashboard"),
        Name: `${name}: customers and how they are known`,
        Definition: definition,
        Permissions: upper(rights.dashboard),
        Tags: labels,
      }),
    },
    opts,
  );
  return { dashboard, refresh: spice ? makeRefresh(fullName, { ...args, sets }, opts) : undefined };
}

const passes = [
  {
    ErrorEquals: [
      "QuickSight.ThrottlingException",
      "QuickSight.InternalFailureException",
      "QuickSight.LimitExceededException",
      "States.Timeout",
    ],
    IntervalSeconds: 15,
    MaxAttempts: 5,
    BackoffRate: 2,
    JitterStrategy: "FULL",
  },
];

/** Copies each data set anew, side by side, and waits for its end. */
function makeRefresh(
  fullName: string,
  args: {
    readonly foundation: FoundationRef;
    readonly module: string;
    readonly reading: ReadContext;
    readonly sets: readonly { readonly set: DashboardDataSet; readonly id: string }[];
    readonly tags: Record<string, string>;
  },
  opts: pulumi.CustomResourceOptions,
): sfn.StateMachine {
  const { foundation, reading, sets } = args;
  const { place } = reading;
  const task = (action: string, ingestionId: string) => ({
    Type: "Task",
    Resource: pulumi.interpolate`arn:${place.partition}:states:::aws-sdk:quicksight:${action}`,
    Arguments: { AwsAccountId: place.accountId, DataSetId: "{% $set %}", IngestionId: ingestionId },
    Retry: passes,
    Catch: [
      {
        ErrorEquals: ["States.ALL"],
        Assign: { reason: "{% $set & ': ' & $states.errorOutput.Cause %}" },
        Next: "Failed",
      },
    ],
  });
  const definition = {
    Comment: "Copy what the dashboard shows",
    QueryLanguage: "JSONata",
    StartAt: "DataSets",
    States: {
      DataSets: {
        Type: "Map",
        Items: sets.map(({ id }) => id),
        ItemProcessor: {
          ProcessorConfig: { Mode: "INLINE" },
          StartAt: "DataSet",
          States: {
            DataSet: {
              Type: "Pass",
              Assign: { set: "{% $states.input %}", ingestion: "{% $uuid() %}" },
              Next: "Refresh",
            },
            Refresh: { ...task("createIngestion", "{% $ingestion %}"), Next: "Waits" },
            Waits: { Type: "Wait", Seconds: 10, Next: "Looks" },
            Looks: {
              ...task("describeIngestion", "{% $ingestion %}"),
              Assign: {
                status: "{% $states.result.Ingestion.IngestionStatus %}",
                reason:
                  "{% $set & ': ' & ($exists($states.result.Ingestion.ErrorInfo.Message) ? $states.result.Ingestion.ErrorInfo.Message : $states.result.Ingestion.IngestionStatus) %}",
              },
              Next: "Ended",
            },
            Ended: {
              Type: "Choice",
              Choices: [
                { Condition: "{% $status = 'COMPLETED' %}", Next: "Refreshed" },
                { Condition: "{% $status in ['FAILED', 'CANCELLED'] %}", Next: "Failed" },
              ],
              Default: "Waits",
            },
            Refreshed: { Type: "Succeed", Output: "{% $set %}" },
            Failed: { Type: "Fail", Error: "RefreshFailed", Cause: "{% $reason %}" },
          },
        },
        Next: "Done",
      },
      Done: { Type: "Succeed" },
    },
  };
  return standardStateMachine(
    `${fullName}-refresh`,
    {
      foundation,
      module: args.module,
      tags: args.tags,
      definition: pulumi.jsonStringify(definition),
      statements: [
        {
          sid: "Refresh",
          actions: ["quicksight:CreateIngestion", "quicksight:DescribeIngestion"],
          resources: sets.map(
            ({ id }) =>
              pulumi.interpolate`arn:${place.partition}:quicksight:${place.region}:${place.accountId}:dataset/${id}/ingestion/*`,
          ),
        },
        { sid: "Key", actions: ["kms:Decrypt", "kms:GenerateDataKey"], resources: [foundation.keyArn] },
      ],
      failure: "the dashboard shows the rows of its last good refresh.",
    },
    opts,
  );
}
