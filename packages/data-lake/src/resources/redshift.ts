import * as dynamodb from "@pulumi/aws/dynamodb";
import * as ec2 from "@pulumi/aws/ec2";
import * as redshift from "@pulumi/aws/redshift";
import * as redshiftserverless from "@pulumi/aws/redshiftserverless";
import type * as sfn from "@pulumi/aws/sfn";
import * as pulumi from "@pulumi/pulumi";
import {
  alarm,
  type FoundationRef,
  grantStatements,
  type NetworkRef,
  type OnDelete,
  policyDocument,
  ServiceRole,
  standardStateMachine,
} from "@tributary/core";
import { type LakeTable, tableName } from "@tributary/model";
import type { ResolvedRedshift, ZeroEtlArgs } from "../serving/redshift-args";
import { externalSchemaSql, prepareSql, tableLoad } from "../serving/redshift-sql";
import { type ReadContext, tableReadStatements } from "./reader";
import { loadDefinition } from "./redshift-load";

/** Redshift Serverless over the lake. */
export interface RedshiftServing {
  readonly namespace: redshiftserverless.Namespace;
  readonly workgroup: redshiftserverless.Workgroup;
  readonly load: sfn.StateMachine;
}

/**
 * A namespace and a workgroup in the foundation's network, an external schema over each zone that is loaded, the modelled
 * tables, and the state machine that loads what changed.
 */
export function makeRedshift(
  name: string,
  args: {
    readonly foundation: FoundationRef;
    readonly network: NetworkRef;
    readonly module: string;
    readonly redshift: ResolvedRedshift;
    readonly tables: readonly LakeTable[];
    readonly reading: ReadContext;
    readonly onDelete: OnDelete;
    readonly tags: Record<string, string>;
    /** The lake's catalog tables: there before they are loaded. */
    readonly dependsOn: readonly pulumi.Resource[];
  },
  opts: pulumi.CustomResourceOptions,
): RedshiftServing {
  const { foundation, network, tags, reading } = args;
  const given = args.redshift;
  const fullName = `${name}-redshift`;
  const physical = `${fullName}-${pulumi.getStack()}`
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, "-")
    .slice(0, 63);
  const role = new ServiceRole(fullName, { service: "redshift.amazonaws.com", foundation }, opts);
  const rights = grantStatements(role, "read-lake", tableReadStatements(given.tables, reading));
  const group = new ec2.SecurityGroup(
    fullName,
    {
      description: "Redshift of the customer data platform: SQL from the platform's functions, HTTPS out",
      vpcId: network.vpcId,
      ingress: [
        {
          description: "SQL from the platform's functions",
          protocol: "tcp",
          fromPort: 5439,
          toPort: 5439,
          securityGroups: network.securityGroupIds,
        },
      ],
      egress: [{ description: "AWS by HTTPS", protocol: "tcp", fromPort: 443, toPort: 443, cidrBlocks: ["0.0.0.0/0"] }],
      tags,
    },
    opts,
  );
  const namespace = new redshiftserverless.Namespace(
    fullName,
    {
      namespaceName: physical,
      dbName: given.database,
      adminUsername: "tributary_admin",
      manageAdminPassword: true,
      adminPasswordSecretKmsKeyId: foundation.keyArn,
      kmsKeyId: foundation.keyArn,
      iamRoles: [role.arn],
      defaultIamRoleArn: role.arn,
      logExports: ["connectionlog", "userlog", "useractivitylog"],
      tags,
    },
    // People keep tables of their own beside those that can be loaded again.
    { ...opts, dependsOn: [rights], protect: args.onDelete === "retain", retainOnDelete: args.onDelete === "retain" },
  );
  const workgroup = new redshiftserverless.Workgroup(
    fullName,
    {
      workgroupName: physical,
      namespaceName: namespace.namespaceName,
      baseCapacity: given.baseCapacity,
      maxCapacity: given.maxCapacity,
      publiclyAccessible: false,
      enhancedVpcRouting: true,
      subnetIds: given.subnetIds ?? network.subnetIds,
      securityGroupIds: [group.id],
      configParameters: [
        { parameterKey: "require_ssl", parameterValue: "true" },
        { parameterKey: "enable_user_activity_logging", parameterValue: "true" },
        { parameterKey: "max_query_execution_time", parameterValue: "14400" },
        // Zero-ETL keeps DynamoDB's names as they are written.
        ...(given.zeroEtl.length === 0
          ? []
          : [{ parameterKey: "enable_case_sensitive_identifier", parameterValue: "true" }]),
      ],
      tags,
    },
    opts,
  );
  new redshiftserverless.UsageLimit(
    fullName,
    {
      resourceArn: workgroup.arn,
      usageType: "serverless-compute",
      period: "daily",
      amount: given.rpuHoursPerDay,
      breachAction: given.onLimit,
    },
    opts,
  );
  alarm(
    `${fullName}-usage`,
    {
      foundation,
      module: args.module,
      description: `${fullName}: most of the day's ${given.rpuHoursPerDay} RPU-hours are used; at all of them: ${given.onLimit}.`,
      namespace: "AWS/Redshift-Serverless",
      metric: "ComputeSeconds",
      dimensions: { Workgroup: workgroup.workgroupName },
      statistic: "Sum",
      above: Math.round(given.rpuHoursPerDay * 3600 * 0.8),
      periodSeconds: 86_400,
    },
    opts,
  );
  zeroEtl(fullName, given.zeroEtl, { reading, namespaceArn: namespace.arn, tags }, opts);
  const load = makeLoad(fullName, { ...args, namespace, workgroup, roleArn: role.arn }, opts);
  return { namespace, workgroup, load };
}

