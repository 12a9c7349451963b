import { S3Client } from "@aws-sdk/client-s3";
import {
  clientSettings,
  type Disposition,
  handleSqs,
  kinesis,
  lazy,
  loadConfig,
  logger,
  metrics,
  ok,
  parseEnv,
  perRecord,
} from "@tributary/runtime";
import type { Context, S3Event, SQSBatchResponse, SQSEvent, SQSRecord } from "aws-lambda";
import { loadFile } from "../domain/files/load";
import type { LoaderParts } from "../domain/files/ports";
import { writeRecords } from "../domain/stream-writer";
import { loaderConfig, loaderEnv, resumePrefix } from "../loader-env";
import { kinesisStream } from "./adapters/kinesis-stream";
import { landing, readCheckpoint } from "./adapters/landing";
import { parquetRows } from "./adapters/parquet";
import { quarantineBucket } from "./adapters/quarantine-bucket";

const env = parseEnv(loaderEnv);
const { sources } = loadConfig(loaderConfig);
const counters = metrics("loader");
const log = logger("loader");
// A copy of gigabytes takes S3 longer than the clients' usual ten seconds.
const slow = { ...clientSettings.requestHandler, requestTimeout: 240_000 };
const client = lazy(() => new S3Client({ ...clientSettings, requestHandler: slow }))();
const stream = kinesisStream(kinesis(), env.EVENT_STREAM);
const quarantine = quarantineBucket(client, env.QUARANTINE_BUCKET);
/** What a run keeps of its time for the checkpoint, and for the batch under way. */
const reserveMs = 45_000;

function partsFor(context: Context): LoaderParts {
  return {
    files: landing(client, { landing: env.LANDING_BUCKET, raw: env.RAW_BUCKET }),
    routes: new Map(sources.map(({ id, routes }) => [id, routes])),
    rawBucket: env.RAW_BUCKET,
    parquetRows,
    // A bulk load may use a shard up: it waits, longer than the collector may.
    write: (records) => writeRecords(records, stream, quarantine, { attempts: 9 }),
    hasTime: () => context.getRemainingTimeInMillis() > reserveMs,
    warn: (message, details) => log.warn(message, details),
  };
}

/** Keys in notifications are form-encoded. */
const decoded = (key: string) => decodeURIComponent(key.replaceAll("+", " "));

async function load(message: SQSRecord, context: Context): Promise<Disposition> {
  // S3 sends a test message without records when the notification is set up.
  const { Records: records = [] } = JSON.parse(message.body) as Partial<S3Event>;
  for (const { s3 } of records) {
    const key = decoded(s3.object.key);
    const { versionId } = s3.object;
    const checkpoint = key.startsWith(resumePrefix) ? await readCheckpoint(client, env.LANDING_BUCKET, key) : undefined;
    if (key.startsWith(resumePrefix) && !checkpoint) continue;
    const announced = checkpoint
      ? { key: checkpoint.key, checkpoint, ...(checkpoint.versionId ? { versionId: checkpoint.versionId } : {}) }
      : { key, ...(versionId ? { versionId } : {}) };
    const { outcome, accepted, rejected } = await loadFile(announced, partsFor(context));
    counters.count("EventsAccepted", accepted);
    counters.count("EventsRejected", rejected, { reason: "unmappable" });
    // File names may hold names of people: the key's first part says enough to find it.
    log.info("file", { source: announced.key.split("/")[0], outcome, accepted, rejected });
  }
  return ok;
}

/** Landing bucket → raw zone, event stream. */
export async function handler(event: SQSEvent, context: Context): Promise<SQSBatchResponse> {
  try {
    return await handleSqs(
      event,
      perRecord((message) => load(message, context), "concurrent"),
      {
        onFailure: (_, { reason }) => log.error("a file is to be tried again", { reason }),
      },
    );
  } finally {
    counters.flush();
  }
}
