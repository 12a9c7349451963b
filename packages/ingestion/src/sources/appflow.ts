import * as appflowAws from "@pulumi/aws/appflow";
import * as scheduler from "@pulumi/aws/scheduler";
import type { Resource } from "@pulumi/pulumi";
import * as pulumi from "@pulumi/pulumi";
import { DeadLetterQueue, failureNotice, grantStatements, ServiceRole, tagsFor } from "@tributary/core";
import type { FieldType } from "../connector/definition";
import { fieldOf } from "../connector/definition";
import type { AppflowSource } from "./appflow-args";
import { makeConnector, makeProfile } from "./appflow-connection";
import { appflowFaults } from "./appflow-faults";
import { type AppflowPlan, type PlannedFlow, planAppflow, propertyKey } from "./appflow-plan";
import { filesOf } from "./file-args";
import type { LandingFolder, SourceContext, SourceFiles, SourceKind } from "./source";

export {
  type AppflowArgs,
  type AppflowConnection,
  type AppflowCredentials,
  type AppflowEntity,
  type AppflowSource,
  appflow,
  appflowDefaults,
  type NativeConnector,
  nativeConnectors,
} from "./appflow-args";

export const appflowKind: SourceKind<AppflowSource> = {
  kind: "appflow",
  maker: "appflow()",
  keys: ["connector", "connectorProfile", "entities", "schedule", "format", "apiVersion"],
  maps: true,
  faults: appflowFaults,
  files: (source) => filesOfPlan(planAppflow(source)),
  landingPolicy: (_, folder) => landingStatements(folder),
  make: (source, context) => makeAppflow(source, planAppflow(source), context),
};

/** How Athena reads each type in AppFlow's JSON lines. */
const glueTypes: Readonly<Partial<Record<FieldType, string>>> = {
  Integer: "int",
  Short: "smallint",
  Long: "bigint",
  Float: "double",
  Double: "double",
  Boolean: "boolean",
  List: "array<string>",
};

function filesOfPlan({ connector, flows, format }: AppflowPlan): SourceFiles[] {
  return flows.map(({ entity, fields, mapping }) => {
    const known = connector.kind === "own" ? connector.definition.entities[entity]?.fields : undefined;
    const columns = known
      ? Object.fromEntries(
          Object.entries(known).flatMap(([name, field]) =>
            fields && !fields.includes(name) ? [] : [[name, glueTypes[fieldOf(field).type] ?? "string"]],
          ),
        )
      : fields && Object.fromEntries(fields.map((name) => [name, "string"]));
    const files = filesOf(
      {
        format: format === "parquet" ? "parquet" : "json",
        ...(mapping ? { mapping } : {}),
        ...(columns ? { columns } : {}),
      },
      { folder: entity, table: entity, rows: mapping ? "events" : "kept" },
    );
    // AppFlow gives its files no ending.
    return { ...files, route: { ...files.route, anyName: true } };
  });
}

/** What AppFlow's guide asks of a destination's bucket policy, for this source's flows and folder only. */
function landingStatements({ objectsArn, bucketArn, name, id, place }: LandingFolder) {
  const { partition, region, accountId } = place;
  const principals = { Service: "appflow.amazonaws.com" };
  const conditions = {
    StringEquals: { "aws:SourceAccount": accountId },
    ArnLike: {
      "aws:SourceArn": pulumi.interpolate`arn:${partition}:appflow:${region}:${accountId}:flow/${name}-${id}-*`,
    },
  };
  return [
    {
      sid: `AppFlowWrites${pascal(id)}`,
      actions: ["s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts", "s3:PutObjectAcl"],
      principals,
      resources: [objectsArn],
      conditions,
    },
    {
      sid: `AppFlowLooks${pascal(id)}`,
      actions: ["s3:ListBucketMultipartUploads", "s3:GetBucketAcl"],
      principals,
      resources: [bucketArn],
      conditions,
    },
  ];
}

const pascal = (text: string) =>
  text.replace(/(?:^|[^A-Za-z0-9]+)([A-Za-z0-9]?)/g, (_, letter: string) => letter.toUpperCase());

function makeAppflow(source: AppflowSource, plan: AppflowPlan, context: SourceContext): Record<string, Resource> {
  const { name, id } = context;
  const landing = context.landing();
  const connection = makeConnector(`${name}-${id}`, plan, context);
  const profile = makeProfile(`${name}-${id}`, source, plan, connection?.connector, context);
  const flows = plan.flows.map((flow) => {
    const made = makeFlow(`${name}-${id}-${slug(flow.entity)}`, flow, plan, profile.name, context, [
      landing.bucket,
      ...(profile.resource ? [profile.resource] : []),
    ]);
    return [flow.entity, made] as const;
  });
  watch(
    `${name}-${id}-flows`,
    flows.map(([, flow]) => flow),
    context,
  );
  if (plan.schedule !== undefined) keepActive(`${name}-${id}`, flows, context);
  return {
    ...(connection ? { connector: connection.connector, connectorFunction: connection.fn.function } : {}),
    ...(profile.resource ? { connectorProfile: profile.resource } : {}),
    ...Object.fromEntries(flows.map(([entity, flow]) => [`flow.${entity}`, flow])),
  };
}

const slug = (text: string) => text.toLowerCase().replace(/[^a-z0-9]+/g, "-");

