import * as cloudwatch from "@pulumi/aws/cloudwatch";
import type * as iam from "@pulumi/aws/iam";
import * as pulumi from "@pulumi/pulumi";
import { TributaryComponent } from "./component";
import type { FoundationRef } from "./foundation";
import { tagsFor } from "./foundation";
import type { Grantee } from "./grants";
import { grantStatements } from "./grants";
import { DeadLetterQueue } from "./queue";
import type { EventBusRef } from "./refs";

export interface SecureEventBusArgs {
  readonly foundation: FoundationRef;
  readonly description: string;
}

/**
 * An event bus of EventBridge whose events are encrypted with the foundation's key. What the bus cannot encrypt or
 * decrypt rests in its dead-letter queue. It costs nothing while nothing is put on it.
 */
export class SecureEventBus extends TributaryComponent {
  readonly bus: cloudwatch.EventBus;
  readonly name: pulumi.Output<string>;
  readonly arn: pulumi.Output<string>;
  readonly ref: EventBusRef;

  constructor(name: string, args: SecureEventBusArgs, opts?: pulumi.ComponentResourceOptions) {
    super("SecureEventBus", name, opts);
    const { foundation, description } = args;
    const { partition, region, accountId } = this.place;
    const deadLetters = new DeadLetterQueue(
      `${name}-dead-letters`,
      {
        foundation,
        of: `event bus ${name}`,
        policy: (arn) => [
          {
            sid: "Undelivered",
            actions: ["sqs:SendMessage"],
            principals: { Service: "events.amazonaws.com" },
            resources: [arn],
            // The bus needs the queue's ARN, so its own is not known here.
            conditions: {
              ArnLike: {
                "aws:SourceArn": pulumi.interpolate`arn:${partition}:events:${region}:${accountId}:event-bus/*`,
              },
            },
          },
        ],
      },
      this.child(),
    );
    this.bus = new cloudwatch.EventBus(
      name,
      {
        description,
        kmsKeyIdentifier: foundation.keyArn,
        deadLetterConfig: { arn: deadLetters.arn },
        tags: tagsFor(foundation, this.module),
      },
      this.child(),
    );
    this.name = this.bus.name;
    this.arn = this.bus.arn;
    this.ref = { label: name, name: this.name, arn: this.arn };
    this.registerOutputs({ eventBusName: this.name, eventBusArn: this.arn });
  }

  /** PutEvents. EventBridge itself uses the key. */
  grantPut(grantee: Grantee): iam.RolePolicy {
    grantee.checkReach?.("eventbridge");
    return grantStatements(grantee, `put-${this.ref.label}`, [
      { actions: ["events:PutEvents"], resources: [this.arn] },
    ]);
  }
}
