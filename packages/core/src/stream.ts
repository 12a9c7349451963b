import * as kinesis from "@pulumi/aws/kinesis";
import type * as pulumi from "@pulumi/pulumi";
import { alarm } from "./alarm";
import { TributaryComponent } from "./component";
import type { FoundationRef, TagDataClass } from "./foundation";
import { tagsFor } from "./foundation";
import type { Grantee } from "./grants";
import { grantStreamWrite } from "./grants";
import type { OnDelete } from "./protect";
import { protectData } from "./protect";
import type { EventStreamRef } from "./refs";
import type { Transform } from "./transform";
import { applyTransform } from "./transform";

export interface SecureStreamArgs {
  readonly foundation: FoundationRef;
  readonly dataClass: TagDataClass;
  /**
   * Shards carry 1 MiB or 1,000 records a second each and bill by the hour; on demand costs about three idle shards
   * and scales by itself.
   * @default { shards: 1 }
   */
  readonly capacity?: "on-demand" | { readonly shards: number };
  /** Hours that records stay readable, at least 48: a weekend's outage must not lose them. @default 72 */
  readonly retentionHours?: number;
  /** @default "retain" */
  readonly onDelete?: OnDelete;
  readonly transform?: Transform<kinesis.StreamArgs>;
}

const leastRetentionHours = 48;

/** A Kinesis stream encrypted with the foundation's key, with alarms on refused writes and on readers that lag. */
export class SecureStream extends TributaryComponent {
  readonly stream: kinesis.Stream;
  readonly name: pulumi.Output<string>;
  readonly arn: pulumi.Output<string>;
  readonly ref: EventStreamRef;

  constructor(name: string, args: SecureStreamArgs, opts?: pulumi.ComponentResourceOptions) {
    super("SecureStream", name, opts);
    const capacity = args.capacity ?? { shards: 1 };
    const defaults: kinesis.StreamArgs = {
      ...(capacity === "on-demand"
        ? { streamModeDetails: { streamMode: "ON_DEMAND" } }
        : { shardCount: capacity.shards, streamModeDetails: { streamMode: "PROVISIONED" } }),
      retentionPeriod: Math.max(leastRetentionHours, args.retentionHours ?? 72),
      tags: tagsFor(args.foundation, this.module, args.dataClass),
    };
    this.stream = new kinesis.Stream(
      name,
      {
        ...applyTransform(defaults, args.transform),
        encryptionType: "KMS",
        kmsKeyId: args.foundation.keyArn,
        enforceConsumerDeletion: false,
      },
      this.child(protectData(args.onDelete ?? "retain", `Stream "${name}"`)),
    );
    this.name = this.stream.name;
    this.arn = this.stream.arn;
    this.ref = { label: name, name: this.name, arn: this.arn, keyArn: args.foundation.keyArn };
    this.#watch(name, args.foundation);
    this.registerOutputs({ streamName: this.name, streamArn: this.arn });
  }

  /** Lets the grantee put records. */
  grantWrite(grantee: Grantee): void {
    grantStreamWrite(grantee, this.ref);
  }

  #watch(name: string, foundation: FoundationRef): void {
    const common = { foundation, module: this.module, namespace: "AWS/Kinesis", dimensions: { StreamName: this.name } };
    alarm(
      `${name}-writes-refused`,
      {
        ...common,
        description: `Stream ${name} refuses writes: more shards are needed, or the partition key is uneven.`,
        metric: "WriteProvisionedThroughputExceeded",
        statistic: "Sum",
        above: 0,
        periods: 5,
      },
      this.child(),
    );
    alarm(
      `${name}-readers-lag`,
      {
        ...common,
        description: `A reader of stream ${name} is more than ten minutes behind.`,
        metric: "GetRecords.IteratorAgeMilliseconds",
        statistic: "Maximum",
        above: 10 * 60 * 1000,
        periods: 5,
      },
      this.child(),
    );
  }
}
