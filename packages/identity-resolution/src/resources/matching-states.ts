import * as pulumi from "@pulumi/pulumi";
import { matchingDefaults as defaults } from "../matching/defaults";

type State = Readonly<Record<string, unknown>>;
export type States = Readonly<Record<string, State>>;

/** Faults of AWS that pass. */
const passing = {
  ErrorEquals: [
    "EntityResolution.InternalServerException",
    "EntityResolution.ThrottlingException",
    "EntityResolution.SdkClientException",
  ],
  IntervalSeconds: 10,
  MaxAttempts: 8,
  BackoffRate: 2,
  JitterStrategy: "FULL",
};
/** Whatever a function fails with: each may be run again. */
const anew = { ErrorEquals: ["States.ALL"], IntervalSeconds: 10, MaxAttempts: 4, BackoffRate: 3 };
const toFailure = (next: string) => [{ ErrorEquals: ["States.ALL"], ResultPath: "$.error", Next: next }];

/** What the definitions name. */
export interface MatchingParts {
  readonly partition: pulumi.Input<string>;
  readonly workflow: pulumi.Input<string>;
  readonly profilesWorkflow?: pulumi.Input<string>;
  readonly lockArn: pulumi.Input<string>;
  readonly groupsArn: pulumi.Input<string>;
  readonly importerArn: pulumi.Input<string>;
  readonly topicArn: pulumi.Input<string>;
  /** Whether a job's output is all links there are, so that others are withdrawn. */
  readonly complete: boolean;
  readonly timeoutMinutes: number;
}

const sdk = ({ partition }: Pick<MatchingParts, "partition">, action: string) =>
  pulumi.interpolate`arn:${partition}:states:::aws-sdk:${action}`;
const invoke = ({ partition }: MatchingParts) => pulumi.interpolate`arn:${partition}:states:::lambda:invoke`;

/**
 * The state machine of a matching run: take the lock, have Entity Resolution match, turn its groups into links, import
 * them, give the lock back. Whatever fails gives the lock back too, is told to the alarm topic, and fails the execution.
 */
export function matchingDefinition(parts: MatchingParts): pulumi.Output<string> {
  const states: States = {
    ...lockStates(parts),
    ...jobStates(parts, "", parts.workflow, "Groups"),
    Groups: {
      Type: "Task",
      Resource: invoke(parts),
      Parameters: { FunctionName: parts.groupsArn, Payload: { "jobId.$": "$.started.JobId", "job.$": "$.job" } },
      ResultSelector: { "output.$": "$.Payload" },
      ResultPath: "$.groups",
      Retry: [anew],
      Catch: toFailure("GiveBackFailed"),
      Next: "AnyRecords",
    },
    // A table without a record is a pipeline that has not run, and no reason to withdraw every link.
    AnyRecords: {
      Type: "Choice",
      Choices: [{ Variable: "$.groups.output.records", NumericGreaterThan: 0, Next: "Import" }],
      Default: "GiveBack",
    },
    Import: importState(parts),
    ...(parts.profilesWorkflow === undefined ? {} : jobStates(parts, "Profiles", parts.profilesWorkflow, "GiveBack")),
    GiveBack: { ...lockTask(parts, { action: "give-back", finished: true }), Next: "Done", Catch: toFailure("Notify") },
    Done: { Type: "Succeed" },
    ...failureStates(parts, "Matching failed"),
    GiveBackFailed: {
      ...lockTask(parts, { action: "give-back", finished: false }),
      ResultPath: "$.gaveBack",
      // The lock runs out by itself; the first error is the one to tell.
      Catch: [{ ErrorEquals: ["States.ALL"], ResultPath: "$.gaveBack", Next: "Notify" }],
      Next: "Notify",
    },
  };
  return pulumi.jsonStringify({ Comment: "Match people, import what links them", StartAt: "TakeLock", States: states });
}

function lockTask(parts: MatchingParts, payload: Record<string, unknown>): State {
  return {
    Type: "Task",
    Resource: invoke(parts),
    Parameters: {
      FunctionName: parts.lockArn,
      Payload: {
        "owner.$": "$$.Execution.Id",
        "name.$": "$$.Execution.Name",
        "input.$": "$$.Execution.Input",
        "since.$": "$$.Execution.StartTime",
        ...payload,
      },
    },
    ResultSelector: { "state.$": "$.Payload.state", "holder.$": "$.Payload.holder" },
    ResultPath: "$.lock",
    Retry: [anew],
  };
}

