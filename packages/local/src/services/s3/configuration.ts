import { AwsError, type Kernel, type Resource } from "../../kernel";
import { derived, isRecord, records, text, texts } from "../support";

export interface NotificationTarget {
  readonly id: string;
  readonly kind: "lambda" | "queue" | "topic";
  readonly targetArn: string;
  /** `s3:ObjectCreated:*`, … */
  readonly events: readonly string[];
  readonly prefix: string;
  readonly suffix: string;
}

/** What the stack's other resources say about a bucket. */
export interface BucketConfiguration {
  readonly targets: readonly NotificationTarget[];
  readonly eventBridge: boolean;
  /** `Enabled` or `Suspended`, where the stack says so. */
  readonly versioning?: string;
  readonly encryption?: { readonly algorithm: string; readonly keyId?: string; readonly bucketKey: boolean };
  readonly policy?: string;
}

const none: BucketConfiguration = { targets: [], eventBridge: false };

/** A lookup of bucket configurations, read from the stack's resources. */
export function bucketConfiguration(kernel: Kernel): (bucket: string) => BucketConfiguration {
  const all = derived(kernel, (resources) => {
    const found = new Map<string, BucketConfiguration>();
    for (const resource of resources) {
      const part = partOf(resource);
      const bucket = text(resource.inputs.bucket) ?? text(resource.outputs.bucket);
      if (part && bucket) found.set(bucket, { ...(found.get(bucket) ?? none), ...part });
    }
    return found;
  });
  return (bucket) => all().get(bucket) ?? none;
}

function partOf({ type, inputs, outputs }: Resource): Partial<BucketConfiguration> | undefined {
  switch (type.replace(/V2(:|$)/g, "$1").replace(/V2$/, "")) {
    case "aws:s3/bucket:Bucket":
      return encryptionOf(inputs.serverSideEncryptionConfiguration, "rule");
    case "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration":
      return encryptionOf(inputs, "rules");
    case "aws:s3/bucketVersioning:BucketVersioning": {
      const status = isRecord(inputs.versioningConfiguration) ? text(inputs.versioningConfiguration.status) : undefined;
      return status ? { versioning: status } : undefined;
    }
    case "aws:s3/bucketPolicy:BucketPolicy": {
      const policy = inputs.policy ?? outputs.policy;
      if (policy === undefined) return undefined;
      return { policy: typeof policy === "string" ? policy : JSON.stringify(policy) };
    }
    case "aws:s3/bucketNotification:BucketNotification":
      return { targets: targetsOf(inputs), eventBridge: inputs.eventbridge === true };
    default:
      return undefined;
  }
}

function encryptionOf(holder: unknown, member: "rule" | "rules"): Partial<BucketConfiguration> | undefined {
  const [rule] = isRecord(holder) ? records(holder[member]) : [];
  const byDefault = rule?.applyServerSideEncryptionByDefault;
  if (!rule || !isRecord(byDefault)) return undefined;
  const keyId = text(byDefault.kmsMasterKeyId);
  return {
    encryption: {
      algorithm: text(byDefault.sseAlgorithm) ?? "AES256",
      bucketKey: rule.bucketKeyEnabled === true,
      ...(keyId && { keyId }),
    },
  };
}

/** @throws AwsError for a notification without target or events */
export function targetsOf(inputs: Record<string, unknown>): NotificationTarget[] {
  const kinds = [
    ["lambda", "lambdaFunctions", "lambdaFunctionArn"],
    ["queue", "queues", "queueArn"],
    ["topic", "topics", "topicArn"],
  ] as const;
  return kinds.flatMap(([kind, member, arnMember]) =>
    records(inputs[member]).map((entry, index) => {
      const targetArn = text(entry[arnMember]);
      const events = texts(entry.events);
      if (!targetArn || events.length === 0) {
        throw new AwsError(
          "InvalidArgument",
          `${member}[${index}] of the bucket notification needs ${arnMember} and events`,
        );
      }
      return {
        id: text(entry.id) ?? `${kind}-${index}`,
        kind,
        targetArn,
        events,
        prefix: text(entry.filterPrefix) ?? "",
        suffix: text(entry.filterSuffix) ?? "",
      };
    }),
  );
}
