import type { Input, Resource } from "@pulumi/pulumi";

/**
 * Structural handles to resources. An output of another component, a ref written by hand from ARNs, and a ref read
 * from another team's stack all fit: nothing here is a class, nothing is checked by `instanceof`.
 *
 * `label` is a plain name for the store. Grants are named after it, so a function that is granted the same verb on two
 * stores needs labels to tell them apart; refs made by our components carry one.
 */
export interface Labelled {
  readonly label?: string;
}

/** A customer managed KMS key. */
export interface KeyRef {
  readonly arn: Input<string>;
}

/** An S3 bucket and the key that it is encrypted with. */
export interface BucketRef extends Labelled {
  readonly name: Input<string>;
  readonly arn: Input<string>;
  readonly keyArn: Input<string>;
}

/** A DynamoDB table; `streamArn` where it has a stream. */
export interface TableRef extends Labelled {
  readonly name: Input<string>;
  readonly arn: Input<string>;
  readonly keyArn: Input<string>;
  readonly streamArn?: Input<string>;
}

/** A table of the Glue catalog, of files on S3. */
export interface GlueTableRef extends Labelled {
  readonly database: Input<string>;
  readonly table: Input<string>;
  /** Holds the table's files. */
  readonly bucket: BucketRef;
  /** Where in the bucket they lie, with a slash at its end; plain, as grants are named after it. */
  readonly prefix: string;
  /** Names of its columns, where known; plain. */
  readonly columns?: readonly string[];
}

/** Segments by SQL that a lake computes each night, and where they are asked for: `lake.segments`. */
export interface SegmentsRef extends Labelled {
  /** Who is in which segment: the columns `segment` and `profile_id`. */
  readonly members: GlueTableRef;
  /** Their SELECTs by name; plain, as they decide what is a valid audience. */
  readonly sql: Readonly<Record<string, string>>;
  /** The Athena workgroup that asks, and where its answers lie. */
  readonly workgroup: {
    readonly name: Input<string>;
    readonly arn: Input<string>;
    readonly results: BucketRef;
    /** In the bucket, with a slash at its end; plain, as grants are named after it. */
    readonly resultsPrefix: string;
  };
}

/** A Kinesis data stream. */
export interface EventStreamRef extends Labelled {
  readonly name: Input<string>;
  readonly arn: Input<string>;
  readonly keyArn: Input<string>;
}

/** A topic of an MSK cluster that takes logins by IAM. */
export interface KafkaTopicRef extends Labelled {
  readonly clusterArn: Input<string>;
  readonly topic: Input<string>;
  /** `host:9098` of some brokers, with commas between. */
  readonly bootstrapBrokers: Input<string>;
  /** Security groups of the functions that produce, which the brokers let in. */
  readonly clientSecurityGroupIds: readonly Input<string>[];
  /** What must be there before somebody reads. */
  readonly ready?: readonly Resource[];
}

/** An SQS queue. */
export interface QueueRef extends Labelled {
  readonly url: Input<string>;
  readonly arn: Input<string>;
  readonly keyArn: Input<string>;
  /** Seconds; where given, a consumer whose timeout is more than a sixth of it is refused. */
  readonly visibilityTimeoutSeconds?: number;
}

/** A custom event bus of EventBridge. */
export interface EventBusRef extends Labelled {
  readonly name: Input<string>;
  readonly arn: Input<string>;
}

/** A state machine of Step Functions. */
export interface StateMachineRef extends Labelled {
  readonly arn: Input<string>;
}

/** What a function's code can call. `internet` is any address outside AWS: a webhook, an advertising platform. */
export type Callee = "dynamodb" | "s3" | "kinesis" | "sqs" | "secretsmanager" | "eventbridge" | "kafka" | "internet";

/** Private subnets for the functions that call DynamoDB, and what can be reached from there. */
export interface NetworkRef {
  readonly vpcId: Input<string>;
  readonly subnetIds: Input<Input<string>[]>;
  readonly securityGroupIds: Input<Input<string>[]>;
  /** Gateway endpoint: where given, tables refuse data-plane calls that do not come through it. */
  readonly dynamodbEndpointId?: Input<string>;
  /**
   * What is reachable from the subnets; plain, as it decides whether a program is valid.
   * @default ["dynamodb", "s3"], what the two free gateway endpoints give
   */
  readonly reaches?: readonly Callee[];
}

/** The identity graph and the profiles: `identities.profiles`. */
export interface ProfileStoreRef {
  readonly graph: TableRef;
  /** With a stream of new and old images. */
  readonly profiles: TableRef;
  /**
   * The identity rules that made them (JSON of `@tributary/model`'s `IdentityRules`): readers normalise what they look
   * up by them. Plain; left out: the default rules.
   */
  readonly rules?: unknown;
}
