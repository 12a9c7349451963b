import type { Profile, TraitFact } from "@tributary/model";
import { ProfileStore } from "@tributary/runtime";
import type { Definitions } from "../domain/standing/computed";
import type { SaidOf } from "../domain/standing/said";
import { type SettlePorts, settle, settleWithHeir, tell } from "../domain/standing/settle";
import type { AudienceState, Reason, Standing, Step } from "../domain/standing/standing";
import { Standings } from "./standings";
import { TraitFacts } from "./trait-facts";

/** Tables that standings are computed from and kept in; a function that only reads them needs no memberships. */
export interface SettleTables {
  readonly STANDINGS_TABLE: string;
  readonly TRAIT_FACTS_TABLE: string;
  readonly PROFILES_TABLE: string;
  readonly GRAPH_TABLE: string;
  readonly MEMBERSHIPS_TABLE: string;
}

/** The ports of `settle` over DynamoDB. */
export class SettleStore implements SettlePorts {
  readonly profiles: ProfileStore;
  readonly traitFacts: TraitFacts;
  readonly standings: Standings;

  constructor(
    tables: SettleTables,
    readonly now: () => number = Date.now,
  ) {
    this.profiles = new ProfileStore({ graph: tables.GRAPH_TABLE, profiles: tables.PROFILES_TABLE });
    this.traitFacts = new TraitFacts(tables.TRAIT_FACTS_TABLE, this.profiles);
    this.standings = new Standings({ standings: tables.STANDINGS_TABLE, memberships: tables.MEMBERSHIPS_TABLE });
  }

  async profile(profileId: string): Promise<Profile | undefined> {
    return (await this.profiles.byIds([profileId])).get(profileId);
  }

  async heir(profileId: string): Promise<string | undefined> {
    return (await this.profiles.byId(profileId))?.profileId;
  }

  facts(profile: Profile, since: number | undefined): Promise<readonly TraitFact[]> {
    return this.traitFacts.of(profile, since);
  }

  standing(profileId: string): Promise<Standing | undefined> {
    return this.standings.load(profileId);
  }

  memberships(profileId: string, audiences: readonly string[]): Promise<Readonly<Record<string, AudienceState>>> {
    return this.standings.memberships(profileId, audiences);
  }

  commit(step: Step): Promise<boolean> {
    return this.standings.commit(step);
  }

  backoff(attempt: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, Math.random() * Math.min(10 * 2 ** attempt, 1_000)));
  }
}

/** `settle` over the tables of a function, by its `config.json`. */
export function settleOver(
  store: SettleStore,
  definitions: Definitions,
): (profileId: string, cause: Reason) => Promise<readonly Step[]> {
  return (profileId, cause) => settleWithHeir(profileId, cause, definitions, store);
}

/** What the lake says of people, over the tables of a function. */
export function tellOver(store: SettleStore, definitions: Definitions) {
  return {
    enter: (profileId: string, news: SaidOf) => tell(profileId, "segment", definitions, store, news),
    leave: (profileId: string, news: SaidOf) => settle(profileId, "segment", definitions, store, news),
  };
}
