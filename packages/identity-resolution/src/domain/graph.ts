import type { Profile } from "@tributary/model";
import type { LiveComponent } from "@tributary/runtime";

/** Where a profile id that is no longer used points. */
export interface ProfileRedirect {
  readonly profileId: string;
  readonly redirectTo: string;
  readonly at: string;
  readonly reason: string;
}

/** Everything that one component's change writes, in one transaction. */
export interface ComponentChange {
  readonly id: string;
  /** Revision that was read; undefined for a component that is new. */
  readonly expected: number | undefined;
  /** The encoded component. */
  readonly data: Uint8Array;
  /** Components that went into this one, with the revisions that were read. */
  readonly merged: readonly { readonly id: string; readonly expected: number }[];
  /** Item keys of identifiers that nobody has seen before. */
  readonly newIdentifiers: readonly string[];
  /** Item keys of identifiers that still point to a merged component: path compression, so that reads stay short. */
  readonly staleIdentifiers: readonly string[];
  readonly profiles: readonly Profile[];
  readonly redirects: readonly ProfileRedirect[];
  /** Profile ids whose every identifier turned out to belong to nobody. */
  readonly deletedProfiles: readonly string[];
  /** True where the change comes of one event: what does not fit into one transaction cannot be made in smaller steps. */
  readonly indivisible: boolean;
}

/**
 * What became of a commit. `conflict`: somebody else changed the component (or the table was throttled): read again.
 * `too-large`: more than one transaction or item holds. `refused`: DynamoDB will never take it.
 */
export type CommitResult =
  | { readonly kind: "done" }
  | { readonly kind: "conflict" }
  | { readonly kind: "too-large"; readonly detail: string }
  | { readonly kind: "refused"; readonly detail: string };

/** The identity graph and the profiles, as the resolver needs them. */
export interface Graph {
  componentIds(itemKeys: readonly string[], consistent: boolean): Promise<Map<string, string>>;
  components(ids: readonly string[], consistent: boolean): Promise<Map<string, LiveComponent>>;
  commit(change: ComponentChange): Promise<CommitResult>;
}
