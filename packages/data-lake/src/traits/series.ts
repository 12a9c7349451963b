import {
  canonicalJson,
  type EventSelection,
  isNumeric,
  shortHash,
  type TraitDefinition,
  type TraitDefinitions,
} from "@tributary/model";

/** What traits of one kind read of events: those that differ in window or fold only share it. */
export interface Series {
  readonly id: string;
  readonly of: EventSelection;
  /** Absent: the event counts as such. */
  readonly field?: string;
  /** Numbers only, text that is one among them. */
  readonly numeric: boolean;
}

export function seriesOf(definition: TraitDefinition): Series {
  const numeric = isNumeric(definition.fold);
  const of = { of: definition.of, numeric, ...("field" in definition ? { field: definition.field } : {}) };
  return { id: shortHash(canonicalJson(of), 16), ...of };
}

/** Every series of some traits, once, in a lasting order. */
export function allSeries(traits: TraitDefinitions): readonly Series[] {
  const known = new Map(Object.values(traits).map((definition) => [seriesOf(definition).id, seriesOf(definition)]));
  return [...known.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
}
