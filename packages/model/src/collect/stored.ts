import { canonicalJson, shortHash } from "../canonical";
import type { CustomerEvent } from "../event";
import type { StoredEvent } from "../stored-event";
import { maxMessageIdLength } from "./item";

/**
 * Hash of what an event says, without what differs between two deliveries of it (`sentAt`, `receivedAt`, and the
 * `timestamp` that is computed from them): a repeat has the same, another event under the same message id has not.
 */
export function fingerprint(event: CustomerEvent): string {
  const { sentAt: _sentAt, receivedAt: _receivedAt, timestamp: _timestamp, ...content } = event;
  return shortHash(canonicalJson(content));
}

/** Key of the events table: message ids are unique per source only. */
export function storedEventId(sourceId: string, messageId: string): string {
  return `${sourceId}#${messageId}`;
}

/** The item of the events table. `retentionDays` counts from when the event was received. */
export function storedEvent(event: CustomerEvent, print: string, retentionDays: number): StoredEvent {
  return {
    id: storedEventId(event.sourceId, event.messageId),
    fingerprint: print,
    event: JSON.stringify(event),
    expiresAt: Math.floor(Date.parse(event.receivedAt) / 1000) + retentionDays * 86_400,
  };
}

/**
 * Message id of the nth event that a callback made of one: the first keeps the id, so that a callback that starts to fan
 * out does not double what is there already.
 */
export function derivedId(messageId: string, index: number): string {
  if (index === 0) return messageId;
  const derived = `${messageId}~${index}`;
  return derived.length <= maxMessageIdLength ? derived : `tr-${shortHash(derived)}`;
}
