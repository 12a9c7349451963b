import { existsSync } from "node:fs";
import { join } from "node:path";
import {
  type BatchOptions,
  dynamodb,
  handleKafka,
  handleKinesis,
  type KafkaBatchResponse,
  type KinesisRecord,
  loadConfig,
  logger,
  metrics,
  parseEnv,
  s3,
} from "@tributary/runtime";
import type { Context, KinesisStreamBatchResponse, KinesisStreamEvent, MSKEvent } from "aws-lambda";
import { planGate } from "../domain/plan";
import { processBatch } from "../domain/process";
import { isRehearsal, type Rehearsal, type RehearsalAnswer, rehearse } from "../domain/rehearse";
import { onEventFile, processorConfig, processorEnv } from "../env";
import { callbackThread } from "./adapters/callback-thread";
import { eventStore } from "./adapters/event-store";
import { quarantineBucket } from "./adapters/quarantine-bucket";

const env = parseEnv(processorEnv);
const { retentionDays, callback, plans } = loadConfig(processorConfig);
const counters = metrics("processor");
const log = logger("processor");
const file = join(process.env.LAMBDA_TASK_ROOT ?? process.cwd(), onEventFile);
const onEvent = existsSync(file) ? callbackThread(file, callback) : undefined;
const parts = {
  store: eventStore(dynamodb(), env.EVENTS_TABLE),
  quarantine: quarantineBucket(s3(), env.QUARANTINE_BUCKET),
  onEvent,
  plans: planGate(plans, counters),
  retentionDays,
  metrics: counters,
};

/** Share of an invocation's time within which callbacks begin: the rest is for what is then to be stored. */
const callbackShare = 0.65;

/** Event stream → the user's callback → events table, quarantine. Asked for a rehearsal, it tells what it would do. */
export async function handler(
  event: KinesisStreamEvent | MSKEvent | Rehearsal,
  context: Pick<Context, "getRemainingTimeInMillis">,
): Promise<KinesisStreamBatchResponse | KafkaBatchResponse | RehearsalAnswer> {
  const until = Date.now() + context.getRemainingTimeInMillis() * callbackShare;
  if (isRehearsal(event)) return await rehearse(event, { onEvent, plans: planGate(plans), retentionDays, until });
  const reasons = new Map<string, number>();
  try {
    const process = (records: readonly KinesisRecord[]) => processBatch(records, { ...parts, until });
    const options: BatchOptions = {
      onFailure: (_, { reason }) => reasons.set(reason, (reasons.get(reason) ?? 0) + 1),
    };
    return await ("records" in event ? handleKafka(event, process, options) : handleKinesis(event, process, options));
  } finally {
    if (reasons.size > 0) log.warn("records to be tried again", { reasons: Object.fromEntries(reasons) });
    counters.flush();
  }
}
