import type { Profile, SegmentDefinition, TraitDefinitions } from "@tributary/model";
import { declaredValues, definitionsOf, withComputed } from "../domain/standing/computed";
import { valuesNow } from "../domain/standing/settle";
import { SettleStore } from "./settle-store";

/** Adds the computed traits of this instant to a profile. */
export type Compute = (profile: Profile) => Promise<Profile>;

interface ReadTables {
  readonly STANDINGS_TABLE?: string | undefined;
  readonly TRAIT_FACTS_TABLE?: string | undefined;
  readonly PROFILES_TABLE: string;
  readonly GRAPH_TABLE: string;
}

/** What a function shows people's profiles by; a function of a platform without computed traits shows them as they are. */
export function computeBy(
  { STANDINGS_TABLE, TRAIT_FACTS_TABLE, ...tables }: ReadTables,
  declared:
    | { readonly traits: TraitDefinitions; readonly audiences: Readonly<Record<string, SegmentDefinition>> }
    | undefined,
  now?: () => number,
): Compute {
  if (!declared || !STANDINGS_TABLE || !TRAIT_FACTS_TABLE) return async (profile) => profile;
  const definitions = definitionsOf(declared.traits, declared.audiences);
  const store = new SettleStore({ ...tables, STANDINGS_TABLE, TRAIT_FACTS_TABLE, MEMBERSHIPS_TABLE: "" }, now);
  return async (profile) => {
    const values = declaredValues(await valuesNow(profile, definitions, store), definitions);
    return withComputed(profile, values, definitions);
  };
}
