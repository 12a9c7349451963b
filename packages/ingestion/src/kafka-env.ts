import * as z from "zod/mini";

/** Environment of the collector's function where the event stream is a topic of Kafka. */
export const kafkaCollectorEnv = z.object({
  /** `host:port`, with commas between. */
  KAFKA_BROKERS: z.string(),
  KAFKA_TOPIC: z.string(),
  QUARANTINE_BUCKET: z.string(),
});
