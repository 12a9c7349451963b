import type { Json } from "./json";

export interface ProfileIdentifier {
  /** `user_id`, `anonymous_id`, `email`, `phone`… */
  readonly type: string;
  /** Normalised value. */
  readonly value: string;
  readonly firstSeen: string;
  readonly lastSeen: string;
}

export interface ConsentState {
  readonly granted: boolean;
  /** When the choice was made. */
  readonly at: string;
}

/** Where a field of the golden record came from. */
export interface FieldLineage {
  readonly sourceId: string;
  /** The identifier that the winning value hangs on, `type:value`. */
  readonly identifier: string;
  /** When the value was stated, to the granularity of `lastSeen`. */
  readonly at: string;
  /** The survivorship strategy that decided; `only` where nothing else was stated, `pin` where a steward did. */
  readonly by: string;
}

/** The record of one person: a fold over the facts of the identifiers that resolve to it. */
export interface Profile {
  readonly profileId: string;
  readonly identifiers: readonly ProfileIdentifier[];
  /** Each trait is the value that the rules' survivorship chooses; by default the one with the greatest (timestamp, messageId). */
  readonly traits: Readonly<Record<string, Json>>;
  /** By trait. */
  readonly lineage: Readonly<Record<string, FieldLineage>>;
  /** By purpose (`marketing`, `analytics`…). A purpose that is not here was never granted. */
  readonly consent: Readonly<Record<string, ConsentState>>;
  readonly firstSeen: string;
  readonly lastSeen: string;
  /** Hash of everything above: equal content, equal version. */
  readonly version: string;
}

/** An item of the profiles table (key `profileId`): a profile, or where a merged profile went. */
export type ProfileItem =
  | (Profile & { readonly kind: "profile" })
  | {
      readonly kind: "redirect";
      readonly profileId: string;
      readonly redirectTo: string;
      readonly at: string;
      readonly reason: string;
    };
