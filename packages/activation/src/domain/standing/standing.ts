import type { ComputedValues } from "./computed";
import type { SaidOf } from "./said";

/**
 * Why somebody entered or left an audience. `event`: something happened. `window`: time passed, and an event left a
 * window. `profile`: a stated trait or a consent. `identity`: identifiers came or went (a merge, an unlink). `merge`: the
 * profile went up in another. `deletion`: it is gone. `segment`: the lake found it at the nightly run.
 */
export type Reason = "event" | "window" | "profile" | "identity" | "merge" | "deletion" | "segment";

export interface AudienceState {
  readonly member: boolean;
  /** Counts the entries and exits of the profile in the audience. */
  readonly sequence: number;
}

/** Where a profile stands: its computed traits, and the audiences that it is or was in. */
export interface Standing {
  readonly profileId: string;
  /** Optimistic lock: counts the writes. */
  readonly revision: number;
  /** The instant for which it was computed, epoch milliseconds. */
  readonly asOf: number;
  /** Before this instant no value changes by time alone; undefined: never. */
  readonly nextChange: number | undefined;
  /** See `basisOf`; empty where there is no profile. */
  readonly basis: string;
  /** Of the profile with its computed traits; null where there is no profile. */
  readonly version: string | null;
  /** The anonymous traits of event predicates included. */
  readonly values: ComputedValues;
  readonly audiences: Readonly<Record<string, AudienceState>>;
  /** What the lake said last of segments by SQL. */
  readonly said: SaidOf;
}

/** An entry into an audience or an exit. */
export interface Transition {
  readonly audience: string;
  readonly member: boolean;
  readonly sequence: number;
  /** The instant at which it became true, epoch milliseconds: of a window the very one at which an event left it. */
  readonly at: number;
  readonly reason: Reason;
}

/** One write of a standing, with what it means for the memberships. */
export interface Step {
  readonly standing: Standing;
  readonly transitions: readonly Transition[];
  /** Audiences that the profile stays in while it changed. */
  readonly refreshed: readonly string[];
  /** Whether time has to go on: this step ends before the instant that was asked for. */
  readonly more: boolean;
}
