import { rmSync } from "node:fs";
import { arn, autoName, type Kernel, type Realiser } from "../../kernel";
import { LakeEngine } from "../duckdb";
import { defineService, tagOutputs } from "../support";
import { readConfig } from "./config";
import { DeliveryStream } from "./delivery-stream";
import { deliveryStreamsOf, firehoseOperations } from "./service";
import { DirectSource, KafkaSource, KinesisSource } from "./source";

export { deliveryStreamsOf } from "./service";

const deliveryStreamRealiser: Realiser = {
  type: "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream",
  replaceOn: ["name", "destination", "kinesisSourceConfiguration", "mskSourceConfiguration"],
  compute(resource, kernel) {
    readConfig(resource.inputs);
    const { name: given } = resource.inputs;
    const name = typeof given === "string" ? given : autoName(resource.urn, resource.name, 64);
    const streamArn = arn(kernel.place, "firehose", `deliverystream/${name}`);
    return {
      id: streamArn,
      outputs: {
        arn: streamArn,
        name,
        destinationId: "destinationId-000000000001",
        versionId: "1",
        region: kernel.place.region,
        ...tagOutputs(resource.inputs),
      },
    };
  },
  async attach(resource, kernel) {
    const config = readConfig(resource.inputs);
    const name = String(resource.outputs.name);
    await deliveryStreamsOf(kernel).get(name)?.stop();
    const direct = config.source ? undefined : new DirectSource(kernel, name);
    const source = config.source
      ? new (config.source.kind === "kafka" ? KafkaSource : KinesisSource)(
          kernel,
          config.source.streamArn,
          config.source.roleArn,
          name,
        )
      : (direct as DirectSource);
    const stream = new DeliveryStream(kernel, name, resource.id, config, source, direct);
    deliveryStreamsOf(kernel).set(name, stream);
    await stream.start();
  },
  async detach(resource, kernel) {
    const name = String(resource.outputs.name);
    await deliveryStreamsOf(kernel).get(name)?.stop();
    deliveryStreamsOf(kernel).delete(name);
  },
  async destroy(resource, kernel) {
    const config = readConfig(resource.inputs);
    const name = String(resource.outputs.name);
    const direct = new DirectSource(kernel, name);
    await new DeliveryStream(kernel, name, resource.id, config, direct, direct).forget();
  },
};

/** Registers Firehose with S3 as its destination. */
export function install(kernel: Kernel): Realiser[] {
  // First, so that it is closed last: deliveries use it until they have ended.
  LakeEngine.of(kernel);
  // What a stopped process had buffered is read again from its sources.
  rmSync(kernel.folder("tmp", "firehose"), { recursive: true, force: true });
  kernel.register(defineService("firehose", firehoseOperations(kernel), { invalidCode: "InvalidArgumentException" }));
  kernel.onClose(async () => {
    for (const stream of deliveryStreamsOf(kernel).values()) await stream.stop();
  });
  return [deliveryStreamRealiser];
}
