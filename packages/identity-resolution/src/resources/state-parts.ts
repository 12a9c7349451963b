import * as pulumi from "@pulumi/pulumi";

export type State = Readonly<Record<string, unknown>>;
export type States = Readonly<Record<string, State>>;

/** Faults of AWS that pass. */
export const passing = {
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
export const anew = { ErrorEquals: ["States.ALL"], IntervalSeconds: 10, MaxAttempts: 4, BackoffRate: 3 };
export const toFailure = (next: string) => [{ ErrorEquals: ["States.ALL"], ResultPath: "$.error", Next: next }];

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

export const sdk = ({ partition }: Pick<MatchingParts, "partition">, action: string) =>
  pulumi.interpolate`arn:${partition}:states:::aws-sdk:${action}`;
export const invoke = ({ partition }: MatchingParts) => pulumi.interpolate`arn:${partition}:states:::lambda:invoke`;

/** A state that says what is wrong, and goes on to whoever tells it. */
export const failing = (error: string, cause: string, next: string): State => ({
  Type: "Pass",
  Result: { Error: error, Cause: cause },
  ResultPath: "$.error",
  Next: next,
});
