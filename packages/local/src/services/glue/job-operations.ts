import { z } from "zod";
import { AwsError, arn, type Kernel, type RequiredPermission } from "../../kernel";
import { type Operation, operation } from "../support";
import { type JobRunRow, jobRunsOf } from "./job-runs";

/** The API's form of a run; `Statistics` (rows and seconds by step) is an addition of the embedded runtime. */
export function jobRunToSdk(run: JobRunRow, now: number): Record<string, unknown> {
  const end = run.completedAt ?? now;
  return {
    Id: run.id,
    JobName: run.jobName,
    Attempt: run.attempt,
    JobRunState: run.state,
    Arguments: { ...run.arguments },
    StartedOn: new Date(run.startedAt),
    LastModifiedOn: new Date(end),
    ...(run.completedAt !== undefined && { CompletedOn: new Date(run.completedAt) }),
    ExecutionTime: Math.round((end - run.startedAt) / 1000),
    ...(run.errorMessage !== undefined && { ErrorMessage: run.errorMessage }),
    Statistics: run.statistics.map((step) => ({ ...step })),
  };
}

/** The job part of the Glue API. */
export function jobOperations(kernel: Kernel): Record<string, Operation> {
  const runs = jobRunsOf(kernel);
  const needs = (action: string, job: string): RequiredPermission[] => [
    { action: `glue:${action}`, resource: arn(kernel.place, "glue", `job/${job}`) },
  ];
  return {
    StartJobRun: operation(
      z.object({
        JobName: z.string(),
        Arguments: z.record(z.string(), z.string()).optional(),
        // Accepted and without effect here: capacity is this machine's.
        WorkerType: z.string().optional(),
        NumberOfWorkers: z.number().optional(),
        ExecutionClass: z.string().optional(),
        Timeout: z.number().optional(),
      }),
      ({ JobName }) => needs("StartJobRun", JobName),
      async ({ JobName, Arguments = {} }) => ({ JobRunId: (await runs.start(JobName, Arguments)).id }),
    ),
    GetJobRun: operation(
      z.object({ JobName: z.string(), RunId: z.string(), PredecessorsIncluded: z.boolean().optional() }),
      ({ JobName }) => needs("GetJobRun", JobName),
      ({ JobName, RunId }) => ({ JobRun: jobRunToSdk(runs.get(JobName, RunId), kernel.now()) }),
    ),
    GetJobRuns: operation(
      z.object({
        JobName: z.string(),
        MaxResults: z.number().int().min(1).optional(),
        NextToken: z.string().optional(),
      }),
      ({ JobName }) => needs("GetJobRuns", JobName),
      ({ JobName, MaxResults = 100, NextToken = "0" }) => {
        runs.requireJob(JobName);
        const all = runs.list(JobName);
        const from = Number(NextToken);
        const JobRuns = all.slice(from, from + MaxResults).map((run) => jobRunToSdk(run, kernel.now()));
        return { JobRuns, ...(from + MaxResults < all.length && { NextToken: String(from + MaxResults) }) };
      },
    ),
    BatchStopJobRun: operation(
      z.object({ JobName: z.string(), JobRunIds: z.array(z.string()).min(1).max(25) }),
      ({ JobName }) => needs("BatchStopJobRun", JobName),
      ({ JobName, JobRunIds }) => {
        const Errors: unknown[] = [];
        const SuccessfulSubmissions: unknown[] = [];
        for (const JobRunId of JobRunIds) {
          try {
            runs.stop(JobName, JobRunId);
            SuccessfulSubmissions.push({ JobName, JobRunId });
          } catch (error) {
            if (!(error instanceof AwsError)) throw error;
            Errors.push({ JobName, JobRunId, ErrorDetail: { ErrorCode: error.name, ErrorMessage: error.message } });
          }
        }
        return { SuccessfulSubmissions, Errors };
      },
    ),
    GetJob: operation(
      z.object({ JobName: z.string() }),
      ({ JobName }) => needs("GetJob", JobName),
      ({ JobName }) => {
        const job = runs.requireJob(JobName);
        return {
          Job: {
            Name: job.name,
            Role: job.roleArn,
            Command: { Name: "glueetl", ScriptLocation: job.scriptLocation },
            DefaultArguments: { ...job.defaultArguments },
            MaxRetries: job.maxRetries,
            Timeout: job.timeout,
            ExecutionProperty: { MaxConcurrentRuns: job.maxConcurrentRuns },
          },
        };
      },
    ),
  };
}
