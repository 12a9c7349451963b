import { loadConfig, logger, metrics, mskToken, parseEnv, putObject } from "@tributary/runtime";
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from "aws-lambda";
import { handleRequest } from "../domain/handle-request";
import { Shedder } from "../domain/shedder";
import { collectorConfig } from "../env";
import { kafkaCollectorEnv } from "../kafka-env";
import { kafkaStream } from "./adapters/kafka-stream";

const env = parseEnv(kafkaCollectorEnv);
const { sources } = loadConfig(collectorConfig);
const counters = metrics("collector");
const parts = {
  sources: new Map(sources.map(({ id, writeKey }) => [writeKey, id])),
  stream: kafkaStream({ brokers: env.KAFKA_BROKERS, topic: env.KAFKA_TOPIC, token: () => mskToken() }),
  quarantine: {
    put: (key: string, body: string) =>
      putObject({ Bucket: env.QUARANTINE_BUCKET, Key: key, Body: body, ContentType: "application/x-ndjson" }),
  },
  shedder: new Shedder(),
  metrics: counters,
  log: logger("collector"),
  now: Date.now,
};

/** HTTP API → event topic of Kafka. */
export async function handler(event: APIGatewayProxyEventV2): Promise<APIGatewayProxyStructuredResultV2> {
  try {
    return await handleRequest(event, parts);
  } finally {
    counters.flush();
  }
}
