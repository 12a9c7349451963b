import type { CustomResourceOptions, Output } from "@pulumi/pulumi";
import {
  type FoundationRef,
  type Grantee,
  grantTableActions,
  grantTableRead,
  type OnDelete,
  type ProfileStoreRef,
  SecureTable,
} from "@tributary/core";
import type { ActivationTransforms } from "../args";
import { dueIndex } from "../env";

/** What traits are computed from and kept in. */
export interface ComputedStores {
  readonly profiles: ProfileStoreRef;
  readonly memberships: SecureTable;
  /** What events said, below their strongest identifier. */
  readonly traitFacts: SecureTable;
  /** Computed traits and audiences of a profile, by profile id. */
  readonly standings: SecureTable;
}

export function makeComputedStores(
  name: string,
  args: {
    readonly foundation: FoundationRef;
    readonly profiles: ProfileStoreRef;
    readonly memberships: SecureTable;
    readonly onDelete: OnDelete;
    readonly transform: ActivationTransforms;
  },
  opts: CustomResourceOptions,
): ComputedStores {
  const { foundation, profiles, memberships, onDelete, transform } = args;
  const common = { foundation, dataClass: "personal", onDelete } as const;
  const traitFacts = new SecureTable(
    `${name}-trait-facts`,
    {
      ...common,
      hashKey: { name: "identifier" },
      rangeKey: { name: "fact" },
      ttlAttribute: "expiresAt",
      ...(transform.traitFacts ? { transform: transform.traitFacts } : {}),
    },
    opts,
  );
  const standings = new SecureTable(
    `${name}-standings`,
    {
      ...common,
      hashKey: { name: "profileId" },
      // Sparse: only who waits for a window is in it.
      indexes: [
        {
          name: dueIndex,
          hashKey: { name: "dueShard" },
          rangeKey: { name: "nextChange", type: "N" },
          projection: "KEYS_ONLY",
        },
      ],
      ...(transform.standings ? { transform: transform.standings } : {}),
    },
    opts,
  );
  return { profiles, memberships, traitFacts, standings };
}

/** Environment of the functions that bring standings up to date. */
export function settleEnvironment({ profiles, memberships, traitFacts, standings }: ComputedStores) {
  return {
    STANDINGS_TABLE: standings.name,
    TRAIT_FACTS_TABLE: traitFacts.name,
    MEMBERSHIPS_TABLE: memberships.name,
    PROFILES_TABLE: profiles.profiles.name,
    GRAPH_TABLE: profiles.graph.name,
  };
}

/** What bringing standings up to date takes. */
export function grantSettle(
  grantee: Grantee,
  { profiles, memberships, traitFacts, standings }: ComputedStores,
  more: { readonly facts?: readonly `dynamodb:${string}`[] } = {},
): void {
  grantTableRead(grantee, profiles.graph);
  grantTableRead(grantee, profiles.profiles);
  grantTableActions(grantee, traitFacts.ref, "trait-facts", ["dynamodb:Query", ...(more.facts ?? [])]);
  grantTableActions(grantee, standings.ref, "standings", ["dynamodb:GetItem", "dynamodb:PutItem"]);
  grantTableActions(grantee, memberships.ref, "memberships", ["dynamodb:BatchGetItem", "dynamodb:UpdateItem"]);
}

/** Environment of the functions that show computed traits: none where there are none. */
export function computedEnvironment(stores: ComputedStores | undefined): Record<string, Output<string>> {
  return stores ? { STANDINGS_TABLE: stores.standings.name, TRAIT_FACTS_TABLE: stores.traitFacts.name } : {};
}

/** What showing computed traits takes, beside the graph and the profiles. */
export function showComputed(grantee: Grantee, { traitFacts, standings }: ComputedStores): void {
  standings.grantRead(grantee);
  traitFacts.grantRead(grantee);
}
