/**
 * An item of the events table, the exact dedupe and recent-events store. Key: `id`. Its stream (new images) is how
 * IdentityResolution gets every distinct event once.
 */
export interface StoredEvent {
  /** `<sourceId>#<messageId>` */
  readonly id: string;
  /** SHA-256 (first 32 hex digits) of the event's content without envelope times: tells a repeat from an id used twice. */
  readonly fingerprint: string;
  /** The `CustomerEvent` as JSON text. */
  readonly event: string;
  /** Seconds since the epoch: DynamoDB's time to live. */
  readonly expiresAt: number;
}
