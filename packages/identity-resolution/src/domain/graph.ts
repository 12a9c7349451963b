import type { EventRecord, Identifier, Profile } from "@tributary/model";
import type { LiveComponent } from "@tributary/runtime";

/** Where a profile id that is no longer used points. */
export interface ProfileRedirect {
  readonly profileId: string;
  readonly redirectTo: string;
  readonly at: string;
  readonly reason: string;
}

export interface ComponentPut {
  readonly id: string;
  /** Revision that was read; undefined for a component that is new. */
  readonly expected: number | undefined;
  /** The encoded component. */
  readonly data: Uint8Array;
  /** True where it is new, of identifiers that went out of others: nothing leads to it until the change is committed. */
  readonly detached: boolean;
}

/** An identifier's item with the component that it points to. */
export interface Pointer {
  readonly key: string;
  readonly component: string;
}

/** An entry of what a shared identifier is linked with. */
export interface Neighbour {
  /** Item key of the shared identifier. */
  readonly key: string;
  readonly other: Identifier;
}

/** Everything that one change writes, in one transaction. */
export interface ComponentChange {
  readonly puts: readonly ComponentPut[];
  /** Components that stay as they were read, and that the others' change stands on. */
  readonly checks: readonly { readonly id: string; readonly expected: number }[];
  /** Components whose identifiers all went into another one. */
  readonly merged: readonly { readonly id: string; readonly expected: number; readonly into: string }[];
  /** Identifiers that nobody has seen before. */
  readonly newIdentifiers: readonly Pointer[];
  /** Identifiers that went to another component, and some that still point to a merged one, so that reads stay short. */
  readonly movedIdentifiers: readonly Pointer[];
  /** Links of shared identifiers that are no more. */
  readonly lostNeighbours: readonly Neighbour[];
  readonly profiles: readonly Profile[];
  readonly redirects: readonly ProfileRedirect[];
  /** Profile ids whose every identifier turned out to belong to nobody. */
  readonly deletedProfiles: readonly string[];
  /** True where the change comes of one item: what does not fit into one transaction cannot be made in smaller steps. */
  readonly indivisible: boolean;
}

/**
 * What became of a commit. `conflict`: somebody else changed a component (or the table was throttled): read again.
 * `too-large`: more than one transaction or item holds. `refused`: DynamoDB will never take it.
 */
export type CommitResult =
  | { readonly kind: "done" }
  | { readonly kind: "conflict" }
  | { readonly kind: "too-large"; readonly detail: string }
  | { readonly kind: "refused"; readonly detail: string };

/** An event with the item key of its strongest identifier, below which it is logged. */
export interface LoggedEvent {
  readonly key: string;
  readonly record: EventRecord;
}

/** The identity graph, the evidence log and the profiles, as the resolver needs them. */
export interface Graph {
  componentIds(itemKeys: readonly string[], consistent: boolean): Promise<Map<string, string>>;
  components(ids: readonly string[], consistent: boolean): Promise<Map<string, LiveComponent>>;
  /** What a shared identifier is linked with. */
  neighbours(itemKey: string): Promise<Identifier[]>;
  /** The events of which an identifier is the strongest. */
  events(itemKey: string): Promise<EventRecord[]>;
  /** Adds events to the log, and entries to what shared identifiers are linked with. Writing one again changes nothing. */
  note(events: readonly LoggedEvent[], neighbours: readonly Neighbour[]): Promise<void>;
  /** Takes events out of the log that can never be applied. */
  forget(events: readonly LoggedEvent[]): Promise<void>;
  commit(change: ComponentChange): Promise<CommitResult>;
}
