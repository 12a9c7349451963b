import type { EventPredicate } from "../audience/event-predicate";
import type { EventFilter, EventSelection, TraitDefinition, TraitFold, TraitWindow } from "./definition";

/** Something over events, which may be held to a window. */
export type Windowed<T> = T & {
  /** Only events of the last so many days, hours or minutes, exactly, at every instant. */
  within(window: TraitWindow): T;
};

/** Gives plain data a method that is none of it: it is neither listed nor written as JSON. */
export function windowed<T extends object>(definition: T): Windowed<T> {
  const within = (window: TraitWindow): T => ({ ...definition, window });
  return Object.defineProperty({ ...definition }, "within", { value: within }) as Windowed<T>;
}

type Scalar = string | number | boolean;

/** A field of events, for `where`. */
export interface EventField {
  readonly field: string;
  /** The same text (case matters), number (to six decimals) or boolean. */
  equals(value: Scalar): EventFilter;
  oneOf(...values: readonly Scalar[]): EventFilter;
  /** None of these, or not there. */
  noneOf(...values: readonly Scalar[]): EventFilter;
  atLeast(value: number): EventFilter;
  atMost(value: number): EventFilter;
  above(value: number): EventFilter;
  below(value: number): EventFilter;
  /** There, as text, a number or a boolean. */
  exists(): EventFilter;
}

function eventField(field: string): EventField {
  const numeric = (op: "atLeast" | "atMost" | "above" | "below") => (value: number) => ({ field, op, value });
  return {
    field,
    equals: (value) => ({ field, op: "equals", value }),
    oneOf: (...value) => ({ field, op: "oneOf", value: [...value] }),
    noneOf: (...value) => ({ field, op: "noneOf", value: [...value] }),
    atLeast: numeric("atLeast"),
    atMost: numeric("atMost"),
    above: numeric("above"),
    below: numeric("below"),
    exists: () => ({ field, op: "exists" }),
  };
}

/** A property of a track event, page or screen, or a trait of an identify event, by its name or dotted path. */
export const property = (path: string): EventField => eventField(`properties.${path}`);
/** Of an event's context, by its dotted path: `context("campaign.source")`. */
export const context = (path: string): EventField => eventField(`context.${path}`);
/** The source that an event came from. */
export const source = (): EventField => eventField("sourceId");

/** A value of the events of a selection: what traits but `count` are computed of. */
export interface EventValue {
  readonly of: EventSelection;
  readonly field: string;
}

/** Events of one kind. */
export class Events {
  constructor(readonly selection: EventSelection) {}

  /** Only events of which all these hold: `.where(property("currency").equals("GBP"))`. */
  where(...filters: readonly EventFilter[]): Events {
    return new Events({ ...this.selection, where: [...(this.selection.where ?? []), ...filters] });
  }

  /** A property of theirs (of identify events a trait), by its name or dotted path. */
  property(path: string): EventValue {
    return { of: this.selection, field: property(path).field };
  }

  /** Of their context, by its dotted path. */
  context(path: string): EventValue {
    return { of: this.selection, field: context(path).field };
  }

  /** The source that they came from. */
  source(): EventValue {
    return { of: this.selection, field: source().field };
  }

  /** When they happened, as ISO 8601 text in UTC. */
  time(): EventValue {
    return { of: this.selection, field: "time" };
  }

  /** The person did it so many times or more. */
  atLeast(times: number): Windowed<EventPredicate> {
    return windowed({ kind: "event", of: this.selection, op: "atLeast", times });
  }

  /** The person did it so many times or fewer; not at all counts, too. */
  atMost(times: number): Windowed<EventPredicate> {
    return windowed({ kind: "event", of: this.selection, op: "atMost", times });
  }

  /** The person did not do it. */
  none(): Windowed<EventPredicate> {
    return this.atMost(0);
  }
}

/** Track events of a name: `event("Order Completed")`. */
export const event = (name: string): Events => new Events({ type: "track", name });
/** Pages, all or those of a name. */
export const page = (name?: string): Events => new Events({ type: "page", ...(name === undefined ? {} : { name }) });
/** Screens, all or those of a name. */
export const screen = (name?: string): Events =>
  new Events({ type: "screen", ...(name === undefined ? {} : { name }) });
/** Identify events; their properties are the traits that they state. */
export const identify = (): Events => new Events({ type: "identify" });

const over =
  (fold: Exclude<TraitFold, "count">) =>
  ({ of, field }: EventValue): Windowed<TraitDefinition> =>
    windowed({ fold, of, field } as TraitDefinition);

/** How many events: `count(event("Order Completed")).within({ days: 30 })`. */
export const count = ({ selection }: Events): Windowed<TraitDefinition> => windowed({ fold: "count", of: selection });
/** Sum of numbers, exact to six decimals; text that is a number counts as one, and what is none is ignored. */
export const sum = over("sum");
/** The least number. */
export const min = over("min");
/** The greatest number. */
export const max = over("max");
/** The value of the first event that has one. */
export const first = over("first");
/** The value of the last event that has one. */
export const last = over("last");
/** How many different values. */
export const distinct = over("distinct");
/** The value that most events have; of several the smallest. */
export const mostFrequent = over("mostFrequent");
