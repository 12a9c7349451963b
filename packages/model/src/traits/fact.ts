import type { CustomerEvent } from "../event";
import type { Json } from "../json";
import { orderingTime } from "../ordering-time";
import {
  type EventFilter,
  type TraitDefinition,
  type TraitDefinitions,
  type TraitFold,
  windowLength,
} from "./definition";
import { type TraitValue, traitNumber, traitValue } from "./value";

/** What one event says to the declared traits. */
export interface TraitFact {
  /** `orderingTime` of the event, epoch milliseconds. */
  readonly at: number;
  readonly sourceId: string;
  readonly messageId: string;
  /** By name of the traits that the event is relevant to: the value that it gives to the fold; of `count` it is 1. */
  readonly values: Readonly<Record<string, Json>>;
}

type Named = readonly [name: string, definition: TraitDefinition];

const byKind = new WeakMap<TraitDefinitions, ReadonlyMap<string, readonly Named[]>>();

/** Definitions by the type and name of the events that they are about, so that an event meets only those. */
function indexed(traits: TraitDefinitions): ReadonlyMap<string, readonly Named[]> {
  const known = byKind.get(traits);
  if (known) return known;
  const index = new Map<string, Named[]>();
  for (const named of Object.entries(traits)) {
    const { type, name } = named[1].of;
    const key = name === undefined ? type : `${type}:${name}`;
    index.set(key, [...(index.get(key) ?? []), named]);
  }
  byKind.set(traits, index);
  return index;
}

/** What an event says to the declared traits; undefined where it says nothing to any of them. */
export function traitFactOf(event: CustomerEvent, traits: TraitDefinitions): TraitFact | undefined {
  const index = indexed(traits);
  const name = event.type === "track" ? event.event : "name" in event ? event.name : undefined;
  const relevant = [
    ...(index.get(event.type) ?? []),
    ...(name === undefined ? [] : (index.get(`${event.type}:${name}`) ?? [])),
  ];
  if (relevant.length === 0) return undefined;
  const at = orderingTime(event);
  const values: [string, Json][] = [];
  for (const [trait, definition] of relevant) {
    if (!(definition.of.where ?? []).every((filter) => holds(filter, valueAt(event, filter.field)))) continue;
    const value = definition.fold === "count" ? 1 : sayingOf(definition, event, at);
    if (value !== undefined) values.push([trait, value]);
  }
  if (values.length === 0) return undefined;
  return { at, sourceId: event.sourceId, messageId: event.messageId, values: Object.fromEntries(values) };
}

function sayingOf(
  definition: Exclude<TraitDefinition, { fold: "count" }>,
  event: CustomerEvent,
  at: number,
): TraitValue | undefined {
  if (definition.field === "time") return new Date(at).toISOString();
  const value = valueAt(event, definition.field);
  return isNumeric(definition.fold) ? traitNumber(value) : traitValue(value);
}

/** Whether a fold is over numbers. */
export const isNumeric = (fold: TraitFold): boolean => fold === "sum" || fold === "min" || fold === "max";

/** What is at a field: `properties.x` (of an `identify` event its traits), `context.x`, `sourceId`. */
function valueAt(event: CustomerEvent, field: string): Json | undefined {
  if (field === "sourceId") return event.sourceId;
  const [root, ...path] = field.split(".");
  let current: Json | undefined =
    root === "context"
      ? event.context
      : "properties" in event
        ? event.properties
        : "traits" in event
          ? event.traits
          : undefined;
  for (const part of path) {
    if (typeof current !== "object" || current === null || Array.isArray(current) || !Object.hasOwn(current, part)) {
      return undefined;
    }
    current = current[part];
  }
  return current;
}

/** Whether a filter holds of what is at its field. What is no value fails all but `noneOf`. */
function holds(filter: EventFilter, given: Json | undefined): boolean {
  const value = traitValue(given);
  const same = (wanted: TraitValue) => value === traitValue(wanted);
  switch (filter.op) {
    case "exists":
      return value !== undefined;
    case "equals":
      return value !== undefined && same(filter.value);
    case "oneOf":
      return value !== undefined && filter.value.some(same);
    case "noneOf":
      return value === undefined || !filter.value.some(same);
    default: {
      const [number, bound] = [traitNumber(given), traitNumber(filter.value)];
      if (number === undefined || bound === undefined) return false;
      if (filter.op === "atLeast") return number >= bound;
      if (filter.op === "atMost") return number <= bound;
      return filter.op === "above" ? number > bound : number < bound;
    }
  }
}

/**
 * The instant from which a fact says nothing to any trait any more, epoch milliseconds: when it has left the longest
 * window. Undefined where one of its traits has none.
 */
export function factEndsAt(fact: TraitFact, traits: TraitDefinitions): number | undefined {
  let end = Number.NEGATIVE_INFINITY;
  for (const name of Object.keys(fact.values)) {
    if (!Object.hasOwn(traits, name)) continue;
    const window = traits[name]?.window;
    if (window === undefined) return undefined;
    end = Math.max(end, fact.at + windowLength(window));
  }
  return end === Number.NEGATIVE_INFINITY ? fact.at : end;
}