/** Waits for the lock. The lock of an execution that has ended without giving it back is taken over. */
function lockStates(parts: MatchingParts): States {
  return {
    TakeLock: { ...lockTask(parts, { action: "take" }), Catch: toFailure("Notify"), Next: "HasLock" },
    HasLock: {
      Type: "Choice",
      Choices: [
        { Variable: "$.lock.state", StringEquals: "taken", Next: "Start" },
        { Variable: "$.lock.state", StringEquals: "finished", Next: "Done" },
        { Variable: "$.lock.state", StringEquals: "waited", Next: "WaitedTooLong" },
      ],
      Default: "LookAtHolder",
    },
    WaitedTooLong: failing("MatchingLockHeld", "another run holds the lock for longer than this one waits", "Notify"),
    LookAtHolder: {
      Type: "Task",
      Resource: sdk(parts, "sfn:describeExecution"),
      Parameters: { "ExecutionArn.$": "$.lock.holder" },
      ResultSelector: { "Status.$": "$.Status" },
      ResultPath: "$.holder",
      Retry: [{ ErrorEquals: ["Sfn.ThrottlingException"], IntervalSeconds: 5, MaxAttempts: 3, BackoffRate: 2 }],
      Catch: [
        {
          ErrorEquals: ["Sfn.ExecutionDoesNotExistException", "Sfn.ExecutionDoesNotExist"],
          ResultPath: "$.gone",
          Next: "TakeOver",
        },
        // Who cannot be looked at is waited for: the lock runs out in the end.
        { ErrorEquals: ["States.ALL"], ResultPath: "$.gone", Next: "WaitForLock" },
      ],
      Next: "HolderEnded",
    },
    HolderEnded: {
      Type: "Choice",
      Choices: [
        { Variable: "$.holder.Status", StringEquals: "RUNNING", Next: "WaitForLock" },
        { Variable: "$.holder.Status", StringEquals: "PENDING_REDRIVE", Next: "WaitForLock" },
      ],
      Default: "TakeOver",
    },
    TakeOver: {
      ...lockTask(parts, { action: "take", "ended.$": "$.lock.holder" }),
      Catch: toFailure("Notify"),
      Next: "HasLock",
    },
    WaitForLock: { Type: "Wait", Seconds: defaults.pollSeconds, Next: "TakeLock" },
  };
}

/** Starts a job of a workflow and waits for its end. Names of the states end in `suffix`. */
function jobStates(parts: MatchingParts, suffix: string, workflow: pulumi.Input<string>, next: string): States {
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

function importState(parts: MatchingParts): State {
  return {
    Type: "Task",
    Resource: invoke(parts),
    Parameters: {
      FunctionName: parts.importerArn,
      Payload: {
        "bucket.$": "$.groups.output.bucket",
        "key.$": "$.groups.output.key",
        "job.$": "$.groups.output.job",
        "at.$": "$.groups.output.at",
        complete: parts.complete,
      },
    },
    ResultSelector: { "output.$": "$.Payload" },
    ResultPath: "$.imported",
    Retry: [anew],
    Catch: toFailure("GiveBackFailed"),
    Next: parts.profilesWorkflow === undefined ? "GiveBack" : "StartProfiles",
  };
}

const failing = (error: string, cause: string, next: string): State => ({
  Type: "Pass",
  Result: { Error: error, Cause: cause },
  ResultPath: "$.error",
  Next: next,
});

function failureStates(parts: Pick<MatchingParts, "partition" | "topicArn">, subject: string): States {
  return {
    Notify: {
      Type: "Task",
      Resource: pulumi.interpolate`arn:${parts.partition}:states:::sns:publish`,
      Parameters: { TopicArn: parts.topicArn, Subject: subject, "Message.$": "States.JsonToString($)" },
      ResultPath: "$.notified",
      Retry: [{ ErrorEquals: ["States.ALL"], IntervalSeconds: 5, MaxAttempts: 3, BackoffRate: 2 }],
      // The execution fails either way; its own alarm rises too.
      Catch: [{ ErrorEquals: ["States.ALL"], ResultPath: "$.notifyError", Next: "Failed" }],
      Next: "Failed",
    },
    Failed: { Type: "Fail", ErrorPath: "$.error.Error", CausePath: "$.error.Cause" },
  };
}

/** The state machine that has Entity Resolution forget records: `{"uniqueIds": ["…"]}`. */
export function forgetDefinition(
  parts: Pick<MatchingParts, "partition" | "workflow" | "topicArn">,
): pulumi.Output<string> {
  return pulumi.jsonStringify({
    Comment: "Have Entity Resolution forget records",
    StartAt: "Forget",
    States: {
      Forget: {
        Type: "Task",
        Resource: sdk(parts, "entityresolution:batchDeleteUniqueId"),
        Parameters: { WorkflowName: parts.workflow, "UniqueIds.$": "$.uniqueIds" },
        // A record that it does not know is a VALIDATION_ERROR, and forgotten; AWS documents the two types alone.
        ResultSelector: { "failed.$": "$.Errors[?(@.ErrorType == 'SERVICE_ERROR')]", "deleted.$": "$.Deleted" },
        ResultPath: "$.result",
        Retry: [passing],
        Catch: toFailure("Notify"),
        Next: "Forgotten",
      },
      Forgotten: {
        Type: "Choice",
        Choices: [{ Variable: "$.result.failed[0]", IsPresent: true, Next: "Refused" }],
        Default: "Done",
      },
      Refused: {
        Type: "Pass",
        Parameters: { Error: "RecordsNotForgotten", "Cause.$": "States.JsonToString($.result.failed)" },
        ResultPath: "$.error",
        Next: "Notify",
      },
      Done: { Type: "Succeed" },
      ...failureStates(parts, "Records not forgotten"),
    },
  });
}
