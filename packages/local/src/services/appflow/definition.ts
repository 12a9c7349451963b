import { z } from "zod";
import { AwsError, NotSupportedLocally } from "../../kernel";

const operators = z.array(z.record(z.string(), z.string())).nullish();
const task = z.object({
  taskType: z.string(),
  sourceFields: z.array(z.string()).nullish(),
  destinationField: z.string().nullish(),
  connectorOperators: operators,
  taskProperties: z.record(z.string(), z.string()).nullish(),
});
export type Task = z.output<typeof task>;

const s3 = z.object({
  bucketName: z.string(),
  bucketPrefix: z.string().nullish(),
  s3OutputFormatConfig: z
    .object({
      fileType: z.enum(["CSV", "JSON", "PARQUET"]).nullish(),
      prefixConfig: z
        .object({
          prefixType: z.string().nullish(),
          prefixFormat: z.string().nullish(),
          prefixHierarchies: z.array(z.string()).nullish(),
        })
        .nullish(),
    })
    .nullish(),
});

const flow = z.object({
  sourceFlowConfig: z.object({
    connectorType: z.string(),
    connectorProfileName: z.string().nullish(),
    apiVersion: z.string().nullish(),
    incrementalPullConfig: z.object({ datetimeTypeFieldName: z.string().nullish() }).nullish(),
    sourceConnectorProperties: z.looseObject({ customConnector: z.object({ entityName: z.string() }).nullish() }),
  }),
  destinationFlowConfigs: z
    .array(z.object({ connectorType: z.string(), destinationConnectorProperties: z.looseObject({ s3: s3.nullish() }) }))
    .min(1),
  tasks: z.array(task).min(1),
  triggerConfig: z.object({
    triggerType: z.enum(["OnDemand", "Scheduled", "Event"]),
    triggerProperties: z
      .object({
        scheduled: z
          .object({
            scheduleExpression: z.string(),
            dataPullMode: z.enum(["Incremental", "Complete"]).nullish(),
            firstExecutionFrom: z.string().nullish(),
            timezone: z.string().nullish(),
          })
          .nullish(),
      })
      .nullish(),
  }),
});

/** A flow's definition, in the provider's names. */
export type FlowDefinition = z.output<typeof flow>;

export function readFlow(inputs: unknown, what: string): FlowDefinition {
  const result = flow.safeParse(inputs);
  if (result.success) return result.data;
  const faults = result.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`);
  throw new AwsError("ValidationException", `${what}: ${faults.join("; ")}`);
}

/** Why a flow cannot run in this process; undefined where it can. */
export function unsupported({ sourceFlowConfig, destinationFlowConfigs, tasks }: FlowDefinition): string | undefined {
  const { connectorType } = sourceFlowConfig;
  if (connectorType !== "CustomConnector") return `a flow from ${connectorType}`;
  const foreign = destinationFlowConfigs.find(({ destinationConnectorProperties: { s3: target } }) => !target);
  if (foreign) return `a flow to ${foreign.connectorType}`;
  for (const { destinationConnectorProperties } of destinationFlowConfigs) {
    const { fileType, prefixConfig } = destinationConnectorProperties.s3?.s3OutputFormatConfig ?? {};
    if (fileType === "CSV") return "a flow that writes CSV";
    if (prefixConfig?.prefixType) return "a flow whose prefix has dates (prefixType)";
  }
  const unknown = tasks.find((each) => !["Map_all", "Map", "Filter"].includes(each.taskType));
  return unknown ? `a flow with a task ${unknown.taskType}` : undefined;
}

const operatorOf = ({ connectorOperators }: Task) =>
  connectorOperators?.map((each) => each.customConnector).find(Boolean);
const signs: Readonly<Record<string, string>> = {
  EQUAL_TO: "=",
  NOT_EQUAL_TO: "!=",
  GREATER_THAN: ">",
  GREATER_THAN_OR_EQUAL_TO: ">=",
  LESS_THAN: "<",
  LESS_THAN_OR_EQUAL_TO: "<=",
  CONTAINS: "contains",
};

/** Fields that a flow asks for; all of the entity's where it maps them all. */
export function selectedFields({ tasks }: FlowDefinition, all: readonly string[]): readonly string[] {
  const projection = tasks.find((each) => each.taskType === "Filter" && operatorOf(each) === "PROJECTION");
  if (projection?.sourceFields?.length) return projection.sourceFields;
  if (tasks.some(({ taskType }) => taskType === "Map_all")) return all;
  return tasks.flatMap(({ taskType, sourceFields }) => (taskType === "Map" ? (sourceFields ?? []) : []));
}

/** The flow's filters as AppFlow writes them for a connector. */
export function filterOf({ tasks }: FlowDefinition): string | undefined {
  const conditions = tasks.flatMap((each) => {
    const operator = operatorOf(each) ?? "";
    if (each.taskType !== "Filter" || operator === "PROJECTION") return [];
    const [field = ""] = each.sourceFields ?? [];
    const { DATA_TYPE = "String", VALUE, VALUES, LOWER_BOUND, UPPER_BOUND } = each.taskProperties ?? {};
    const quoted = (value: string) => (/^string$/i.test(DATA_TYPE) ? `'${value.replace(/['\\]/g, "\\$&")}'` : value);
    if (operator === "BETWEEN")
      return [`${field} between ${quoted(LOWER_BOUND ?? "")} and ${quoted(UPPER_BOUND ?? "")}`];
    const sign = signs[operator];
    if (!sign) throw new NotSupportedLocally(`a filter by ${operator}`);
    return [`${field} ${sign} ${quoted(VALUE ?? VALUES ?? "")}`];
  });
  return conditions.length === 0 ? undefined : conditions.join(" and ");
}

/** A record under the names that the flow's mappings give its fields. */
export function mapped({ tasks }: FlowDefinition, text: string): string {
  const maps = tasks.filter(({ taskType }) => taskType === "Map");
  if (maps.length === 0) return text;
  const record = JSON.parse(text) as Record<string, unknown>;
  const entries = maps.flatMap(({ sourceFields, destinationField }) => {
    const [source = ""] = sourceFields ?? [];
    return record[source] === undefined ? [] : [[destinationField ?? source, record[source]] as const];
  });
  return JSON.stringify(Object.fromEntries(entries));
}
