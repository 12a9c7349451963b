/** Why a record is in quarantine. Closed: dashboards, folders of the quarantine bucket and replays go by these words. */
export const quarantineReasons = [
  /** The request's body is not JSON. */
  "malformed-json",
  /** The body could not be decoded: an unknown or broken content encoding. */
  "undecodable-body",
  /** Valid JSON that is no call of the collector's protocol. */
  "invalid-request",
  /** No source has this write key (yet). */
  "unknown-write-key",
  /** A field is missing or of the wrong type. */
  "invalid-event",
  /** Neither `userId` nor `anonymousId` (alias: not both of `previousId` and `userId`). */
  "missing-identity",
  "message-id-too-long",
  "event-too-large",
  /** A record of the stream that the collector did not write. */
  "unreadable-record",
  /** The same source used the message id for another event. */
  "message-id-reused",
  /** The user's callback threw, or answered what is no event. */
  "callback-error",
  /** The processor could not take its batch, to the end of all retries. */
  "processing-failed",
  /** A file's row that its mapping cannot turn into an event. */
  "unmappable",
  /** The event does not keep to its source's tracking plan. */
  "plan-violation",
  /** Its source's tracking plan names no such event. */
  "unplanned-event",
] as const;
export type QuarantineReason = (typeof quarantineReasons)[number];

/** What could not become an event, and why. Told from an event by its `type`. */
export interface Rejection {
  readonly type: "rejected";
  readonly reason: QuarantineReason;
  /** Where: a property path such as `properties.products[0]`, or empty for the whole. */
  readonly path: string;
  /** What is wrong there, and how to mend it. */
  readonly detail: string;
  /** The original, where it is not the item itself: the line of a file. */
  readonly original?: string;
}

export function rejection(reason: QuarantineReason, path: string, detail: string, original?: string): Rejection {
  return { type: "rejected", reason, path, detail, ...(original === undefined ? {} : { original }) };
}

/** A record of the stream that holds what was rejected (`CollectedRecord`) is none: it has its original beside it. */
export function isRejection(value: { readonly type?: unknown }): value is Rejection {
  return value.type === "rejected" && !("payload" in value);
}

/** Path and detail in one line, as it stands in quarantine. */
export function describe(rejected: Rejection): string {
  return rejected.path ? `${rejected.path}: ${rejected.detail}` : rejected.detail;
}
