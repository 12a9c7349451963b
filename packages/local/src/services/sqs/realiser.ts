import { z } from "zod";
import { AwsError, arn, autoName, type Kernel, parseInput, type Realiser, type Registered } from "../../kernel";
import type { SqsService } from "./service";

const inputs = z.object({
  name: z.string().optional(),
  namePrefix: z.string().optional(),
  fifoQueue: z.boolean().optional(),
  visibilityTimeoutSeconds: z.number().optional(),
  maxMessageSize: z.number().optional(),
  messageRetentionSeconds: z.number().optional(),
  delaySeconds: z.number().optional(),
  receiveWaitTimeSeconds: z.number().optional(),
  policy: z.string().optional(),
  redrivePolicy: z.string().optional(),
  redriveAllowPolicy: z.string().optional(),
  kmsMasterKeyId: z.string().optional(),
  kmsDataKeyReusePeriodSeconds: z.number().optional(),
  sqsManagedSseEnabled: z.boolean().optional(),
  contentBasedDeduplication: z.boolean().optional(),
  deduplicationScope: z.string().optional(),
  fifoThroughputLimit: z.string().optional(),
  tags: z.record(z.string(), z.string()).optional(),
});

type Inputs = z.infer<typeof inputs>;

/** Which attribute of the API each argument sets. */
const attributeOf: Partial<Record<keyof Inputs, string>> = {
  fifoQueue: "FifoQueue",
  visibilityTimeoutSeconds: "VisibilityTimeout",
  maxMessageSize: "MaximumMessageSize",
  messageRetentionSeconds: "MessageRetentionPeriod",
  delaySeconds: "DelaySeconds",
  receiveWaitTimeSeconds: "ReceiveMessageWaitTimeSeconds",
  policy: "Policy",
  redrivePolicy: "RedrivePolicy",
  redriveAllowPolicy: "RedriveAllowPolicy",
  kmsMasterKeyId: "KmsMasterKeyId",
  kmsDataKeyReusePeriodSeconds: "KmsDataKeyReusePeriodSeconds",
  sqsManagedSseEnabled: "SqsManagedSseEnabled",
  contentBasedDeduplication: "ContentBasedDeduplication",
  deduplicationScope: "DeduplicationScope",
  fifoThroughputLimit: "FifoThroughputLimit",
};

/** `aws:sqs/queue:Queue`. */
export function queueRealiser({ queues }: SqsService): Realiser {
  return {
    type: "aws:sqs/queue:Queue",
    replaceOn: ["name", "namePrefix", "fifoQueue"],

    compute(resource, kernel, previous) {
      const given = parseInput(inputs, resource.inputs);
      const name = previous ? String(previous.outputs.name) : physicalName(resource, given);
      const url = queues.url(name);
      return {
        id: url,
        outputs: {
          url,
          name,
          arn: arn(kernel.place, "sqs", name),
          region: kernel.place.region,
          visibilityTimeoutSeconds: given.visibilityTimeoutSeconds ?? 30,
          messageRetentionSeconds: given.messageRetentionSeconds ?? 345_600,
          policy: given.policy ?? "",
          redrivePolicy: given.redrivePolicy ?? "",
          redriveAllowPolicy: given.redriveAllowPolicy ?? "",
          tagsAll: given.tags ?? {},
        },
      };
    },

    async attach(resource) {
      const given = parseInput(inputs, resource.inputs);
      const name = String(resource.outputs.name);
      const attributes = declaredAttributes(given);
      const existing = queues.find(name);
      if (existing) await queues.update(existing, { attributes, tags: given.tags ?? {} });
      else await queues.create(name, attributes, given.tags ?? {});
    },

    async destroy(resource) {
      const queue = queues.find(String(resource.outputs.name));
      if (queue) await queues.remove(queue);
    },
  };
}

/** `queuePolicy`, `redrivePolicy` and `redriveAllowPolicy`: each sets one attribute of a queue. */
export function attributeRealisers({ queues }: SqsService): Realiser[] {
  const kinds = [
    ["aws:sqs/queuePolicy:QueuePolicy", "policy", "Policy"],
    ["aws:sqs/redrivePolicy:RedrivePolicy", "redrivePolicy", "RedrivePolicy"],
    ["aws:sqs/redriveAllowPolicy:RedriveAllowPolicy", "redriveAllowPolicy", "RedriveAllowPolicy"],
  ] as const;
  return kinds.map(([type, input, attribute]): Realiser => {
    const schema = z.object({ queueUrl: z.string(), [input]: z.string() });
    const urlOf = (resource: Registered) => String(parseInput(schema, resource.inputs).queueUrl);
    return {
      type,
      replaceOn: ["queueUrl"],
      compute: (resource, kernel: Kernel) => ({ id: urlOf(resource), outputs: { region: kernel.place.region } }),
      async attach(resource) {
        const queue = queues.byUrl(urlOf(resource));
        const value = String((resource.inputs as Record<string, unknown>)[input]);
        if (input === "redrivePolicy") queues.checkRedrive(queue.name, queue.arn, { RedrivePolicy: value });
        await queues.update(queue, { attributes: { [attribute]: value } });
      },
      async destroy(resource) {
        try {
          await queues.update(queues.byUrl(urlOf(resource)), { attributes: { [attribute]: "" } });
        } catch (error) {
          // The queue went first: nothing is left to unset.
          if (!(error instanceof AwsError) || error.name !== "QueueDoesNotExist") throw error;
        }
      },
    };
  });
}

function physicalName(resource: Registered, given: Inputs): string {
  if (given.name !== undefined) return given.name;
  const suffix = given.fifoQueue ? ".fifo" : "";
  return `${autoName(resource.urn, given.namePrefix ?? resource.name, 80 - suffix.length)}${suffix}`;
}

function declaredAttributes(given: Inputs): Record<string, string> {
  const result: Record<string, string> = {};
  for (const [key, attribute] of Object.entries(attributeOf)) {
    const value = given[key as keyof Inputs];
    // FifoQueue may only be set where true, on AWS too.
    if (value !== undefined && value !== "" && !(attribute === "FifoQueue" && value === false)) {
      result[attribute] = String(value);
    }
  }
  return result;
}
