import { originalOf, readCollected, rejectedRecord } from "./collect/record";
import { isRejection, quarantineReasons, rejection } from "./collect/rejection";
import { isoTime } from "./collect/time";
import { isJsonObject, type Json, type JsonObject } from "./json";
import { type QuarantinedRecord, quarantinedRecord } from "./quarantine";

/**
 * Where Lambda puts batches that an event source mapping gave up on, in its failure destination:
 * `aws/lambda/<mapping>/<shard>/<yyyy>/<mm>/<dd>/<time>-<uuid>`.
 */
export const failedBatchPrefix = "aws/lambda/";

/** The day on which a batch was given up, `YYYY-MM-DD`, from its object's key. None of its records was received later. */
export function failedBatchDay(key: string): string | undefined {
  const [, year, month, day] = /\/(\d{4})\/(\d{2})\/(\d{2})\/[^/]+$/.exec(key) ?? [];
  return day === undefined ? undefined : `${year}-${month}-${day}`;
}

function parse(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

/** The data of the batch's records, base64: of Kinesis (`Records[].kinesis.data`), or of Kafka (`records{}[].value`). */
function dataOf(batch: Json | undefined): string[] | undefined {
  if (!isJsonObject(batch)) return undefined;
  const kinesis = Array.isArray(batch.Records) ? batch.Records : undefined;
  const kafka = isJsonObject(batch.records) ? Object.values(batch.records).flat() : undefined;
  const data = (kinesis ?? kafka)?.map((record) => {
    const held = isJsonObject(record) ? (isJsonObject(record.kinesis) ? record.kinesis.data : record.value) : undefined;
    return typeof held === "string" ? held : undefined;
  });
  return data?.every((each): each is string => each !== undefined) ? data : undefined;
}

/** Why the mapping gave up, from the object's frame. */
function conditionOf(frame: JsonObject): string {
  const context = isJsonObject(frame.requestContext) ? frame.requestContext : {};
  const { condition = "unknown", approximateInvokeCount: tries } = context;
  return `the processor could not take its batch (${condition}${tries === undefined ? "" : ` after ${tries} tries`}); see the function's log, mend, then replay`;
}

/**
 * The records of a failed batch as quarantined ones. What the collector had rejected keeps its reason; an object that is not
 * what Lambda writes is one record, whole.
 * @param at when the object was written: for records that do not say when they were received
 */
export function failedBatchRecords(text: string, at: string): QuarantinedRecord[] {
  const frame = parse(text);
  const payload = isJsonObject(frame) ? frame.payload : undefined;
  const data = dataOf(typeof payload === "string" ? parse(payload) : payload);
  const unknown = { sourceId: "unknown", receivedAt: isoTime(Date.parse(at)) };
  if (!isJsonObject(frame) || data === undefined) {
    const detail = "an object under aws/lambda/ that holds no batch of the event stream";
    return [unreadable(text, unknown, detail)];
  }
  const detail = conditionOf(frame);
  return data.map((base64) => {
    const bytes = Buffer.from(base64, "base64");
    const record = readCollected(bytes);
    if (isRejection(record)) return unreadable(bytes, unknown, record.detail);
    if (record.type !== "rejected") {
      return quarantinedRecord(record, { reason: "processing-failed", detail, stage: "processor" });
    }
    const reason = quarantineReasons.find((each) => each === record.reason) ?? "invalid-event";
    return quarantinedRecord(record, { reason, detail: record.detail ?? "", stage: "collector" });
  });
}

function unreadable(
  content: string | Uint8Array,
  meta: { readonly sourceId: string; readonly receivedAt: string },
  detail: string,
): QuarantinedRecord {
  const reason = "unreadable-record";
  const record = rejectedRecord(rejection(reason, "", detail), originalOf(content), meta);
  return quarantinedRecord(record, { reason, detail, stage: "processor" });
}
