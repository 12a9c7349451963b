import * as cloudwatch from "@pulumi/aws/cloudwatch";
import type * as pulumi from "@pulumi/pulumi";
import { type FoundationRef, tagsFor } from "./foundation";
import { DeadLetterQueue } from "./queue";

/**
 * Tells the alarm topic of failures that a service announces on the default event bus: for those that have no metric of
 * their own. A notice that cannot be delivered rests in a dead-letter queue, which has an alarm.
 */
export function failureNotice(
  name: string,
  args: {
    readonly foundation: FoundationRef;
    readonly module: string;
    /** What it means and what to do. */
    readonly description: string;
    readonly pattern: pulumi.Input<string>;
    /** The message, made of the event: paths by name, and a text with `<name>` in it. @default the event itself */
    readonly message?: { readonly paths: Readonly<Record<string, string>>; readonly text: string };
  },
  opts: pulumi.ComponentResourceOptions,
): cloudwatch.EventRule {
  const { foundation, module, message } = args;
  const rule = new cloudwatch.EventRule(
    name,
    { description: args.description, eventPattern: args.pattern, tags: tagsFor(foundation, module) },
    opts,
  );
  const deadLetters = ruleDeadLetters(name, rule, foundation, opts);
  new cloudwatch.EventTarget(
    name,
    {
      rule: rule.name,
      arn: foundation.alarmTopicArn,
      ...(message && {
        // A template that is no JSON object has to be a JSON string.
        inputTransformer: { inputPaths: { ...message.paths }, inputTemplate: JSON.stringify(message.text) },
      }),
      deadLetterConfig: { arn: deadLetters.arn },
    },
    opts,
  );
  return rule;
}

/** Where events of a rule rest that its target would not take. */
export function ruleDeadLetters(
  name: string,
  rule: cloudwatch.EventRule,
  foundation: FoundationRef,
  opts: pulumi.ComponentResourceOptions,
): DeadLetterQueue {
  return new DeadLetterQueue(
    `${name}-dead-letters`,
    {
      foundation,
      of: `rule ${name}`,
      policy: (arn) => [
        {
          sid: "Undelivered",
          actions: ["sqs:SendMessage"],
          principals: { Service: "events.amazonaws.com" },
          resources: [arn],
          conditions: { ArnEquals: { "aws:SourceArn": rule.arn } },
        },
      ],
    },
    opts,
  );
}
