import type { Kernel, Principal } from "../../kernel";
import { parseS3Uri } from "../duckdb";
import type { JobRunRow, StepStatistics } from "./job-runs";
import type { Manifest } from "./manifest";
import type { QualityResult } from "./quality";

/** What a run has to tell. */
export interface RunReport {
  readonly tables: readonly QualityResult[];
  readonly steps: readonly StepStatistics[];
  /** Files that were set aside, each with the reason. */
  readonly unreadable: readonly string[];
}

/** Writes the report of a run, and counts what was rejected or set aside. */
export async function tellRun(
  kernel: Kernel,
  principal: Principal,
  { report, metrics }: NonNullable<Manifest["quality"]>,
  run: Pick<JobRunRow, "id" | "jobName" | "attempt">,
  { tables, steps, unreadable }: RunReport,
): Promise<void> {
  if (tables.length === 0 && steps.length === 0 && unreadable.length === 0) return;
  const now = new Date(kernel.now());
  const passed = tables.every(({ rules }) => rules.every((rule) => rule.passed));
  const { bucket, key } = parseS3Uri(report);
  const body = {
    version: 1,
    run: run.id,
    job: run.jobName,
    attempt: run.attempt,
    at: now.toISOString(),
    passed,
    tables,
    steps,
    unreadable,
  };
  await kernel.call(
    "s3",
    "PutObject",
    {
      Bucket: bucket,
      Key: `${key}dt=${body.at.slice(0, 10)}/${run.id}.json`,
      Body: new TextEncoder().encode(`${JSON.stringify(body)}\n`),
      ContentType: "application/json",
    },
    principal,
  );
  const Dimensions = Object.entries(metrics.dimensions).map(([Name, Value]) => ({ Name, Value }));
  const sum = (of: (table: QualityResult) => number) => tables.reduce((so, table) => so + of(table), 0);
  const broken = sum(({ rules }) => rules.filter((rule) => !rule.passed).length);
  await kernel.call(
    "cloudwatch",
    "PutMetricData",
    {
      Namespace: metrics.namespace,
      MetricData: [
        { MetricName: "RowsRejected", Dimensions, Value: sum((table) => table.rejected), Unit: "Count" },
        { MetricName: "RulesFailed", Dimensions, Value: broken, Unit: "Count" },
        { MetricName: "FilesSetAside", Dimensions, Value: unreadable.length, Unit: "Count" },
      ],
    },
    principal,
  );
}
