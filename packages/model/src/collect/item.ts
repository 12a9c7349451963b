import { canonicalJson, shortHash } from "../canonical";
import { type CustomerEvent, type EventType, eventTypes } from "../event";
import { isJsonObject, type Json, type JsonObject } from "../json";
import { nearest } from "../nearest";
import { type QuarantineReason, type Rejection, rejection } from "./rejection";
import { correctTime, isoTime, parseTime } from "./time";

/** The longest message id: longer ones are dropped by Segment's profiles, so clients keep to it. */
export const maxMessageIdLength = 100;
/** The largest event, in bytes of JSON: with its envelope it must fit a Kinesis record (1 MiB) and a DynamoDB item (400 KB). */
export const maxEventBytes = 256 * 1024;
/** The deepest nesting of an event: deeper is an attack, and would exhaust the stack of whoever walks it. */
export const maxDepth = 64;

/** What a batch states once for all its items. */
export interface Outer {
  readonly context?: unknown;
  readonly integrations?: unknown;
  readonly sentAt?: unknown;
}

export interface ItemMeta {
  readonly sourceId: string;
  /** ISO 8601 in UTC, as the collector read its clock. */
  readonly receivedAt: string;
  /** The event type that the request's route states (`/v1/track`). */
  readonly type?: EventType;
}

function depthExceeds(value: Json, depth: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (depth === 0) return true;
  const members = Array.isArray(value) ? value : Object.values(value);
  return members.some((member) => depthExceeds(member, depth - 1));
}

/**
 * An item with what its batch states for all: the outer `context` and `integrations` under its own (key by key), the
 * request's `sentAt` over its own (the request's is from the moment of sending, which the correction of time needs),
 * and the type of the route. The result stands for itself: it can be kept, and parsed again with the same outcome.
 */
export function mergeItem(raw: unknown, outer: Outer, type?: EventType): Merged {
  const faulty = (detail: string): Merged => ({ ok: false, rejected: rejection("invalid-event", "", detail) });
  if (!isJsonObject(raw)) return faulty(`an event is a JSON object, this is ${kindOf(raw)}`);
  const item: JsonObject = { ...raw };
  mergeUnder(item, "context", outer.context);
  mergeUnder(item, "integrations", outer.integrations);
  if (outer.sentAt !== undefined && outer.sentAt !== null) item.sentAt = outer.sentAt as Json;
  if (type !== undefined) item.type = type;
  if (depthExceeds(item, maxDepth)) return faulty(`nested deeper than ${maxDepth} levels; flatten it`);
  return { ok: true, item };
}

export type Merged =
  | { readonly ok: true; readonly item: JsonObject }
  | { readonly ok: false; readonly rejected: Rejection };

/** What is of the wrong type on either side is left for `parseEvent` to reject. */
function mergeUnder(item: JsonObject, key: "context" | "integrations", outer: unknown): void {
  if (outer === undefined || outer === null) return;
  const own = item[key];
  if (own === undefined || own === null) item[key] = outer as Json;
  else if (isJsonObject(own) && isJsonObject(outer)) item[key] = { ...outer, ...own };
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "an array" : `a ${typeof value}`;
}

/** Ends the reading of an item at its first fault; `parseEvent` catches it. */
class ItemFault extends Error {
  constructor(readonly rejected: Rejection) {
    super(rejected.detail);
  }
}

function fault(reason: QuarantineReason, path: string, detail: string): ItemFault {
  return new ItemFault(rejection(reason, path, detail));
}

/** Reads the fields of one item. */
class Fields {
  constructor(private readonly item: JsonObject) {}

  /** An identifier: text, or a number that JavaScript holds exactly. Empty is absent. */
  id(name: string): string | undefined {
    const value = this.item[name];
    if (value === undefined || value === null || value === "") return undefined;
    if (typeof value === "string") return value;
    if (typeof value === "number" && Number.isSafeInteger(value)) return String(value);
    throw fault("invalid-event", name, `must be text, is ${kindOf(value)}`);
  }

  text(name: string): string | undefined {
    const value = this.item[name];
    if (value === undefined || value === null) return undefined;
    if (typeof value === "string") return value;
    throw fault("invalid-event", name, `must be text, is ${kindOf(value)}`);
  }

  object(name: string): JsonObject {
    const value = this.item[name];
    if (value === undefined || value === null) return {};
    if (isJsonObject(value)) return value;
    throw fault("invalid-event", name, `must be an object, is ${kindOf(value)}`);
  }

  time(name: string): number | undefined {
    const value = this.item[name];
    if (value === undefined || value === null || value === "") return undefined;
    const time = parseTime(value);
    if (time !== undefined) return time;
    const shown = typeof value === "string" ? JSON.stringify(value.slice(0, 40)) : kindOf(value);
    throw fault("invalid-event", name, `${shown} is no time; use ISO 8601, such as 2026-01-31T08:30:00.000Z`);
  }

  required(name: string, hint: string): string {
    const value = this.id(name);
    if (value === undefined) throw fault("invalid-event", name, `is missing; ${hint}`);
    return value;
  }

