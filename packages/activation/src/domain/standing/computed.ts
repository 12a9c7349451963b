import {
  canonicalJson,
  eventTraitsOf,
  isEventTrait,
  type Json,
  nodeKey,
  type Profile,
  type SegmentDefinition,
  shortHash,
  type TraitDefinitions,
} from "@tributary/model";

/** What is declared: computed traits, and the audiences that people may be in. */
export interface Definitions {
  readonly traits: TraitDefinitions;
  readonly audiences: Readonly<Record<string, SegmentDefinition>>;
  /** The declared traits and the anonymous ones that audiences' event predicates ask. */
  readonly all: TraitDefinitions;
  /** Names the content of `all`. */
  readonly hash: string;
}

export type ComputedValues = Readonly<Record<string, Json>>;

export function definitionsOf(
  traits: TraitDefinitions,
  audiences: Readonly<Record<string, SegmentDefinition>>,
): Definitions {
  const all = { ...traits, ...eventTraitsOf(audiences) };
  return { traits, audiences, all, hash: shortHash(canonicalJson(all as unknown as Json), 16) };
}

/** What computed values rest on beside facts and time: the person's identifiers, and what is declared. */
export function basisOf(profile: Profile, { hash }: Definitions): string {
  return shortHash(canonicalJson([hash, profile.identifiers.map(nodeKey).sort()]));
}

/** Only those of declared traits: what people and destinations are shown. */
export function declaredValues(values: ComputedValues, { traits }: Definitions): ComputedValues {
  return Object.fromEntries(Object.entries(values).filter(([name]) => Object.hasOwn(traits, name)));
}

/**
 * A profile with values of computed traits. A declared name is the computed trait's alone: what events state under it is
 * hidden, also while the trait has no value. The version is another for other values.
 */
export function withComputed(profile: Profile, values: ComputedValues, { traits }: Definitions): Profile {
  const isOurs = (name: string) => Object.hasOwn(traits, name) || isEventTrait(name);
  const stated = <T>(record: Readonly<Record<string, T>>): Record<string, T> =>
    Object.fromEntries(Object.entries(record).filter(([name]) => !isOurs(name)));
  return {
    ...profile,
    traits: { ...stated(profile.traits), ...values },
    lineage: stated(profile.lineage),
    version: versionOf(profile, values),
  };
}

/** Version of a profile with computed values: the profile's own where it has none. */
export function versionOf({ version }: Pick<Profile, "version">, values: ComputedValues): string {
  const shown = Object.fromEntries(Object.entries(values).filter(([name]) => !isEventTrait(name)));
  return Object.keys(shown).length === 0 ? version : shortHash(canonicalJson([version, shown]));
}
