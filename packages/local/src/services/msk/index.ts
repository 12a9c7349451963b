import { createHash } from "node:crypto";
import { z } from "zod";
import { arn, autoName, type Kernel, parseInput, type Realiser, type Registered, type Resource } from "../../kernel";
import { tagOutputs } from "../support";
import { Broker } from "./broker";
import { Topics, topicArn } from "./topics";

export { groupArn, type StoredMessage, topicArn } from "./topics";

const trimEveryMs = 60_000;
const weekMs = 7 * 86_400_000;

const topicInputs = z.object({
  clusterArn: z.string(),
  name: z.string().optional(),
  partitionCount: z.number().int().min(1),
  configs: z.string().optional(),
});

/**
 * Amazon MSK: clusters whose broker takes what local producers send, and topics whose messages lie in the data folder.
 * What is not here: consumers, TLS, replication. `NotSupportedLocally` tells so where a program asks for it.
 */
export function install(kernel: Kernel): Realiser[] {
  const topics = new Topics(kernel);
  const brokers = new Map<string, Broker>();
  const ports = kernel.store.table<number>("msk.ports");
  let trimming: Promise<void> = Promise.resolve();
  const timer = setInterval(() => {
    trimming = trimming
      .then(() => topics.trim())
      .catch((error) => kernel.log.warn(`kafka: trimming failed and is tried again: ${String(error)}`));
  }, trimEveryMs);
  timer.unref();
  kernel.onClose(async () => {
    clearInterval(timer);
    await trimming;
    await Promise.all([...brokers.values()].map((broker) => broker.close()));
  });

  const start = async (clusterArn: string): Promise<number> => {
    const known = brokers.get(clusterArn);
    if (known) return known.port;
    const broker = new Broker(kernel, topics, clusterArn);
    brokers.set(clusterArn, broker);
    const port = await broker.listen(ports.get(clusterArn) ?? 0);
    await kernel.store.write(() => ports.put(clusterArn, port));
    return port;
  };

  const cluster = (type: string, serverless: boolean): Realiser => ({
    type,
    replaceOn: ["clusterName"],
    async compute(resource, _, previous) {
      const name = clusterName(resource, previous);
      const uuid = uuidOf(resource.urn, serverless);
      const clusterArn = arn(kernel.place, "kafka", `cluster/${name}/${uuid}`);
      const brokers = `127.0.0.1:${await start(clusterArn)}`;
      return {
        id: clusterArn,
        outputs: {
          arn: clusterArn,
          clusterName: name,
          clusterUuid: uuid,
          bootstrapBrokersSaslIam: brokers,
          region: kernel.place.region,
          ...tagOutputs(resource.inputs),
        },
      };
    },
    async attach(resource) {
      await start(resource.id);
    },
    async destroy(resource) {
      await brokers.get(resource.id)?.close();
      brokers.delete(resource.id);
      await kernel.store.write(() => ports.remove(resource.id));
    },
  });

  const topic: Realiser = {
    type: "aws:msk/topic:Topic",
    replaceOn: ["clusterArn", "name"],
    compute(resource) {
      const { clusterArn, name = autoName(resource.urn, resource.name, 100) } = parseInput(
        topicInputs,
        resource.inputs,
      );
      return { id: topicArn(clusterArn, name), outputs: { arn: topicArn(clusterArn, name), name } };
    },
    async attach(resource) {
      const { clusterArn, partitionCount, configs } = parseInput(topicInputs, resource.inputs);
      const settings = configOf(configs);
      await topics.declare({
        arn: resource.id,
        clusterArn,
        name: String(resource.outputs.name),
        partitions: partitionCount,
        retentionMs: settings["retention.ms"] ?? weekMs,
        maxMessageBytes: settings["max.message.bytes"] ?? 1_048_588,
      });
    },
    destroy: (resource) => topics.remove(resource.id),
  };

  return [
    cluster("aws:msk/serverlessCluster:ServerlessCluster", true),
    cluster("aws:msk/cluster:Cluster", false),
    topic,
  ];
}

function clusterName(resource: Registered, previous: Resource | undefined): string {
  if (previous) return String(previous.outputs.clusterName);
  const { clusterName: given } = resource.inputs;
  return typeof given === "string" ? given : autoName(resource.urn, resource.name, 64);
}

function uuidOf(urn: string, serverless: boolean): string {
  const digest = createHash("sha256").update(urn).digest("hex");
  return digest.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*$/, `$1-$2-$3-$4-$5-${serverless ? "s1" : "1"}`);
}

/** The numbers of a topic's configuration, given as base64 or as JSON. */
function configOf(text: string | undefined): Record<string, number> {
  if (text === undefined) return {};
  const json = text.trimStart().startsWith("{") ? text : Buffer.from(text, "base64").toString("utf8");
  const given = JSON.parse(json) as Record<string, unknown>;
  return Object.fromEntries(Object.entries(given).map(([name, value]) => [name, Number(value)]));
}
