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

/**
 * What a stream can take. Shards carry 1 MiB or 1,000 records a second each and bill by the hour; on demand costs about
 * three idle shards and scales by itself, to twice the peak of the last 30 days at any moment.
 */
export type StreamCapacity =
  | "on-demand"
  | {
      readonly shards: number;
      /** Use of the shards' limits, in percent, from which an alarm asks for more of them; 10 to 100. @default 80 */
      readonly alarmAtPercent?: number;
    };

export interface SecureStreamArgs {
  readonly foundation: FoundationRef;
  readonly dataClass: TagDataClass;
  /** @default { shards: 1 } */
  readonly capacity?: StreamCapacity;
  /** Hours that records stay readable, at least 48: a weekend's outage must not lose them. @default 72 */
  readonly retentionHours?: number;
  /** @default "retain" */
  readonly onDelete?: OnDelete;
  readonly transform?: Transform<kinesis.StreamArgs>;
}

const leastRetentionHours = 48;
/** What a shard takes in a second. Source: "Quotas and limits" of Kinesis Data Streams. */
const shardLimits = { bytes: 1024 * 1024, records: 1000 };
/** Bytes and records are summed over a minute. */
const usagePeriodSeconds = 60;

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
    const given = applyTransform(defaults, args.transform);
    this.stream = new kinesis.Stream(
      name,
      {
        ...given,
        encryptionType: "KMS",
        kmsKeyId: args.foundation.keyArn,
        enforceConsumerDeletion: false,
      },
      this.child(protectData(args.onDelete ?? "retain", `Stream "${name}"`)),
    );
    this.name = this.stream.name;
    this.arn = this.stream.arn;
    this.ref = { label: name, name: this.name, arn: this.arn, keyArn: args.foundation.keyArn };
    this.#watch(name, args.foundation, capacity);
    // A transform may have set another number, or none that is known now.
    const shards = capacity === "on-demand" ? undefined : given.shardCount;
    if (capacity !== "on-demand" && typeof shards === "number") {
      this.#watchUse(name, args.foundation, shards, capacity.alarmAtPercent ?? 80);
    }
    this.registerOutputs({ streamName: this.name, streamArn: this.arn });
  }

  /** Lets the grantee put records. */
  grantWrite(grantee: Grantee): void {
    grantStreamWrite(grantee, this.ref);
  }

  /** Refused writes, refused reads, readers that lag. */
  #watch(name: string, foundation: FoundationRef, capacity: StreamCapacity): void {
    const common = { ...this.#metrics(foundation), above: 0, periods: 5 };
    const more =
      capacity === "on-demand"
        ? "it more than doubled within 15 minutes (it catches up by itself), or one partition key is too busy for a shard."
        : `more than ${capacity.shards} shards are needed (raise capacity.shards, or set capacity: "on-demand"), or one partition key is too busy for a shard.`;
    alarm(
      `${name}-writes-refused`,
      {
        ...common,
        description: `Stream ${name} refuses writes: ${more}`,
        metric: "WriteProvisionedThroughputExceeded",
        statistic: "Sum",
      },
      this.child(),
    );
    alarm(
      `${name}-reads-refused`,
      {
        ...common,
        description: `Stream ${name} has refused reads for a quarter of an hour: its readers share 2 MiB and 5 reads a second of each shard. More shards spread them; see also whether somebody else reads it.`,
        metric: "ReadProvisionedThroughputExceeded",
        statistic: "Sum",
        periods: 15,
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
      },
      this.child(),
    );
  }

  /** Use of provisioned shards, before they refuse. On demand there is no number that use could be held against. */
  #watchUse(name: string, foundation: FoundationRef, shards: number, percent: number): void {
    const remedy = `deploy with capacity: { shards: ${shards * 2} } (order per key is kept), or capacity: "on-demand".`;
    const measures = [
      { part: "bytes", metric: "IncomingBytes", limit: shardLimits.bytes },
      { part: "records", metric: "IncomingRecords", limit: shardLimits.records },
    ];
    for (const { part, metric, limit } of measures) {
      alarm(
        `${name}-${part}-near-limit`,
        {
          ...this.#metrics(foundation),
          description: `Stream ${name} has been at more than ${percent} % of what its ${shards} shards take in ${part} for five minutes: ${remedy}`,
          metric,
          statistic: "Sum",
          above: Math.floor((shards * limit * usagePeriodSeconds * percent) / 100),
          periodSeconds: usagePeriodSeconds,
          periods: 5,
        },
        this.child(),
      );
    }
  }

  #metrics(foundation: FoundationRef) {
    return { foundation, module: this.module, namespace: "AWS/Kinesis", dimensions: { StreamName: this.name } };
  }
}
