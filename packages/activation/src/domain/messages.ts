import * as z from "zod/mini";

/** What happened to a profile's membership when the message was made: a hint. Delivery looks at the state of now. */
export const membershipChanges = ["entered", "exited", "updated"] as const;
export type MembershipChange = (typeof membershipChanges)[number];

/** A message on a destination's queue: this profile's state at the destination may be out of date. */
export const deliveryMessage = z.object({
  audience: z.string().check(z.minLength(1)),
  profileId: z.string().check(z.minLength(1)),
  change: z.enum(membershipChanges),
  /** Version of the profile that caused it; null where the profile is gone. */
  version: z.nullable(z.string()),
});
export type DeliveryMessage = z.infer<typeof deliveryMessage>;

/** What the destination was last told of a profile in an audience. */
export const deliveryState = z.object({
  /** `member`: it knows the profile. `withheld`: consent is missing, it knows nothing. `none`: it was told of the exit. */
  state: z.enum(["member", "withheld", "none"]),
  /** Of the payload that it knows; empty where it knows none. */
  checksum: z.string(),
  /** When, ISO 8601. */
  at: z.string(),
  /** Counts the changes: optimistic lock, and part of the idempotency key. */
  revision: z.int().check(z.gte(1)),
});
export type DeliveryState = z.infer<typeof deliveryState>;

const profileSchema = z.object({
  profileId: z.string(),
  identifiers: z.array(z.object({ type: z.string(), value: z.string(), firstSeen: z.string(), lastSeen: z.string() })),
  traits: z.record(z.string(), z.json()),
  lineage: z.record(
    z.string(),
    z.object({ sourceId: z.string(), identifier: z.string(), at: z.string(), by: z.string() }),
  ),
  consent: z.record(z.string(), z.object({ granted: z.boolean(), at: z.string() })),
  firstSeen: z.string(),
  lastSeen: z.string(),
  version: z.string(),
});

const place = z.object({ audience: z.string(), profileId: z.string() });

/** What is asked of the ledger: the state of now of some profiles at a destination, or to keep what it was told. */
export const ledgerRequest = z.discriminatedUnion("operation", [
  z.object({ operation: z.literal("load"), destination: z.string(), places: z.array(place) }),
  z.object({
    operation: z.literal("record"),
    destination: z.string(),
    entries: z.array(z.extend(place, { next: deliveryState })),
  }),
]);
export type LedgerRequest = z.infer<typeof ledgerRequest>;

/** State of now of one profile in one audience, in the order asked for. */
export const ledgerEntry = z.extend(place, {
  /** Null where there is none, or it was merged into another. */
  profile: z.nullable(profileSchema),
  member: z.boolean(),
  delivered: z.nullable(deliveryState),
});
export type LedgerEntry = z.infer<typeof ledgerEntry>;

export const ledgerLoaded = z.object({ entries: z.array(ledgerEntry) });
/** Per entry: whether it was kept. False: another delivery was faster, look again. */
export const ledgerRecorded = z.object({ kept: z.array(z.boolean()) });

/** The ledger as deliveries need it. */
export interface Ledger {
  load(destination: string, places: readonly { audience: string; profileId: string }[]): Promise<LedgerEntry[]>;
  record(
    destination: string,
    entries: readonly { audience: string; profileId: string; next: DeliveryState }[],
  ): Promise<boolean[]>;
}
