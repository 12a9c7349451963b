import { z } from "zod";
import { arn, type Kernel, type Realiser, type Resource } from "../../kernel";
import { defineService, operation, physicalName, tagOutputs } from "../support";

/** Resources that are names and ARNs here: log groups hold no logs (see the `logs` folder), alarms are not evaluated. */
function named(
  type: string,
  service: string,
  prefix: string,
  arnName: string,
  computed: Record<string, unknown> = {},
): Realiser {
  return {
    type,
    replaceOn: ["name", "namePrefix", "dashboardName", "alarmName"],
    compute(resource, kernel, previous) {
      const given = resource.inputs.dashboardName ?? resource.inputs.alarmName;
      const name = typeof given === "string" ? given : physicalName(resource, previous, 255);
      const resourceArn = arn(kernel.place, service, `${prefix}${name}`);
      const shown = { name, [arnName]: resourceArn, region: kernel.place.region };
      return { id: name, outputs: { ...computed, ...shown, ...tagOutputs(resource.inputs) } };
    },
  };
}

const realisers: Realiser[] = [
  named("aws:cloudwatch/logGroup:LogGroup", "logs", "log-group:", "arn", { logGroupClass: "STANDARD" }),
  named("aws:cloudwatch/metricAlarm:MetricAlarm", "cloudwatch", "alarm:", "arn", {
    evaluateLowSampleCountPercentiles: "",
  }),
  named("aws:cloudwatch/compositeAlarm:CompositeAlarm", "cloudwatch", "alarm:", "arn"),
  named("aws:cloudwatch/dashboard:Dashboard", "cloudwatch", "dashboard/", "dashboardArn"),
];

const dimensions = z.array(z.object({ Name: z.string(), Value: z.string() })).optional();
const metricDatum = z.strictObject({
  MetricName: z.string().min(1),
  Dimensions: dimensions,
  Value: z.number().optional(),
  Values: z.array(z.number()).optional(),
  Counts: z.array(z.number()).optional(),
  Timestamp: z.date().optional(),
  Unit: z.string().optional(),
  StorageResolution: z.number().optional(),
});

function ofType(kernel: Kernel, type: string): Resource[] {
  return [...kernel.resources.values()].filter((resource) => resource.type === type);
}

function installMetrics(kernel: Kernel): void {
  const service = defineService("cloudwatch", {
    PutMetricData: operation(
      z.strictObject({ Namespace: z.string().min(1), MetricData: z.array(metricDatum).max(1000) }),
      ({ Namespace }) => [
        { action: "cloudwatch:PutMetricData", resource: "*", context: { "cloudwatch:namespace": Namespace } },
      ],
      ({ Namespace, MetricData }) => {
        for (const { MetricName, Dimensions = [], Value, Values, Counts, Timestamp } of MetricData) {
          const values = Values ?? (Value === undefined ? [] : [Value]);
          values.forEach((value, index) => {
            for (let count = Counts?.[index] ?? 1; count > 0; count -= 1) {
              kernel.metrics.put({
                namespace: Namespace,
                name: MetricName,
                dimensions: Object.fromEntries(Dimensions.map((entry) => [entry.Name, entry.Value])),
                value,
                at: Timestamp?.getTime() ?? kernel.now(),
              });
            }
          });
        }
        return {};
      },
    ),
    ListMetrics: operation(
      z.strictObject({ Namespace: z.string().optional(), MetricName: z.string().optional(), Dimensions: dimensions }),
      () => [{ action: "cloudwatch:ListMetrics", resource: "*" }],
      ({ Namespace, MetricName, Dimensions = [] }) => ({
        Metrics: kernel.metrics
          .list()
          .filter((metric) => Namespace === undefined || metric.namespace === Namespace)
          .filter((metric) => MetricName === undefined || metric.name === MetricName)
          .filter((metric) => Dimensions.every(({ Name, Value }) => metric.dimensions[Name] === Value))
          .map((metric) => ({
            Namespace: metric.namespace,
            MetricName: metric.name,
            Dimensions: Object.entries(metric.dimensions).map(([Name, Value]) => ({ Name, Value })),
          })),
      }),
    ),
    DescribeAlarms: operation(
      z.strictObject({ AlarmNames: z.array(z.string()).optional(), MaxRecords: z.number().optional() }),
      () => [{ action: "cloudwatch:DescribeAlarms", resource: "*" }],
      ({ AlarmNames }) => ({
        MetricAlarms: ofType(kernel, "aws:cloudwatch/metricAlarm:MetricAlarm")
          .filter(({ outputs }) => AlarmNames?.includes(String(outputs.name)) ?? true)
          .map(({ inputs, outputs }) => ({
            AlarmName: outputs.name,
            AlarmArn: outputs.arn,
            AlarmDescription: inputs.alarmDescription,
            MetricName: inputs.metricName,
            Namespace: inputs.namespace,
            Threshold: inputs.threshold,
            ComparisonOperator: inputs.comparisonOperator,
            StateValue: "INSUFFICIENT_DATA",
            StateReason: "Alarms are not evaluated by the embedded runtime.",
          })),
      }),
    ),
  });
  kernel.register(service);
}

function installLogs(kernel: Kernel): void {
  const service = defineService("cloudwatch-logs", {
    DescribeLogGroups: operation(
      z.strictObject({ logGroupNamePrefix: z.string().optional(), limit: z.number().optional() }),
      () => [{ action: "logs:DescribeLogGroups", resource: "*" }],
      ({ logGroupNamePrefix = "", limit }) => ({
        logGroups: ofType(kernel, "aws:cloudwatch/logGroup:LogGroup")
          .filter(({ outputs }) => String(outputs.name).startsWith(logGroupNamePrefix))
          .slice(0, limit)
          .map(({ inputs, outputs }) => ({
            logGroupName: outputs.name,
            arn: `${String(outputs.arn)}:*`,
            ...(inputs.retentionInDays !== undefined && { retentionInDays: inputs.retentionInDays }),
          })),
      }),
    ),
  });
  kernel.register(service);
}

/** CloudWatch: metrics are summed, alarms, dashboards and log groups are there by name. */
export function install(kernel: Kernel): Realiser[] {
  installMetrics(kernel);
  installLogs(kernel);
  return realisers;
}
