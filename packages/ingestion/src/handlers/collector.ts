import { kinesis, loadConfig, logger, metrics, parseEnv, s3 } from "@tributary/runtime";
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from "aws-lambda";
import { handleRequest } from "../domain/handle-request";
import { Shedder } from "../domain/shedder";
import { collectorConfig, collectorEnv } from "../env";
import { kinesisStream } from "./adapters/kinesis-stream";
import { quarantineBucket } from "./adapters/quarantine-bucket";

const env = parseEnv(collectorEnv);
const { sources } = loadConfig(collectorConfig);
const counters = metrics("collector");
const parts = {
  sources: new Map(sources.map(({ id, writeKey }) => [writeKey, id])),
  stream: kinesisStream(kinesis(), env.EVENT_STREAM),
  quarantine: quarantineBucket(s3(), env.QUARANTINE_BUCKET),
  shedder: new Shedder(),
  metrics: counters,
  log: logger("collector"),
  now: Date.now,
};

/** HTTP API → event stream. */
export async function handler(event: APIGatewayProxyEventV2): Promise<APIGatewayProxyStructuredResultV2> {
  try {
    return await handleRequest(event, parts);
  } finally {
    counters.flush();
  }
}