  type(): EventType {
    const value = this.text("type");
    const found = eventTypes.find((type) => type === value);
    if (found) return found;
    const meant = value === undefined ? undefined : nearest(value, eventTypes);
    const given = value === undefined ? "is missing" : `${JSON.stringify(value.slice(0, 40))} is no event type`;
    const remedy = meant ? `did you mean "${meant}"?` : `use one of ${eventTypes.join(", ")}`;
    throw fault("invalid-event", "type", `${given}; ${remedy}`);
  }
}

/**
 * The message id of an item that came without one: a hash of its content, so that sending it again does not double it.
 * An item that states no time either takes in when it was received: two equal clicks are two events, and a repeat of
 * such an item cannot be told from a second one.
 */
function derivedMessageId(item: JsonObject, receivedAt: string): string {
  const { sentAt: _, ...content } = item;
  const timed = item.timestamp ?? item.originalTimestamp;
  return `tr-${shortHash(canonicalJson(timed === undefined || timed === null ? { ...content, receivedAt } : content))}`;
}

function identity(fields: Fields, type: EventType): { userId?: string; anonymousId?: string } {
  const userId = fields.id("userId");
  const anonymousId = fields.id("anonymousId");
  if (type !== "alias" && userId === undefined && anonymousId === undefined) {
    throw fault("missing-identity", "", "has neither userId nor anonymousId; name the person by one of them");
  }
  return { ...(userId !== undefined ? { userId } : {}), ...(anonymousId !== undefined ? { anonymousId } : {}) };
}

function messageIdOf(fields: Fields, item: JsonObject, receivedAt: string): string {
  const messageId = fields.id("messageId") ?? derivedMessageId(item, receivedAt);
  if (messageId.length <= maxMessageIdLength) return messageId;
  throw fault(
    "message-id-too-long",
    "messageId",
    `has ${messageId.length} characters, ${maxMessageIdLength} are the most; use a UUID or a hash`,
  );
}

function named(fields: Fields): { name?: string; category?: string } {
  const name = fields.text("name");
  const category = fields.text("category");
  return { ...(name !== undefined ? { name } : {}), ...(category !== undefined ? { category } : {}) };
}

function readEvent(item: JsonObject, meta: ItemMeta): CustomerEvent {
  const fields = new Fields(item);
  const type = fields.type();
  const originalTimestamp = fields.time("originalTimestamp") ?? fields.time("timestamp");
  const sentAt = fields.time("sentAt");
  const receivedAt = Date.parse(meta.receivedAt);
  const integrations = item.integrations === undefined ? undefined : fields.object("integrations");
  const envelope = {
    messageId: messageIdOf(fields, item, meta.receivedAt),
    sourceId: meta.sourceId,
    timestamp: isoTime(correctTime({ receivedAt, sentAt, originalTimestamp })),
    ...(originalTimestamp !== undefined ? { originalTimestamp: isoTime(originalTimestamp) } : {}),
    ...(sentAt !== undefined ? { sentAt: isoTime(sentAt) } : {}),
    receivedAt: meta.receivedAt,
    ...identity(fields, type),
    context: fields.object("context"),
    ...(integrations !== undefined ? { integrations } : {}),
  };
  switch (type) {
    case "track":
      return {
        ...envelope,
        type,
        event: fields.required("event", "a track call names what happened"),
        properties: fields.object("properties"),
      };
    case "identify":
      return { ...envelope, type, traits: fields.object("traits") };
    case "page":
    case "screen":
      return { ...envelope, type, ...named(fields), properties: fields.object("properties") };
    case "group":
      return {
        ...envelope,
        type,
        groupId: fields.required("groupId", "a group call names the group"),
        traits: fields.object("traits"),
      };
    case "alias": {
      const previousId = fields.id("previousId");
      const { userId } = envelope;
      if (previousId === undefined || userId === undefined) {
        const missing = previousId === undefined ? "previousId" : "userId";
        throw fault("missing-identity", missing, "is missing; an alias call needs both previousId and userId");
      }
      return { ...envelope, type, previousId, userId };
    }
  }
}

/** The rejection that a file's row carries where its mapping could make no event of it (`rejectedItem` makes such items). */
function carriedRejection(item: JsonObject): Rejection | undefined {
  const { context } = item;
  if (!isJsonObject(context) || !isJsonObject(context.rejection)) return undefined;
  const { detail, original } = context.rejection;
  return rejection(
    "unmappable",
    "",
    typeof detail === "string" ? detail : "the sender could not map it",
    typeof original === "string" ? original : undefined,
  );
}

/** Makes an event of a merged item; a rejection says what is wrong, where, and how to mend it. */
export function parseEvent(item: JsonObject, meta: ItemMeta): CustomerEvent | Rejection {
  const carried = carriedRejection(item);
  if (carried) return carried;
  try {
    return readEvent(item, meta);
  } catch (thrown) {
    if (thrown instanceof ItemFault) return thrown.rejected;
    throw thrown;
  }
}

/** `mergeItem` and `parseEvent`: an item of a request, with what its batch states, to an event. */
export function parseItem(raw: unknown, outer: Outer, meta: ItemMeta): CustomerEvent | Rejection {
  const merged = mergeItem(raw, outer, meta.type);
  return merged.ok ? parseEvent(merged.item, meta) : merged.rejected;
}
