import { kinesis, loadCallback, loadConfig, logger, metrics, parseEnv, s3, secretsManager } from "@tributary/runtime";
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from "aws-lambda";
import { receiveWebhook, type WebhookParts } from "../domain/webhook/receive";
import { webhookConfig, webhookEnv, webhookMapFile } from "../webhook-env";
import type { WebhookMap } from "../webhook-map";
import { kinesisStream } from "./adapters/kinesis-stream";
import { quarantineBucket } from "./adapters/quarantine-bucket";
import { webhookSecrets } from "./adapters/webhook-secrets";

const env = parseEnv(webhookEnv);
const { sourceId, provider, previousSecretHours, mapping } = loadConfig(webhookConfig);
const counters = metrics("webhook");
const map = loadCallback<WebhookMap>(webhookMapFile);
const parts: WebhookParts = {
  sourceId,
  provider,
  mapper: mapperOf(),
  secrets: webhookSecrets(secretsManager(), env.SECRET_ARN, previousSecretHours),
  stream: kinesisStream(kinesis(), env.EVENT_STREAM),
  quarantine: quarantineBucket(s3(), env.QUARANTINE_BUCKET),
  metrics: counters,
  log: logger("webhook"),
  now: Date.now,
};

function mapperOf(): WebhookParts["mapper"] {
  if (map) return { map };
  if (mapping) return { mapping };
  throw new Error(`webhook source "${sourceId}" has neither a mapping nor a map: deploy it again`);
}

/** A provider's webhook → event stream. */
export async function handler(event: APIGatewayProxyEventV2): Promise<APIGatewayProxyStructuredResultV2> {
  try {
    return await receiveWebhook(event, parts);
  } finally {
    counters.flush();
  }
}
