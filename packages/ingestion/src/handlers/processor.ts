import { dynamodb, handleKinesis, loadCallback, loadConfig, logger, metrics, parseEnv, s3 } from "@tributary/runtime";
import type { KinesisStreamBatchResponse, KinesisStreamEvent } from "aws-lambda";
import { processBatch } from "../domain/process";
import { onEventFile, processorConfig, processorEnv } from "../env";
import type { OnEvent } from "../on-event";
import { eventStore } from "./adapters/event-store";
import { quarantineBucket } from "./adapters/quarantine-bucket";

const env = parseEnv(processorEnv);
const { retentionDays } = loadConfig(processorConfig);
const counters = metrics("processor");
const log = logger("processor");
const parts = {
  store: eventStore(dynamodb(), env.EVENTS_TABLE),
  quarantine: quarantineBucket(s3(), env.QUARANTINE_BUCKET),
  onEvent: loadCallback<OnEvent>(onEventFile),
  retentionDays,
  metrics: counters,
};

/** Event stream → the user's callback → events table, quarantine. */
export async function handler(event: KinesisStreamEvent): Promise<KinesisStreamBatchResponse> {
  const reasons = new Map<string, number>();
  try {
    return await handleKinesis(event, (records) => processBatch(records, parts), {
      onFailure: (_, { reason }) => reasons.set(reason, (reasons.get(reason) ?? 0) + 1),
    });
  } finally {
    if (reasons.size > 0) log.warn("records to be tried again", { reasons: Object.fromEntries(reasons) });
    counters.flush();
  }
}
