import * as cloudwatch from "@pulumi/aws/cloudwatch";
import type * as pulumi from "@pulumi/pulumi";
import type { FoundationRef } from "./foundation";
import { tagsFor } from "./foundation";

/** An alarm on one metric. */
export interface AlarmArgs {
  readonly foundation: FoundationRef;
  /** Tag: which component it belongs to. */
  readonly module: string;
  /** What it means and what to do: the first line that the person on call reads. */
  readonly description: string;
  /** CloudWatch namespace: `AWS/Lambda`. */
  readonly namespace: string;
  readonly metric: string;
  readonly dimensions?: Record<string, pulumi.Input<string>>;
  /** `Sum`, `Maximum`, `Average`, or a percentile such as `p99`. */
  readonly statistic: string;
  /** The alarm rises above this value. */
  readonly above: number;
  /** @default 60 */
  readonly periodSeconds?: number;
  /** @default 1 */
  readonly periods?: number;
  /** @default "notBreaching": no data means that nothing happened */
  readonly missingData?: "notBreaching" | "breaching" | "ignore" | "missing";
  /** Rises below `above` instead of above it. @default false */
  readonly below?: boolean;
}

/** A metric alarm that notifies the foundation's topic when it rises and when it is over. */
export function alarm(name: string, args: AlarmArgs, opts: pulumi.CustomResourceOptions): cloudwatch.MetricAlarm {
  return new cloudwatch.MetricAlarm(
    name,
    {
      alarmDescription: args.description,
      namespace: args.namespace,
      metricName: args.metric,
      ...(args.dimensions === undefined ? {} : { dimensions: args.dimensions }),
      ...(args.statistic.startsWith("p") ? { extendedStatistic: args.statistic } : { statistic: args.statistic }),
      comparisonOperator: args.below === true ? "LessThanThreshold" : "GreaterThanThreshold",
      threshold: args.above,
      period: args.periodSeconds ?? 60,
      evaluationPeriods: args.periods ?? 1,
      treatMissingData: args.missingData ?? "notBreaching",
      alarmActions: [args.foundation.alarmTopicArn],
      okActions: [args.foundation.alarmTopicArn],
      tags: tagsFor(args.foundation, args.module),
    },
    opts,
  );
}