function makeFlow(
  name: string,
  flow: PlannedFlow,
  plan: AppflowPlan,
  profileName: pulumi.Input<string>,
  { foundation, module, id, landing, opts }: SourceContext,
  dependsOn: Resource[],
): appflowAws.Flow {
  const key = propertyKey(plan.connector);
  const object =
    key === "customConnector"
      ? { entityName: flow.entity }
      : key === "sapoData"
        ? { objectPath: flow.entity }
        : { object: flow.entity };
  return new appflowAws.Flow(
    name,
    {
      description: `Pulls ${flow.entity} of source ${id}.`,
      kmsArn: foundation.keyArn,
      sourceFlowConfig: {
        connectorType: plan.connector.kind === "native" ? plan.connector.type : "CustomConnector",
        connectorProfileName: profileName,
        ...(plan.apiVersion === undefined ? {} : { apiVersion: plan.apiVersion }),
        sourceConnectorProperties: { [key]: object },
        ...(flow.incremental === undefined
          ? {}
          : { incrementalPullConfig: { datetimeTypeFieldName: flow.incremental } }),
      },
      destinationFlowConfigs: [
        {
          connectorType: "S3",
          destinationConnectorProperties: {
            s3: {
              bucketName: landing().bucket.name,
              bucketPrefix: `${landing().folder(id)}${flow.entity}`,
              s3OutputFormatConfig: {
                fileType: plan.format === "parquet" ? "PARQUET" : "JSON",
                ...(plan.format === "parquet" ? { preserveSourceDataTyping: true } : {}),
                aggregationConfig: { aggregationType: "None" },
                // A folder for each run: no run writes into another's.
                prefixConfig: { prefixHierarchies: ["EXECUTION_ID"] },
              },
            },
          },
        },
      ],
      tasks: tasksOf(key, flow.fields),
      triggerConfig:
        plan.schedule === undefined
          ? { triggerType: "OnDemand" }
          : {
              triggerType: "Scheduled",
              triggerProperties: {
                scheduled: {
                  scheduleExpression: plan.schedule,
                  dataPullMode: flow.incremental === undefined ? "Complete" : "Incremental",
                },
              },
            },
      tags: tagsFor(foundation, module, "personal"),
    },
    pulumi.mergeOptions(opts, { dependsOn }),
  );
}

/** All fields as they are; or the wanted ones, each as it is. */
function tasksOf(key: string, fields: readonly string[] | undefined) {
  if (!fields) {
    return [
      {
        taskType: "Map_all",
        sourceFields: [],
        connectorOperators: [{ [key]: "NO_OP" }],
        taskProperties: { EXCLUDE_SOURCE_FIELDS_LIST: "[]" },
      },
    ];
  }
  return [
    { taskType: "Filter", sourceFields: [...fields], connectorOperators: [{ [key]: "PROJECTION" }] },
    ...fields.map((field) => ({
      taskType: "Map",
      sourceFields: [field],
      destinationField: field,
      connectorOperators: [{ [key]: "NO_OP" }],
    })),
  ];
}

/** Tells the foundation's topic of each run that did not succeed, and of each flow that AppFlow gave up. */
function watch(name: string, flows: readonly appflowAws.Flow[], { foundation, module, opts }: SourceContext): void {
  const notice = (ending: string, description: string, detailType: string, detail: object) => {
    const flowNames = flows.map((flow) => flow.name);
    const pattern = pulumi.jsonStringify({
      source: ["aws.appflow"],
      "detail-type": [detailType],
      detail: { "flow-name": flowNames, ...detail },
    });
    failureNotice(`${name}-${ending}`, { foundation, module, description, pattern }, opts);
  };
  notice(
    "failed",
    "A run of an AppFlow flow did not succeed. Its execution records have the reason: aws appflow describe-flow-execution-records.",
    "AppFlow End Flow Run Report",
    { status: [{ "anything-but": ["Execution Successful"] }] },
  );
  notice(
    "deactivated",
    "AppFlow gave a flow up after runs that failed. Mend the cause, then: aws appflow start-flow.",
    "AppFlow Scheduled Flow Deactivated",
    {},
  );
}

/**
 * AppFlow makes scheduled flows as drafts, and neither the provider nor an update activates one: a schedule of ours asks
 * for it, at once and every day, so that a flow that AppFlow gave up is tried again too.
 */
function keepActive(
  name: string,
  flows: readonly (readonly [string, appflowAws.Flow])[],
  { foundation, opts }: SourceContext,
): void {
  const failures = new DeadLetterQueue(
    `${name}-activation`,
    { foundation, of: `the activation of ${name}'s flows` },
    opts,
  );
  const role = new ServiceRole(`${name}-activation`, { foundation, service: "scheduler.amazonaws.com" }, opts);
  grantStatements(role, "start-flows", [
    { actions: ["appflow:StartFlow"], resources: flows.map(([, flow]) => flow.arn) },
  ]);
  failures.grantSend(role);
  for (const [entity, flow] of flows) {
    new scheduler.Schedule(
      `${name}-${slug(entity)}-active`,
      {
        description: `Keeps the flow of ${entity} active.`,
        scheduleExpression: "rate(1 day)",
        flexibleTimeWindow: { mode: "OFF" },
        kmsKeyArn: foundation.keyArn,
        target: {
          arn: "arn:aws:scheduler:::aws-sdk:appflow:startFlow",
          roleArn: role.arn,
          input: pulumi.jsonStringify({ FlowName: flow.name }),
          deadLetterConfig: { arn: failures.arn },
          retryPolicy: { maximumRetryAttempts: 3, maximumEventAgeInSeconds: 3_600 },
        },
      },
      pulumi.mergeOptions(opts, { dependsOn: [role] }),
    );
  }
}
