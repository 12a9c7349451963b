import type { EventType, JsonObject } from "@tributary/model";
import type { Drop } from "./on-event";

/** What `map` is told about a webhook beside its payload. Header names are in lower case. */
export interface WebhookContext {
  readonly sourceId: string;
  /** The provider's id of the event; the message id of what `map` makes of it. */
  readonly id: string;
  /** What kind of event it is, where the provider says so: `invoice.paid`, `orders/create`, `push`. */
  readonly topic?: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** ISO 8601 in UTC. */
  readonly receivedAt: string;
}

/** An event as `map` writes it: Segment's fields, without what is known already (`messageId`, and `timestamp` where the provider states one). */
export interface WebhookEvent {
  readonly type: EventType;
  readonly userId?: string | undefined;
  readonly anonymousId?: string | undefined;
  /** Of a track: its name. */
  readonly event?: string | undefined;
  /** Of a page or screen. */
  readonly name?: string | undefined;
  readonly groupId?: string | undefined;
  readonly previousId?: string | undefined;
  readonly properties?: Readonly<Record<string, unknown>> | undefined;
  readonly traits?: Readonly<Record<string, unknown>> | undefined;
  readonly context?: Readonly<Record<string, unknown>> | undefined;
  /** ISO 8601. Left out: the provider's time of the event, else the time that it was received. */
  readonly timestamp?: string | undefined;
  /** Left out: the provider's id. State it only where the provider has none. */
  readonly messageId?: string | undefined;
}

/**
 * Makes events of a verified webhook: one, several (the second and further get ids derived from the first's), or
 * `drop(reason)`. What it throws on, or answers with nothing, goes to quarantine whole. It may be called again for the
 * same webhook and must then give the same.
 */
export type WebhookMap = (
  payload: JsonObject,
  context: WebhookContext,
) => WebhookEvent | readonly WebhookEvent[] | Drop | Promise<WebhookEvent | readonly WebhookEvent[] | Drop>;
