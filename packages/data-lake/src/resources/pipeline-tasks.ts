import * as pulumi from "@pulumi/pulumi";
import type { Place } from "@tributary/core";
import type { ResolvedStep } from "../steps";

export type State = Readonly<Record<string, unknown>>;
export type States = Readonly<Record<string, State>>;

/** What the definition names. */
export interface PipelineParts {
  readonly partition: Place["partition"];
  /** The function `land`. */
  readonly landArn: pulumi.Input<string>;
  /** By the name of their state, which is their place too: `Clean`, `Curate`, `Traits`. */
  readonly jobs: readonly PipelineJob[];
  readonly matchArn?: pulumi.Input<string> | undefined;
  readonly serve: readonly ServeBranch[];
  readonly steps: readonly ResolvedStep[];
}

export interface PipelineJob {
  readonly state: string;
  readonly jobName: pulumi.Input<string>;
  /** Runs where nothing has landed too: what it makes depends on the time. */
  readonly everyNight?: boolean;
}

/** A state machine that the pipeline starts and waits for, in its stage `Serve`. */
export interface ServeBranch {
  /** Name of its state: letters and digits, unlike every other state's. */
  readonly state: string;
  readonly machineArn: pulumi.Input<string>;
}

export const jsonata = { QueryLanguage: "JSONata" } as const;
/** The state's input passes by: what states tell each other is in variables. */
export const passedBy = { Output: "{% $states.input %}" } as const;
/** There is none before the first redrive. */
export const redrives =
  "($exists($states.context.Execution.RedriveCount) ? $states.context.Execution.RedriveCount : 0)";

/** Waits of 1, 2, 4, … times so many seconds, shifted by chance so that not all come again at once. */
export const backoff = (IntervalSeconds: number, MaxAttempts: number) => ({
  IntervalSeconds,
  MaxAttempts,
  BackoffRate: 2,
  JitterStrategy: "FULL",
});

/** Faults of Lambda that pass. Source: "Handle transient Lambda service exceptions" of Step Functions' guide. */
export const lambdaPasses = {
  ErrorEquals: [
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
  ],
  ...backoff(2, 6),
};

/** Glue refuses or fails to start; waiting helps. */
export const gluePasses = {
  ErrorEquals: [
    "Glue.ConcurrentRunsExceededException",
    "Glue.InternalServiceException",
    "Glue.OperationTimeoutException",
    "Glue.ResourceNumberLimitExceededException",
    "Glue.ThrottlingException",
    "Glue.SdkClientException",
  ],
  ...backoff(60, 5),
};

/** Step Functions refuses to start an execution, or does not answer. */
export const machinePasses = {
  ErrorEquals: [
    "StepFunctions.ExecutionLimitExceededException",
    "StepFunctions.ThrottlingException",
    "StepFunctions.SdkClientException",
  ],
  ...backoff(10, 6),
};

/** Once more, whatever it failed of. */
export const again = (attempts: number) => ({ ErrorEquals: ["States.TaskFailed"], ...backoff(30, attempts) });

/** What a step is told, beside what its user says. */
export const told = {
  execution: "{% $states.context.Execution.Name %}",
  asOf: "{% $land.asOf %}",
  from: "{% $land.from %}",
  to: "{% $land.to %}",
  full: "{% $land.full %}",
  changed: "{% $land.changed %}",
};

export function stepState(parts: PipelineParts, { run }: ResolvedStep, next: string): State {
  switch (run.kind) {
    case "function":
      return {
        ...lambdaTask(parts, run.arn, { ...told, ...run.payload }),
        ...passedBy,
        Retry: [lambdaPasses, again(run.retries)],
        Next: next,
      };
    case "job":
      return {
        ...glueTask(parts, run.jobName, withOwn(run.arguments)),
        ...passedBy,
        Retry: [gluePasses, again(run.retries)],
        Next: next,
      };
    case "stateMachine":
      return {
        ...machineTask(parts, run.arn, { ...told, ...run.input }),
        ...passedBy,
        Retry: [machinePasses, again(run.retries)],
        Next: next,
      };
    case "task":
      return { ...unseen(run.task), Retry: [again(1)], ...run.task, Type: "Task", Next: next };
  }
}

/** What a task answers stays its own, unless it says what becomes of it. */
export const unseen = (task: State): State => (task.QueryLanguage === "JSONata" ? passedBy : { ResultPath: null });

/** The pipeline's arguments and a step's own, which count where both are. JSON is JSONata too. */
export function withOwn(own: Readonly<Record<string, pulumi.Input<string>>>): pulumi.Input<string> {
  if (Object.keys(own).length === 0) return "{% $land.arguments %}";
  return pulumi.jsonStringify(own).apply((text) => `{% $merge([$land.arguments, ${text}]) %}`);
}

export const landTask = (parts: PipelineParts, payload: Readonly<Record<string, unknown>>): State =>
  lambdaTask(parts, parts.landArn, payload);

export function lambdaTask(
  { partition }: PipelineParts,
  arn: pulumi.Input<string>,
  payload: Readonly<Record<string, unknown>>,
): State {
  return {
    Type: "Task",
    ...jsonata,
    Resource: pulumi.interpolate`arn:${partition}:states:::lambda:invoke`,
    Arguments: { FunctionName: arn, Payload: payload },
  };
}

export function glueTask({ partition }: PipelineParts, job: pulumi.Input<string>, args: pulumi.Input<string>): State {
  return {
    Type: "Task",
    ...jsonata,
    Resource: pulumi.interpolate`arn:${partition}:states:::glue:startJobRun.sync`,
    Arguments: { JobName: job, Arguments: args },
  };
}

export function machineTask(
  { partition }: PipelineParts,
  arn: pulumi.Input<string>,
  input: Readonly<Record<string, unknown>>,
): State {
  return {
    Type: "Task",
    ...jsonata,
    Resource: pulumi.interpolate`arn:${partition}:states:::states:startExecution.sync:2`,
    Arguments: {
      StateMachineArn: arn,
      // The console links the two executions by it.
      Input: { AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID: "{% $states.context.Execution.Id %}", ...input },
    },
  };
}