function makeLoad(
  fullName: string,
  args: Parameters<typeof makeRedshift>[1] & {
    readonly namespace: redshiftserverless.Namespace;
    readonly workgroup: redshiftserverless.Workgroup;
    readonly roleArn: pulumi.Output<string>;
  },
  opts: pulumi.CustomResourceOptions,
): sfn.StateMachine {
  const { foundation, namespace, workgroup, reading, redshift: given } = args;
  const { partition } = reading.place;
  const secretArn = namespace.adminPasswordSecretArn;
  const loaded = args.tables.filter((table) => given.tables.includes(tableName(table)));
  const zones = [...new Set(loaded.map(({ zone }) => zone))];
  const definition = loadDefinition({
    target: { workgroupName: workgroup.workgroupName, database: given.database, secretArn },
    prepare: prepareSql(zones),
    external: zones.map((zone) => args.roleArn.apply((arn) => externalSchemaSql(zone, reading.databases[zone], arn))),
    tables: loaded.map(tableLoad),
    arn: (action) => pulumi.interpolate`arn:${partition}:states:::aws-sdk:redshiftdata:${action}`,
  });
  return standardStateMachine(
    `${fullName}-load`,
    {
      foundation,
      module: args.module,
      tags: args.tags,
      definition: pulumi.jsonStringify(definition),
      statements: [
        {
          sid: "Load",
          actions: ["redshift-data:ExecuteStatement", "redshift-data:BatchExecuteStatement"],
          resources: [workgroup.arn],
        },
        {
          sid: "OwnStatements",
          actions: ["redshift-data:DescribeStatement", "redshift-data:GetStatementResult"],
          resources: ["*"],
        },
        { sid: "AdminPassword", actions: ["secretsmanager:GetSecretValue"], resources: [secretArn] },
        { sid: "Key", actions: ["kms:Decrypt", "kms:GenerateDataKey"], resources: [foundation.keyArn] },
      ],
      failure: "Redshift has the tables of its last good load; start the load again once the cause is mended.",
      dependsOn: args.dependsOn,
    },
    opts,
  );
}

/** Copies DynamoDB tables into Redshift as they change, with the resource policies that AWS asks of the table. */
function zeroEtl(
  fullName: string,
  tables: readonly (readonly [string, ZeroEtlArgs])[],
  args: {
    readonly reading: ReadContext;
    readonly namespaceArn: pulumi.Output<string>;
    readonly tags: Record<string, string>;
  },
  opts: pulumi.CustomResourceOptions,
): void {
  const { place } = args.reading;
  const integrations = pulumi.interpolate`arn:${place.partition}:redshift:${place.region}:${place.accountId}:integration:*`;
  if (tables.length === 0) return;
  const target = new redshift.ResourcePolicy(
    `${fullName}-zero-etl`,
    {
      resourceArn: args.namespaceArn,
      policy: policyDocument([
        {
          sid: "AuthorizeTheService",
          actions: ["redshift:AuthorizeInboundIntegration"],
          principals: { Service: "redshift.amazonaws.com" },
          conditions: {
            StringEquals: { "aws:SourceArn": tables.map(([, { table }]) => table.arn) },
          },
        },
        {
          sid: "CreateIntegrations",
          actions: ["redshift:CreateInboundIntegration"],
          principals: { AWS: pulumi.interpolate`arn:${place.partition}:iam::${place.accountId}:root` },
        },
      ]),
    },
    opts,
  );
  for (const [label, { table, policy = "create" }] of tables) {
    const source =
      policy === "existing"
        ? []
        : [
            new dynamodb.ResourcePolicy(
              `${fullName}-${label}`,
              {
                resourceArn: table.arn,
                policy: policyDocument([
                  {
                    sid: "RedshiftReads",
                    actions: ["dynamodb:ExportTableToPointInTime", "dynamodb:DescribeTable", "dynamodb:DescribeExport"],
                    principals: { Service: "redshift.amazonaws.com" },
                    resources: [table.arn, pulumi.interpolate`${table.arn}/export/*`],
                    conditions: {
                      StringEquals: { "aws:SourceAccount": place.accountId },
                      ArnEquals: { "aws:SourceArn": integrations },
                    },
                  },
                ]),
              },
              opts,
            ),
          ];
    new redshift.Integration(
      `${fullName}-${label}`,
      {
        integrationName: `${fullName}-${label}`.slice(0, 63),
        description: `${label}, as it changes`,
        sourceArn: table.arn,
        targetArn: args.namespaceArn,
        kmsKeyId: args.reading.keyArn,
        tags: args.tags,
      },
      { ...opts, dependsOn: [...source, target] },
    );
  }
}
