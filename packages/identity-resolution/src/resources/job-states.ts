import type * as pulumi from "@pulumi/pulumi";
import { matchingDefaults as defaults } from "../matching/defaults";
import { failing, type MatchingParts, passing, type States, sdk, toFailure } from "./state-parts";

/** Starts a job of a workflow and waits for its end. Names of the states end in `suffix`. */
export function jobStates(parts: MatchingParts, suffix: string, workflow: pulumi.Input<string>, next: string): States {
  const polls = Math.ceil((parts.timeoutMinutes * 60) / defaults.pollSeconds);
  const caught = toFailure("GiveBackFailed");
  const [started, job, waited] = [`$.started${suffix}`, `$.job${suffix}`, `$.waited${suffix}`];
  return {
    [`Start${suffix}`]: {
      Type: "Task",
      Resource: sdk(parts, "entityresolution:startMatchingJob"),
      Parameters: { WorkflowName: workflow },
      ResultPath: started,
      Retry: [
        {
          // One job runs in the account and Region: another stack's goes first.
          ErrorEquals: ["EntityResolution.ExceedsLimitException", "EntityResolution.ConflictException"],
          IntervalSeconds: 300,
          MaxAttempts: Math.ceil((defaults.startMinutes * 60) / 300),
          BackoffRate: 1,
        },
        passing,
      ],
      Catch: caught,
      Next: `Count${suffix}`,
    },
    [`Count${suffix}`]: { Type: "Pass", Result: { polls: 0 }, ResultPath: waited, Next: `Wait${suffix}` },
    [`Wait${suffix}`]: { Type: "Wait", Seconds: defaults.pollSeconds, Next: `Look${suffix}` },
    [`Look${suffix}`]: {
      Type: "Task",
      Resource: sdk(parts, "entityresolution:getMatchingJob"),
      Parameters: { WorkflowName: workflow, "JobId.$": `${started}.JobId` },
      ResultPath: job,
      Retry: [passing],
      Catch: caught,
      Next: `Ended${suffix}`,
    },
    [`Ended${suffix}`]: {
      Type: "Choice",
      Choices: [
        { Variable: `${job}.Status`, StringEquals: "SUCCEEDED", Next: next },
        { Variable: `${job}.Status`, StringEquals: "FAILED", Next: `JobFailed${suffix}` },
        { Variable: `${waited}.polls`, NumericGreaterThanEquals: polls, Next: `JobTooLong${suffix}` },
      ],
      Default: `CountOn${suffix}`,
    },
    [`CountOn${suffix}`]: {
      Type: "Pass",
      Parameters: { "polls.$": `States.MathAdd(${waited}.polls, 1)` },
      ResultPath: waited,
      Next: `Wait${suffix}`,
    },
    [`JobFailed${suffix}`]: {
      Type: "Pass",
      Parameters: { Error: "MatchingJobFailed", "Cause.$": `States.JsonToString(${job})` },
      ResultPath: "$.error",
      Next: "GiveBackFailed",
    },
    [`JobTooLong${suffix}`]: failing(
      "MatchingJobTooLong",
      `the job has not ended in ${parts.timeoutMinutes} minutes; Entity Resolution cannot stop it, so the next run waits for it`,
      "GiveBackFailed",
    ),
  };
}
