import { matchingDefaults as defaults } from "../matching/defaults";
import { anew, failing, invoke, type MatchingParts, type State, type States, sdk, toFailure } from "./state-parts";

/** Asks the lock function for something, on behalf of this execution. */
export function lockTask(parts: MatchingParts, payload: Record<string, unknown>): State {
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
export function lockStates(parts: MatchingParts): States {
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
