import * as pulumi from "@pulumi/pulumi";
import { activationDefaults as defaults } from "../defaults";

export interface SegmentStatesParts {
  readonly partition: pulumi.Input<string>;
  readonly workgroup: pulumi.Input<string>;
  /** Asks for the members of the segments: columns `segment`, `profile_id`. */
  readonly query: pulumi.Input<string>;
  readonly importerArn: pulumi.Input<string>;
}

const jsonata = { QueryLanguage: "JSONata" } as const;
const backoff = { IntervalSeconds: 10, BackoffRate: 2, JitterStrategy: "FULL" } as const;
/** Whatever it failed of: each step may be run again. */
const again = { ErrorEquals: ["States.TaskFailed"], MaxAttempts: 3, ...backoff };
const lambdaPasses = {
  ErrorEquals: ["Lambda.TooManyRequestsException", "Lambda.ServiceException", "Lambda.SdkClientException"],
  MaxAttempts: 6,
  ...backoff,
};

/**
 * The state machine that imports segments by SQL: asks the lake, then lets in who is missing, then lets out who is too
 * many, part by part. What fails to the end fails where it is, so that a redrive goes on from there.
 */
export function segmentsDefinition(parts: SegmentStatesParts): pulumi.Output<string> {
  const request = (action: string) => ({
    action,
    location: "{% $location %}",
    asOf: "{% $asOf %}",
    startedAt: "{% $states.context.Execution.StartTime %}",
  });
  const invoke = (payload: object | string) => ({
    Type: "Task",
    ...jsonata,
    Resource: pulumi.interpolate`arn:${parts.partition}:states:::lambda:invoke`,
    Arguments: { FunctionName: parts.importerArn, Payload: payload },
    Retry: [lambdaPasses, again],
  });
  /** Each part is called again until it is done: a function has a quarter of an hour. */
  const eachPart = (state: string, action: "enter" | "leave", next: object) => ({
    [state]: {
      Type: "Map",
      ...jsonata,
      Items: "{% $ranges %}",
      ItemSelector: {
        ...request(action),
        from: "{% $states.context.Map.Item.Value.from %}",
        to: "{% $states.context.Map.Item.Value.to %}",
      },
      MaxConcurrency: defaults.segmentConcurrency,
      ItemProcessor: {
        ProcessorConfig: { Mode: "INLINE" },
        StartAt: `${state}Part`,
        States: {
          [`${state}Part`]: {
            ...invoke("{% $states.input %}"),
            Assign: { answer: "{% $states.result.Payload %}" },
            Output: "{% $states.input %}",
            Next: `${state}PartDone`,
          },
          [`${state}PartDone`]: {
            Type: "Choice",
            ...jsonata,
            Choices: [{ Condition: "{% $answer.done %}", Next: `${state}PartEnd`, Output: "{% $answer %}" }],
            Default: `${state}Part`,
          },
          [`${state}PartEnd`]: { Type: "Succeed" },
        },
      },
      ...next,
    },
  });
  const sum = (counter: string) => `{% $sum($append([0], $states.result.${counter})) %}`;
  return pulumi.jsonStringify({
    Comment: "Bring audiences that are segments by SQL to what the lake says",
    StartAt: "Ask",
    TimeoutSeconds: defaults.segmentImportHours * 3_600,
    States: {
      Ask: {
        Type: "Task",
        ...jsonata,
        Resource: pulumi.interpolate`arn:${parts.partition}:states:::athena:startQueryExecution.sync`,
        Arguments: { QueryString: parts.query, WorkGroup: parts.workgroup },
        Retry: [again],
        Assign: {
          location: "{% $states.result.QueryExecution.ResultConfiguration.OutputLocation %}",
          // Whoever starts it by hand means now.
          asOf: "{% $exists($states.input.asOf) ? $states.input.asOf : $states.context.Execution.StartTime %}",
        },
        Output: "{% $states.input %}",
        Next: "Plan",
      },
      Plan: {
        ...invoke(request("plan")),
        Assign: { ranges: "{% $states.result.Payload.ranges %}" },
        Output: "{% $states.input %}",
        Next: "Enter",
      },
      ...eachPart("Enter", "enter", {
        Assign: { entered: sum("entered"), unknown: sum("unknown") },
        Next: "Leave",
      }),
      ...eachPart("Leave", "leave", {
        Output: { entered: "{% $entered %}", unknown: "{% $unknown %}", exited: sum("exited") },
        End: true,
      }),
    },
  });
}
