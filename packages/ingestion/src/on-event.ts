import type { CustomerEvent } from "@tributary/model";

/** The user's decision to leave an event out, with the reason it is counted under. Its original stays in the raw zone. */
export interface Drop {
  readonly drop: true;
  readonly reason: string;
}

/**
 * Leaves an event out, from `onEvent`: `return drop("bot")`. The metric `EventsDropped` counts by reason, so use few.
 */
export function drop(reason: string): Drop {
  return { drop: true, reason };
}

export interface OnEventContext {
  readonly sourceId: string;
  /** ISO 8601 in UTC. */
  readonly receivedAt: string;
}

/**
 * What a callback may answer: the event, as it was or changed; several events (the first keeps the message id, the others
 * get ids derived from it); or `drop(reason)`. An empty list, or nothing, is an error: it would lose the event in silence.
 */
export type OnEventResult = CustomerEvent | readonly CustomerEvent[] | Drop;

/**
 * The user's code in the processor, called once for each event, a person's events in the order of the stream (a promise is
 * not waited for before the next call). It runs in a thread of its own and its answer crosses as JSON. An event that it
 * throws on, blocks on for 5 s, does not settle for 30 s or ends its thread on is quarantined with the error and can be
 * replayed. It may be called again for the same event, and must then give the same.
 */
export type OnEvent = (event: CustomerEvent, context: OnEventContext) => OnEventResult | Promise<OnEventResult>;
