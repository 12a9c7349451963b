import {
  applyMapping,
  type CollectedRecord,
  collectItem,
  derivedId,
  isJsonObject,
  isRejection,
  type JsonObject,
  type Mapping,
  originalOf,
  rejectedRecord,
  rejection,
} from "@tributary/model";
import type { Drop } from "../../on-event";
import type { WebhookContext, WebhookMap } from "../../webhook-map";
import { type About, payloadRow } from "./payload";
import type { Headers } from "./signature";

/** A verified webhook. */
export interface Webhook {
  readonly sourceId: string;
  readonly receivedAt: string;
  readonly headers: Headers;
  readonly body: Uint8Array;
  readonly payload: JsonObject;
  readonly about: About;
}

export type WebhookOutcome =
  | { readonly kind: "records"; readonly records: readonly CollectedRecord[] }
  | { readonly kind: "dropped"; readonly reason: string }
  /** `record` holds the whole original. */
  | { readonly kind: "unmappable"; readonly record: CollectedRecord; readonly detail: string };

export type WebhookMapper = { readonly mapping: Mapping } | { readonly map: WebhookMap };

class Unmappable extends Error {}

/**
 * The records of a verified webhook. All of its events or none: where one of several is no event, the webhook goes to
 * quarantine whole, so that a mended mapping and a redelivery give them all.
 */
export async function webhookRecords(webhook: Webhook, mapper: WebhookMapper): Promise<WebhookOutcome> {
  const { sourceId, receivedAt, body, about } = webhook;
  const meta = { sourceId, receivedAt };
  try {
    const answer = "map" in mapper ? await called(mapper.map, webhook) : [mapped(mapper.mapping, webhook)];
    if (!Array.isArray(answer)) return { kind: "dropped", reason: (answer as Drop).reason };
    const records = answer.map((event: JsonObject, index) => {
      const item = {
        ...(about.time === undefined ? {} : { timestamp: about.time }),
        messageId: derivedId(about.id, index),
        ...event,
      };
      return collectItem(item, {}, meta, () => body);
    });
    const faulty = records.find(({ reason }) => reason !== null);
    if (faulty) throw new Unmappable(`what the mapping made is no event: ${faulty.detail}`);
    return { kind: "records", records };
  } catch (error) {
    if (!(error instanceof Unmappable)) throw error;
    const rejected = rejection("unmappable", "", error.message);
    const record = rejectedRecord(rejected, originalOf(body), meta, about.id);
    return { kind: "unmappable", record, detail: error.message };
  }
}

function mapped(mapping: Mapping, { payload, headers, about }: Webhook): JsonObject {
  const event = applyMapping(mapping, payloadRow(payload, headers, about), {
    file: "webhook",
    line: 1,
    counters: new Map(),
  });
  if (isRejection(event)) throw new Unmappable(event.detail);
  if ("messageId" in mapping.event) return event;
  const { messageId: _ofFiles, ...rest } = event;
  return rest;
}

const remedy = "map must return an event, a list of events, or drop(reason)";

async function called(map: WebhookMap, webhook: Webhook): Promise<JsonObject[] | Drop> {
  const { sourceId, receivedAt, headers, payload, about } = webhook;
  const context: WebhookContext = {
    sourceId,
    id: about.id,
    ...(about.topic === undefined ? {} : { topic: about.topic }),
    headers,
    receivedAt,
  };
  let answer: unknown;
  try {
    answer = await map(payload, context);
  } catch (error) {
    const thrown = error instanceof Error ? error : new Error(String(error));
    const at = /^\s+at .*$/m.exec(thrown.stack ?? "")?.[0].trim();
    throw new Unmappable(`map threw ${thrown.name}: ${thrown.message}${at === undefined ? "" : ` (${at})`}`);
  }
  if (isJsonObject(answer) && answer.drop === true && typeof answer.reason === "string")
    return answer as unknown as Drop;
  const answers: unknown[] = Array.isArray(answer) ? answer : [answer];
  if (answer === undefined || answer === null || answers.length === 0) {
    throw new Unmappable(`map gave nothing back, which would lose the webhook; ${remedy}`);
  }
  return answers.map((each) => {
    if (!isJsonObject(each)) throw new Unmappable(`map gave ${each === null ? "null" : typeof each}; ${remedy}`);
    // As it will be read again from the stream: no undefined members, dates as text.
    return JSON.parse(JSON.stringify(each)) as JsonObject;
  });
}
