import * as pulumi from "@pulumi/pulumi";
import type { StepPlace } from "../steps";
import {
  again,
  backoff,
  gluePasses,
  glueTask,
  jsonata,
  lambdaPasses,
  landTask,
  machinePasses,
  machineTask,
  type PipelineJob,
  type PipelineParts,
  passedBy,
  redrives,
  type States,
  stepState,
  told,
} from "./pipeline-tasks";

export type { ServeBranch } from "./pipeline-tasks";

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
          $ms := function($at) { $type($at) = 'number' ? $at : $toMillis($at) };
          $mine := $states.result.Executions[ExecutionArn = ${me}][0];
          $began := $ms($exists($mine) ? $mine.StartDate : $states.context.Execution.StartTime);
          $first := $states.result.Executions[ExecutionArn != ${me} and
            ($ms(StartDate) < $began or ($ms(StartDate) = $began and ExecutionArn < ${me}))][0];
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
