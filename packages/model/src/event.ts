import type { JsonObject } from "./json";

/** The six event types of Segment's spec. */
export const eventTypes = ["track", "identify", "page", "screen", "group", "alias"] as const;
export type EventType = (typeof eventTypes)[number];

/** What every event carries. Times are ISO 8601 in UTC with milliseconds. */
export interface Envelope {
  /** The producer's unique id, at most 100 characters; with `sourceId` the key of deduplication. */
  readonly messageId: string;
  readonly sourceId: string;
  /** Event time, corrected for the client's clock: `receivedAt − (sentAt − originalTimestamp)` where `sentAt` exists. */
  readonly timestamp: string;
  /** The event time as the client stated it. */
  readonly originalTimestamp?: string;
  readonly sentAt?: string;
  readonly receivedAt: string;
  readonly userId?: string;
  readonly anonymousId?: string;
  readonly context: JsonObject;
  readonly integrations?: JsonObject;
}

export interface TrackEvent extends Envelope {
  readonly type: "track";
  readonly event: string;
  readonly properties: JsonObject;
}
export interface IdentifyEvent extends Envelope {
  readonly type: "identify";
  readonly traits: JsonObject;
}
export interface PageEvent extends Envelope {
  readonly type: "page";
  readonly name?: string;
  readonly category?: string;
  readonly properties: JsonObject;
}
export interface ScreenEvent extends Envelope {
  readonly type: "screen";
  readonly name?: string;
  readonly category?: string;
  readonly properties: JsonObject;
}
export interface GroupEvent extends Envelope {
  readonly type: "group";
  readonly groupId: string;
  readonly traits: JsonObject;
}
export interface AliasEvent extends Envelope {
  readonly type: "alias";
  readonly previousId: string;
  readonly userId: string;
}

/** One customer fact, in Segment's field names. */
export type CustomerEvent = TrackEvent | IdentifyEvent | PageEvent | ScreenEvent | GroupEvent | AliasEvent;
