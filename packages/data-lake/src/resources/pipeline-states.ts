import * as pulumi from "@pulumi/pulumi";
import type { Place } from "@tributary/core";
import type { ResolvedStep, StepPlace } from "../steps";

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

const jsonata = { QueryLanguage: "JSONata" } as const;
/** The state's input passes by: what states tell each other is in variables. */
const passedBy = { Output: "{% $states.input %}" } as const;
/** There is none before the first redrive. */
const redrives = "($exists($states.context.Execution.RedriveCount) ? $states.context.Execution.RedriveCount : 0)";

/** Waits of 1, 2, 4, … times so many seconds, shifted by chance so that not all come again at once. */
const backoff = (IntervalSeconds: number, MaxAttempts: number) => ({
  IntervalSeconds,
  MaxAttempts,
  BackoffRate: 2,
  JitterStrategy: "FULL",
});

/** Faults of Lambda that pass. Source: "Handle transient Lambda service exceptions" of Step Functions' guide. */
const lambdaPasses = {
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
const gluePasses = {
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
const machinePasses = {
  ErrorEquals: [
    "StepFunctions.ExecutionLimitExceededException",
    "StepFunctions.ThrottlingException",
    "StepFunctions.SdkClientException",
  ],
  ...backoff(10, 6),
};

/** Once more, whatever it failed of. */
const again = (attempts: number) => ({ ErrorEquals: ["States.TaskFailed"], ...backoff(30, attempts) });

/**
 * The nightly state machine. Tasks retry what passes; what fails to the end fails where it is, so that a redrive goes on from
 * there. The order: alone, land, clean, match, curate, traits, serve, remember, with the user's steps after their places.
 */
export function pipelineDefinition(parts: PipelineParts): pulumi.Output<string> {
  const stages = stagesOf(parts);
  const first = stages[0]?.[0] ?? "Remember";
  const timed = parts.jobs.find(({ everyNight }) => everyNight);
  const states: States = {
    ...aloneStates(parts),
    Land: {
      ...landTask(parts, {
        action: "look",
        execution: "{% $states.context.Execution.Name %}",
        startedAt: "{% $states.context.Execution.StartTime %}",
        input: "{% $states.input %}",
      }),
      Retry: [{ ErrorEquals: ["InvalidInput"], MaxAttempts: 0 }, lambdaPasses, again(2)],
      Assign: { land: "{% $states.result.Payload %}", tries: 0 },
      Output: "{% $states.result.Payload %}",
      Next: "AnythingNew",
    },
    AnythingNew: {
      Type: "Choice",
      ...jsonata,
      Choices: [{ Condition: "{% $land.run %}", Next: first }],
      Default: timed?.state ?? "NothingNew",
    },
    ...(timed === undefined ? { NothingNew: { Type: "Succeed" } } : {}),
    ...Object.assign({}, ...stages.map(([, make], index) => make(stages[index + 1]?.[0] ?? "Remember"))),
    Remember: {
      ...landTask(parts, { action: "remember", execution: "{% $states.context.Execution.Name %}" }),
      Output: "{% $land %}",
      Retry: [lambdaPasses, again(2)],
      Next: "Done",
    },
    Done: { Type: "Succeed" },
  };
  return pulumi.jsonStringify({
    Comment: "Nightly: clean what landed, match people, curate, traits, serve",
    StartAt: "LookForOthers",
    States: states,
  });
}

/** Name of the first state, and the states, given what comes after them. */
type Stage = readonly [string, (next: string) => States];

function stagesOf(parts: PipelineParts): Stage[] {
  const { matchArn, serve, jobs } = parts;
  const stepsAfter = (place: StepPlace): Stage[] =>
    parts.steps
      .filter(({ after }) => after === place)
      .map((step) => [step.name, (next) => ({ [step.name]: stepState(parts, step, next) })]);
  const job = (state: string): Stage[] =>
    jobs.filter((each) => each.state === state).map((each) => [state, (next) => jobStates(parts, each, next)]);
  return [
    ...stepsAfter("land"),
    ...job("Clean"),
    ...stepsAfter("clean"),
    ...(matchArn === undefined ? [] : [matchStage(parts, matchArn)]),
    ...stepsAfter("match"),
    ...job("Curate"),
    ...stepsAfter("curate"),
    ...job("Traits"),
    ...stepsAfter("traits"),
    ...(serve.length === 0 ? [] : [serveStage(parts)]),
    ...stepsAfter("serve"),
  ];
}

/**
 * Two runs at once would replace each other's tables. The one that began first goes on; a redriven execution keeps its
 * beginning. An execution that does not see another (lists lag a little) meets Glue's limit of one run of a job.
 */
function aloneStates(parts: PipelineParts): States {
  const me = "$states.context.Execution.Id";
  return {
    LookForOthers: {
      Type: "Task",
      ...jsonata,
      Resource: pulumi.interpolate`arn:${parts.partition}:states:::aws-sdk:sfn:listExecutions`,
      Arguments: { StateMachineArn: "{% $states.context.StateMachine.Id %}", StatusFilter: "RUNNING" },
      Assign: {
        ahead: `{% (
          $mine := $states.result.Executions[ExecutionArn = ${me}][0];
          $began := $toMillis($exists($mine) ? $mine.StartDate : $states.context.Execution.StartTime);
          $first := $states.result.Executions[ExecutionArn != ${me} and
            ($toMillis(StartDate) < $began or ($toMillis(StartDate) = $began and ExecutionArn < ${me}))][0];
          $exists($first) ? $first.ExecutionArn : null
        ) %}`.replace(/\s+/g, " "),
      },
      ...passedBy,
      Retry: [{ ErrorEquals: ["States.TaskFailed"], ...backoff(5, 5) }],
      Next: "Alone",
    },
    Alone: {
      Type: "Choice",
      ...jsonata,
      Choices: [{ Condition: "{% $ahead = null %}", Next: "Land" }],
      Default: "AlreadyRunning",
    },
    AlreadyRunning: {
      Type: "Fail",
      ...jsonata,
      Error: "AlreadyRunning",
      Cause: "{% $ahead & ' began before and still runs; this execution did nothing' %}",
    },
  };
}

/**
 * A job, once more where it fails; not where rows break a rule, since they would again. A state that fails would fail when
 * it is redriven, too: so the last one is a task that fails until then, and leads back to the job.
 */
function jobStates(parts: PipelineParts, { state, jobName }: PipelineJob, next: string): States {
  return {
    [state]: {
      ...glueTask(parts, jobName, "{% $land.arguments %}"),
      Retry: [gluePasses],
      Assign: { tries: 0 },
      ...passedBy,
      Catch: [
        {
          ErrorEquals: ["States.ALL"],
          Assign: {
            failure: "{% $states.errorOutput %}",
            stoppedAt: `{% ${redrives} %}`,
            tries: "{% $tries + 1 %}",
          },
          ...passedBy,
          Next: `${state}Failed`,
        },
      ],
      Next: next,
    },
    [`${state}Failed`]: {
      Type: "Choice",
      ...jsonata,
      Choices: [
        {
          Condition: "{% $tries < 2 and $not($contains($string($failure), 'QualityFailed')) %}",
          Next: `${state}Again`,
        },
      ],
      Default: `${state}Stopped`,
    },
    [`${state}Again`]: { Type: "Wait", ...jsonata, Seconds: 60, Next: state },
    [`${state}Stopped`]: {
      ...landTask(parts, {
        action: "stop",
        job: state,
        error: "{% $failure.Error %}",
        cause: "{% $exists($failure.Cause) ? $failure.Cause : '' %}",
        redriven: `{% ${redrives} > $stoppedAt %}`,
      }),
      Assign: { tries: 0 },
      ...passedBy,
      Retry: [lambdaPasses],
      Next: state,
    },
  };
}

function matchStage(parts: PipelineParts, matchArn: pulumi.Input<string>): Stage {
  return [
    "Match",
    (Next) => ({
      // A matching run of this name that has finished is not run again.
      Match: {
        ...machineTask(parts, matchArn, { run: "{% $states.context.Execution.Name %}" }),
        ...passedBy,
        Retry: [machinePasses],
        Next,
      },
    }),
  ];
}

function serveStage(parts: PipelineParts): Stage {
  return [
    "Serve",
    (Next) => ({
      Serve: {
        Type: "Parallel",
        ...jsonata,
        Branches: parts.serve.map(({ state, machineArn }) => ({
          StartAt: state,
          States: {
            [state]: { ...machineTask(parts, machineArn, told), ...passedBy, Retry: [machinePasses], End: true },
          },
        })),
        ...passedBy,
        Next,
      },
    }),
  ];
}

/** What a step is told, beside what its user says. */
const told = {
  execution: "{% $states.context.Execution.Name %}",
  asOf: "{% $land.asOf %}",
  from: "{% $land.from %}",
  to: "{% $land.to %}",
  full: "{% $land.full %}",
  changed: "{% $land.changed %}",
};

function stepState(parts: PipelineParts, { run }: ResolvedStep, next: string): State {
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
const unseen = (task: State): State => (task.QueryLanguage === "JSONata" ? passedBy : { ResultPath: null });

/** The pipeline's arguments and a step's own, which count where both are. JSON is JSONata too. */
function withOwn(own: Readonly<Record<string, pulumi.Input<string>>>): pulumi.Input<string> {
  if (Object.keys(own).length === 0) return "{% $land.arguments %}";
  return pulumi.jsonStringify(own).apply((text) => `{% $merge([$land.arguments, ${text}]) %}`);
}

const landTask = (parts: PipelineParts, payload: Readonly<Record<string, unknown>>): State =>
  lambdaTask(parts, parts.landArn, payload);

function lambdaTask(
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

function glueTask({ partition }: PipelineParts, job: pulumi.Input<string>, args: pulumi.Input<string>): State {
  return {
    Type: "Task",
    ...jsonata,
    Resource: pulumi.interpolate`arn:${partition}:states:::glue:startJobRun.sync`,
    Arguments: { JobName: job, Arguments: args },
  };
}

function machineTask(
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
