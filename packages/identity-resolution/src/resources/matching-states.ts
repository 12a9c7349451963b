import * as pulumi from "@pulumi/pulumi";
import { matchingDefaults as defaults } from "../matching/defaults";
import { jobStates } from "./job-states";
import { lockStates, lockTask } from "./lock-states";
import { anew, invoke, type MatchingParts, passing, type States, sdk, toFailure } from "./state-parts";

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
    ...importStates(parts),
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

/**
 * Imports the objects of links, several at a time: they are evidence, so their order does not matter. What a run no longer
 * says is withdrawn after all of them, and only where each line of each was a link: one that was not may have said it.
 */
function importStates(parts: MatchingParts): States {
  const next = parts.profilesWorkflow === undefined ? "GiveBack" : "StartProfiles";
  const importer = (payload: Record<string, unknown>) => ({
    Type: "Task",
    Resource: invoke(parts),
    Parameters: { FunctionName: parts.importerArn, Payload: payload },
    Retry: [anew],
  });
  const run = { "bucket.$": "$.groups.output.bucket", "job.$": "$.groups.output.job", "at.$": "$.groups.output.at" };
  return {
    Import: {
      Type: "Map",
      ItemsPath: "$.groups.output.keys",
      ItemSelector: { ...run, "key.$": "$$.Map.Item.Value" },
      MaxConcurrency: defaults.importConcurrency,
      ItemProcessor: {
        ProcessorConfig: { Mode: "INLINE" },
        StartAt: "ImportOne",
        States: {
          ImportOne: {
            ...importer({
              "bucket.$": "$.bucket",
              "key.$": "$.key",
              "job.$": "$.job",
              "at.$": "$.at",
              complete: false,
            }),
            ResultSelector: { "quarantined.$": "$.Payload.quarantined", "links.$": "$.Payload.links" },
            Catch: [{ ErrorEquals: ["States.ALL"], Next: "NotImported" }],
            End: true,
          },
          NotImported: { Type: "Fail", ErrorPath: "$.Error", CausePath: "$.Cause" },
        },
      },
      ResultSelector: { "refused.$": "$[?(@.quarantined > 0)]", "links.$": "$[*].links" },
      ResultPath: "$.imported",
      Catch: toFailure("GiveBackFailed"),
      Next: parts.complete ? "AllLinks" : next,
    },
    ...(parts.complete
      ? {
          AllLinks: {
            Type: "Choice",
            Choices: [{ Variable: "$.imported.refused[0]", IsPresent: true, Next: next }],
            Default: "Withdraw",
          },
          Withdraw: {
            ...importer({ ...run, complete: true }),
            ResultSelector: { "withdrawn.$": "$.Payload.withdrawn" },
            ResultPath: "$.withdrawn",
            Catch: toFailure("GiveBackFailed"),
            Next: next,
          },
        }
      : {}),
  };
}

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
