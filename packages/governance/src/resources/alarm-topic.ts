import * as sns from "@pulumi/aws/sns";
import type * as pulumi from "@pulumi/pulumi";
import type { Place, Transform } from "@tributary/core";
import { applyTransform, policyDocument } from "@tributary/core";

/** The encrypted, TLS-only topic that alarms go to, and the subscription of whoever wants them by e-mail. */
export function makeAlarmTopic(
  name: string,
  args: {
    readonly place: Place;
    readonly keyArn: pulumi.Input<string>;
    readonly email: string | undefined;
    readonly tags: Record<string, string>;
    readonly transform: Transform<sns.TopicArgs> | undefined;
  },
  opts: pulumi.CustomResourceOptions,
): { readonly topic: sns.Topic; readonly subscription: sns.TopicSubscription | undefined } {
  const defaults: sns.TopicArgs = { tags: args.tags };
  const topic = new sns.Topic(
    `${name}-alarms`,
    { ...applyTransform(defaults, args.transform), kmsMasterKeyId: args.keyArn },
    opts,
  );
  new sns.TopicPolicy(
    `${name}-alarms`,
    {
      arn: topic.arn,
      policy: policyDocument([
        {
          sid: "DenyPlainTransport",
          effect: "Deny",
          actions: ["sns:Publish"],
          principals: "*",
          resources: [topic.arn],
          conditions: { Bool: { "aws:SecureTransport": "false" } },
        },
        {
          sid: "AlarmsAndBudgets",
          actions: ["sns:Publish"],
          principals: { Service: ["cloudwatch.amazonaws.com", "events.amazonaws.com", "budgets.amazonaws.com"] },
          resources: [topic.arn],
          conditions: { StringEquals: { "aws:SourceAccount": args.place.accountId } },
        },
      ]),
    },
    opts,
  );
  const subscription =
    args.email === undefined
      ? undefined
      : new sns.TopicSubscription(
          `${name}-alarms-email`,
          { topic: topic.arn, protocol: "email", endpoint: args.email },
          opts,
        );
  return { topic, subscription };
}
