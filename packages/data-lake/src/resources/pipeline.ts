import type * as glue from "@pulumi/aws/glue";
import type * as sfn from "@pulumi/aws/sfn";
import * as pulumi from "@pulumi/pulumi";
import type { FoundationRef, Place, Statement } from "@tributary/core";
import { standardStateMachine } from "@tributary/core";

export interface PipelineArgs {
  readonly foundation: FoundationRef;
  readonly place: Place;
  readonly module: string;
  /** Jobs in the order that they run, by the name of their state. */
  readonly jobs: readonly { readonly state: string; readonly job: glue.Job }[];
  /** State machines that serve what the jobs made, side by side after them. @default none */
  readonly serve?: readonly ServeBranch[];
  readonly tags: Record<string, string>;
}

/** A state machine that the pipeline starts and waits for, in its stage `Serve`. */
export interface ServeBranch {
  /** Name of its state: letters and digits, unlike every other state's. */
  readonly state: string;
  readonly machineArn: pulumi.Input<string>;
}

/** Glue refuses or fails to start; waiting helps. */
const startErrors = [
  "Glue.ConcurrentRunsExceededException",
  "Glue.InternalServiceException",
  "Glue.OperationTimeoutException",
  "Glue.ThrottlingException",
];

/** What the driver calls the error of rows that break a quality rule. */
const qualityFailed = "*QualityFailed*";

/**
 * The state machine's definition: one Glue job after the other. A job that fails runs again, twice, since a run is a full
 * overwrite; not where a quality rule stopped it, which would stop it again. What fails to the end is told to the alarm
 * topic, with the table, the rule, the number of rows and where they are.
 */
export function definition(args: PipelineArgs): pulumi.Output<string> {
  const { partition } = args.place;
  const { serve = [] } = args;
  const afterJobs = serve.length === 0 ? "Done" : "Serve";
  const states = args.jobs.flatMap(({ state, job }, index) => {
    const task = {
      Type: "Task",
      Resource: pulumi.interpolate`arn:${partition}:states:::glue:startJobRun.sync`,
      Parameters: { JobName: job.name },
      ResultPath: `$.${state}`,
      Next: args.jobs[index + 1]?.state ?? afterJobs,
    };
    const start = {
      ErrorEquals: startErrors,
      IntervalSeconds: 60,
      MaxAttempts: 5,
      BackoffRate: 2,
      JitterStrategy: "FULL",
    };
    const caughtBy = (next: string) => [{ ErrorEquals: ["States.ALL"], ResultPath: "$.error", Next: next }];
    return [
      [state, { ...task, Retry: [start], Catch: caughtBy(`${state}Failed`) }],
      [
        `${state}Failed`,
        {
          Type: "Choice",
          Choices: [{ Variable: "$.error.Cause", StringMatches: qualityFailed, Next: "Notify" }],
          Default: `${state}Again`,
        },
      ],
      [
        `${state}Again`,
        {
          ...task,
          Retry: [start, { ErrorEquals: ["States.TaskFailed"], IntervalSeconds: 120, MaxAttempts: 1 }],
          Catch: caughtBy("Notify"),
        },
      ],
    ];
  });
  return pulumi.jsonStringify({
    Comment: "Nightly: clean what arrived, then curate it",
    StartAt: args.jobs[0]?.state,
    States: {
      ...Object.fromEntries(states),
      ...(serve.length === 0
        ? {}
        : {
            Serve: {
              Type: "Parallel",
              Branches: serve.map(({ state, machineArn }) => ({
                StartAt: state,
                States: {
                  [state]: {
                    Type: "Task",
                    Resource: pulumi.interpolate`arn:${partition}:states:::states:startExecution.sync:2`,
                    Parameters: {
                      StateMachineArn: machineArn,
                      Input: { "AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID.$": "$$.Execution.Id" },
                    },
                    End: true,
                  },
                },
              })),
              ResultPath: null,
              Next: "Done",
              Catch: [{ ErrorEquals: ["States.ALL"], ResultPath: "$.error", Next: "Notify" }],
            },
          }),
      Notify: {
        Type: "Task",
        Resource: pulumi.interpolate`arn:${partition}:states:::sns:publish`,
        Parameters: {
          TopicArn: args.foundation.alarmTopicArn,
          Subject: "Nightly pipeline failed",
          "Message.$": "States.JsonToString($)",
        },
        ResultPath: "$.notified",
        Retry: [{ ErrorEquals: ["States.ALL"], IntervalSeconds: 5, MaxAttempts: 3, BackoffRate: 2 }],
        // The execution fails either way; its own alarm rises too.
        Catch: [{ ErrorEquals: ["States.ALL"], ResultPath: "$.notifyError", Next: "Failed" }],
        Next: "Failed",
      },
      Failed: { Type: "Fail", ErrorPath: "$.error.Error", CausePath: "$.error.Cause" },
      Done: { Type: "Succeed" },
    },
  });
}

/** The pipeline as a state machine with its role, logs, tracing and alarms. */
export function makePipeline(name: string, args: PipelineArgs, opts: pulumi.CustomResourceOptions): sfn.StateMachine {
  const { foundation, module, tags } = args;
  return standardStateMachine(
    name,
    {
      foundation,
      module,
      tags,
      definition: definition(args),
      statements: [
        {
          sid: "Jobs",
          actions: ["glue:StartJobRun", "glue:GetJobRun", "glue:GetJobRuns", "glue:BatchStopJobRun"],
          resources: args.jobs.map(({ job }) => job.arn),
        },
        ...nestedStatements(
          args.place,
          (args.serve ?? []).map(({ machineArn }) => machineArn),
        ),
        { sid: "Notify", actions: ["sns:Publish"], resources: [foundation.alarmTopicArn] },
        { sid: "Key", actions: ["kms:Decrypt", "kms:GenerateDataKey"], resources: [foundation.keyArn] },
      ],
      failure: "the lake's clean and curated zones are from its last good run.",
    },
    opts,
  );
}

/** What starting state machines and waiting for their ends takes. Source: "IAM policies for nested executions" of Step Functions' guide. */
function nestedStatements(place: Place, machineArns: readonly pulumi.Input<string>[]): Statement[] {
  if (machineArns.length === 0) return [];
  const executions = machineArns.map((arn) =>
    pulumi.output(arn).apply((text) => `${text.replace(":stateMachine:", ":execution:")}:*`),
  );
  return [
    { sid: "StartMachines", actions: ["states:StartExecution"], resources: machineArns },
    { sid: "AwaitMachines", actions: ["states:DescribeExecution", "states:StopExecution"], resources: executions },
    {
      sid: "HearOfMachines",
      actions: ["events:PutTargets", "events:PutRule", "events:DescribeRule"],
      resources: [
        pulumi.interpolate`arn:${place.partition}:events:${place.region}:${place.accountId}:rule/StepFunctionsGetEventsForStepFunctionsExecutionRule`,
      ],
    },
  ];
}
