import { z } from "zod";
import { AwsError, parseInput } from "../../kernel";

/** A queue's settings under their API names; values are text, as the API has them. */
export type QueueAttributes = Readonly<Record<string, string>>;

/** Largest message, attributes included; AWS raised it from 256 KiB in August 2025. */
export const maxMessageBytes = 1_048_576;

const defaults = {
  VisibilityTimeout: "30",
  MaximumMessageSize: String(maxMessageBytes),
  MessageRetentionPeriod: "345600",
  DelaySeconds: "0",
  ReceiveMessageWaitTimeSeconds: "0",
} as const;

const integer = (low: number, high: number) =>
  z.string().refine((text) => /^\d+$/.test(text) && Number(text) >= low && Number(text) <= high, {
    message: `must be an integer from ${low} to ${high}`,
  });
const flag = z.enum(["true", "false"]);
const json = z.string().refine((text) => text === "" || isJsonObject(text), { message: "must be a JSON object" });

/** What may be set, with AWS's ranges. An empty Policy, RedrivePolicy or RedriveAllowPolicy takes it away. */
const settable = z
  .strictObject({
    VisibilityTimeout: integer(0, 43_200),
    MaximumMessageSize: integer(1024, maxMessageBytes),
    MessageRetentionPeriod: integer(60, 1_209_600),
    DelaySeconds: integer(0, 900),
    ReceiveMessageWaitTimeSeconds: integer(0, 20),
    Policy: json,
    RedrivePolicy: json,
    RedriveAllowPolicy: json,
    KmsMasterKeyId: z.string(),
    KmsDataKeyReusePeriodSeconds: integer(60, 86_400),
    SqsManagedSseEnabled: flag,
    FifoQueue: flag,
    ContentBasedDeduplication: flag,
    DeduplicationScope: z.enum(["messageGroup", "queue"]),
    FifoThroughputLimit: z.enum(["perQueue", "perMessageGroupId"]),
  })
  .partial();

const redrivePolicy = z.object({
  deadLetterTargetArn: z.string().startsWith("arn:"),
  maxReceiveCount: z.coerce.number().int().min(1).max(1000),
});

const redriveAllowPolicy = z.object({
  redrivePermission: z.enum(["allowAll", "denyAll", "byQueue"]),
  sourceQueueArns: z.array(z.string()).max(10).optional(),
});

export type RedrivePolicy = z.infer<typeof redrivePolicy>;

/** Checks settings and returns them; `current` are those that the queue has. */
export function withAttributes(name: string, current: QueueAttributes, change: unknown): QueueAttributes {
  const given = Object.fromEntries(Object.entries(change ?? {}).filter(([, value]) => value !== undefined));
  for (const key of Object.keys(given)) {
    if (!(key in settable.shape)) throw new AwsError("InvalidAttributeName", `Unknown Attribute ${key}.`);
  }
  const parsed = parseInput(settable, given, "InvalidAttributeValue");
  const merged: Record<string, string> = { ...defaults, ...current };
  for (const [key, value] of Object.entries(parsed)) {
    if (value === "") delete merged[key];
    else merged[key] = value;
  }
  if (merged.RedrivePolicy) parsePolicy(redrivePolicy, "RedrivePolicy", merged.RedrivePolicy);
  if (merged.RedriveAllowPolicy) parsePolicy(redriveAllowPolicy, "RedriveAllowPolicy", merged.RedriveAllowPolicy);
  if ((merged.FifoQueue === "true") !== name.endsWith(".fifo")) {
    throw new AwsError(
      "InvalidParameterValue",
      "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must end with .fifo suffix, and only such a queue may have FifoQueue set.",
    );
  }
  return merged;
}

/** The dead-letter settings of a queue, or undefined where it has none. */
export function redriveOf(attributes: QueueAttributes): RedrivePolicy | undefined {
  const text = attributes.RedrivePolicy;
  return text ? parsePolicy(redrivePolicy, "RedrivePolicy", text) : undefined;
}

/** Whether a dead-letter queue takes messages of a source queue. */
export function allowsRedrive(deadLetterQueue: QueueAttributes, sourceArn: string): boolean {
  const text = deadLetterQueue.RedriveAllowPolicy;
  if (!text) return true;
  const policy = parsePolicy(redriveAllowPolicy, "RedriveAllowPolicy", text);
  if (policy.redrivePermission === "byQueue") return policy.sourceQueueArns?.includes(sourceArn) ?? false;
  return policy.redrivePermission === "allowAll";
}

function parsePolicy<T>(schema: z.ZodType<T>, name: string, text: string): T {
  const result = schema.safeParse(JSON.parse(text));
  if (result.success) return result.data;
  throw new AwsError(
    "InvalidParameterValue",
    `Value ${text} for parameter ${name} is invalid. Reason: ${result.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`).join("; ")}.`,
  );
}

function isJsonObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}
