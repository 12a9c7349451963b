import type * as glue from "@pulumi/aws/glue";
import type * as sfn from "@pulumi/aws/sfn";
import type * as pulumi from "@pulumi/pulumi";
import {
  type FoundationRef,
  nestedExecutionStatements,
  type Place,
  type StateMachineRef,
  type Statement,
  standardStateMachine,
} from "@tributary/core";
import type { ResolvedStep } from "../steps";
import { type LandArgs, makeLand } from "./land";
import { pipelineDefinition, type ServeBranch } from "./pipeline-states";

export type { ServeBranch } from "./pipeline-states";

export interface PipelineArgs {
  readonly foundation: FoundationRef;
  readonly place: Place;
  readonly module: string;
  /** Jobs by the name of their state, which is their place: `Clean`, `Curate`, `Traits`. */
  readonly jobs: readonly {
    readonly state: "Clean" | "Curate" | "Traits";
    readonly job: glue.Job;
    /** Runs where nothing has landed too: what it makes depends on the time. @default false */
    readonly everyNight?: boolean;
  }[];
  /** What lands, and where that is remembered. */
  readonly land: Omit<LandArgs, "foundation">;
  /** The pipeline that matches people, between clean and curate. @default none */
  readonly match?: StateMachineRef | undefined;
  /** State machines that serve what the jobs made, side by side after them. @default none */
  readonly serve?: readonly ServeBranch[];
  /** The user's own. @default none */
  readonly steps?: readonly ResolvedStep[];
  readonly tags: Record<string, string>;
}

/** The pipeline as a state machine with its role, logs, tracing and alarms, and the function that looks for what landed. */
export function makePipeline(name: string, args: PipelineArgs, opts: pulumi.CustomResourceOptions): sfn.StateMachine {
  const { foundation, module, tags, place, match, serve = [], steps = [] } = args;
  const land = makeLand(`${name}-land`, { foundation, ...args.land }, opts);
  const machines = [
    ...(match === undefined ? [] : [match.arn]),
    ...serve.map(({ machineArn }) => machineArn),
    ...steps.flatMap(({ run }) => (run.kind === "stateMachine" ? [run.arn] : [])),
  ];
  return standardStateMachine(
    name,
    {
      foundation,
      module,
      tags,
      definition: pipelineDefinition({
        partition: place.partition,
        landArn: land.arn,
        jobs: args.jobs.map(({ job, ...each }) => ({ ...each, jobName: job.name })),
        matchArn: match?.arn,
        serve,
        steps,
      }),
      statements: [
        {
          sid: "Jobs",
          actions: ["glue:StartJobRun", "glue:GetJobRun", "glue:GetJobRuns", "glue:BatchStopJobRun"],
          resources: [
            ...args.jobs.map(({ job }) => job.arn),
            ...steps.flatMap(({ run }) => (run.kind === "job" ? [run.arn] : [])),
          ],
        },
        {
          sid: "Functions",
          actions: ["lambda:InvokeFunction"],
          resources: [land.arn, ...steps.flatMap(({ run }) => (run.kind === "function" ? [run.arn] : []))],
        },
        ...nestedExecutionStatements(place, machines),
        { sid: "Key", actions: ["kms:Decrypt", "kms:GenerateDataKey"], resources: [foundation.keyArn] },
        ...steps.flatMap(({ run }): readonly Statement[] => (run.kind === "task" ? run.statements : [])),
      ],
      onItself: ["states:ListExecutions"],
      notice: true,
      failure: "the lake's tables are from their last good runs.",
    },
    opts,
  );
}
