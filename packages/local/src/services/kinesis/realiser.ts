import { z } from "zod";
import { autoName, type Kernel, parseInput, type Realiser, type Registered } from "../../kernel";
import type { KinesisService } from "./service";
import { onDemandShards, type StreamDefinition, streamArn } from "./streams";

const inputs = z.object({
  name: z.string().optional(),
  shardCount: z.number().int().min(1).optional(),
  retentionPeriod: z.number().int().min(24).max(8760).optional(),
  streamModeDetails: z.object({ streamMode: z.enum(["PROVISIONED", "ON_DEMAND"]) }).optional(),
  encryptionType: z.enum(["NONE", "KMS"]).optional(),
  kmsKeyId: z.string().optional(),
  maxRecordSizeInKib: z.number().int().min(1024).max(10_240).optional(),
  tags: z.record(z.string(), z.string()).optional(),
});

/** `aws:kinesis/stream:Stream`. */
export function streamRealiser(kinesis: KinesisService): Realiser {
  const { streams } = kinesis;
  return {
    type: "aws:kinesis/stream:Stream",
    replaceOn: ["name"],

    compute(resource, kernel, previous) {
      const declared = declare(resource, kernel);
      const name = previous ? String(previous.outputs.name) : declared.name;
      const arn = streamArn(kernel, name);
      return {
        id: arn,
        outputs: {
          arn,
          name,
          region: kernel.place.region,
          retentionPeriod: declared.retentionHours,
          shardCount: declared.mode === "ON_DEMAND" ? 0 : declared.shardCount,
          maxRecordSizeInKib: declared.maxRecordKib,
          encryptionType: declared.keyId === undefined ? "NONE" : "KMS",
          streamModeDetails: { streamMode: declared.mode },
          tagsAll: declared.tags,
        },
      };
    },

    async attach(resource, kernel) {
      const { shardCount, createdAt, ...declared } = declare(resource, kernel);
      const name = String(resource.outputs.name);
      const existing = streams.find(name);
      if (!existing) {
        await streams.create({ ...declared, name, shardCount, createdAt });
        return;
      }
      if (existing.definition.shardCount !== shardCount) {
        kernel.log.warn(
          `stream ${name} keeps its ${existing.definition.shardCount} shards here (${shardCount} declared): resharding is not done locally, and order per key holds either way`,
        );
      }
      await streams.update(existing, { ...declared, name, keyId: declared.keyId });
    },

    async destroy(resource) {
      const stream = streams.find(String(resource.outputs.name));
      if (stream) await streams.remove(stream);
    },
  };
}

function declare(resource: Registered, kernel: Kernel): StreamDefinition {
  const given = parseInput(inputs, resource.inputs);
  const mode = given.streamModeDetails?.streamMode ?? "PROVISIONED";
  return {
    name: given.name ?? autoName(resource.urn, resource.name, 128),
    mode,
    shardCount: mode === "ON_DEMAND" ? onDemandShards : (given.shardCount ?? 1),
    retentionHours: given.retentionPeriod ?? 24,
    ...(given.encryptionType === "KMS" ? { keyId: given.kmsKeyId ?? "alias/aws/kinesis" } : {}),
    maxRecordKib: given.maxRecordSizeInKib ?? 1024,
    tags: given.tags ?? {},
    createdAt: kernel.now(),
  };
}
