import type * as dynamodb from "@pulumi/aws/dynamodb";
import type * as kinesis from "@pulumi/aws/kinesis";
import type * as s3 from "@pulumi/aws/s3";
import type { Input } from "@pulumi/pulumi";
import type { BucketRef, Callback, FoundationRef, OnDelete, StreamCapacity, Transform } from "@tributary/core";
import type { KafkaStream } from "./kafka-args";
import type { OnEvent } from "./on-event";
import type { SourceArgs } from "./sources";

/** Where everything that is collected is kept for ever: `dataLake.rawZone`, or the same shape written by hand. */
export interface RawZoneRef {
  readonly bucket: BucketRef;
  /** Glue database of the raw zone. */
  readonly database: Input<string>;
  /** Its table of collected events, whose columns the archive is written by. */
  readonly eventsTable: Input<string>;
}

/** Changes to children after our defaults and before our security invariants; keys as in `nodes`. */
export interface IngestionTransforms {
  readonly stream?: Transform<kinesis.StreamArgs>;
  readonly table?: Transform<dynamodb.TableArgs>;
  readonly quarantine?: Transform<s3.BucketArgs>;
}

/** Values and what decides which resources exist. */
export interface IngestionDataArgs {
  /** `governance.foundation`. */
  readonly foundation: FoundationRef;
  /** `dataLake.rawZone`. */
  readonly rawZone: RawZoneRef;
  /** By id: lower case letters, digits and dashes. The id is part of every event for ever. */
  readonly sources: Readonly<Record<string, SourceArgs>>;
  /** Of the event stream. On demand scales by itself and costs about three idle shards. @default { shards: 1 } */
  readonly capacity?: StreamCapacity;
  /** Kafka in place of Kinesis, for those who run on it: bills by the hour. @default Kinesis */
  readonly stream?: { readonly kafka: KafkaStream };
  /** Hours that the stream keeps records for readers that were away, 48 to 8,760. @default 72 */
  readonly streamRetentionHours?: number;
  /** Days that an event stays in the events table, and is recognised when it comes again. @default 30 */
  readonly eventRetentionDays?: number;
  /** How the processor reads the stream. */
  readonly processing?: {
    /** Records at a time, 1 to 10,000. @default 500 */
    readonly batchSize?: number;
    /** Seconds to wait for a full batch, 0 to 300. @default 0 */
    readonly windowSeconds?: number;
    /** Batches of a shard at a time, 1 to 10. @default 2 */
    readonly parallelization?: number;
  };
  /** How the archive writes the raw zone: a file when so much or so old is gathered, whichever is first. */
  readonly archive?: {
    /** 64 to 128. @default 64 */
    readonly megabytes?: number;
    /** 60 to 900. @default 300 */
    readonly seconds?: number;
    /**
     * Each event once, however often its client sent it: by a function and a table, for one DynamoDB write an event.
     * Without it each delivery has a row. @default true
     */
    readonly deduplicate?: boolean;
  };
  /** Stream, events table and quarantine when they leave the program. @default "retain" */
  readonly onDelete?: OnDelete;
  readonly transform?: IngestionTransforms;
}

/** The user's code. */
export interface IngestionCallbacks {
  /** Called with each event before it is stored: change it, make several of it, or `drop(reason)` it. */
  readonly onEvent?: Callback<OnEvent>;
}

export interface IngestionArgs extends IngestionDataArgs, IngestionCallbacks {}
