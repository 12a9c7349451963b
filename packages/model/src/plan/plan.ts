import type { EventType } from "../event";
import type { JsonSchema } from "./json-schema";

/**
 * What becomes of an event that does not keep to its schema. `quarantine`: kept with the reason, to be replayed.
 * `forward-with-flag`: goes on, with what is wrong in `context.protocols.violations`. `omit-property`: goes on without the
 * properties that are wrong, named in `context.protocols.omitted`; where one of them is required it is quarantined.
 */
export const violationActions = ["quarantine", "forward-with-flag", "omit-property"] as const;
export type ViolationAction = (typeof violationActions)[number];

/** What becomes of what the plan does not name. The raw zone keeps what is omitted. */
export const unplannedActions = ["allow", "forward-with-flag", "omit", "quarantine"] as const;
export type UnplannedAction = (typeof unplannedActions)[number];

/** What a plan says about an event; of whichever schema is left out, nothing is checked. */
export interface PlannedEvent<S = JsonSchema> {
  readonly description?: string;
  /** Of the event's `context`, beside the plan's own. */
  readonly context?: S;
  /** @default the plan's */
  readonly onViolation?: ViolationAction;
  /** @default the plan's */
  readonly unplannedProperties?: UnplannedAction;
  /** Of track, page and screen events. */
  readonly properties?: S;
  /** Of identify and group events. */
  readonly traits?: S;
}

/** By name; `*` is every name that the plan does not list. */
export type PlannedEvents<S = JsonSchema> = Readonly<Record<string, PlannedEvent<S>>>;

/**
 * A source's tracking plan as plain JSON: what is published, kept in files and given to the processor. An event type that
 * the plan does not mention is not checked.
 */
export interface TrackingPlan<S = JsonSchema> {
  readonly version: 1;
  readonly description?: string;
  readonly onViolation: ViolationAction;
  /** Names that a listed event type does not list. */
  readonly unplannedEvents: UnplannedAction;
  /** Properties and traits that a schema does not list where it leaves others open. */
  readonly unplannedProperties: UnplannedAction;
  /** Of every event's `context`. */
  readonly context?: S;
  readonly track?: PlannedEvents<S>;
  readonly page?: PlannedEvents<S>;
  readonly screen?: PlannedEvents<S>;
  readonly identify?: PlannedEvent<S>;
  readonly group?: PlannedEvent<S>;
}

export const planDefaults = {
  version: 1,
  onViolation: "quarantine",
  unplannedEvents: "allow",
  unplannedProperties: "allow",
} as const;

/** Event types that a plan lists by name. */
export const namedTypes = ["track", "page", "screen"] as const;
export type NamedType = (typeof namedTypes)[number];

export function isNamed(type: EventType): type is NamedType {
  return (namedTypes as readonly string[]).includes(type);
}

/** What the plan says about events of a type and name: a rule, `unplanned`, or nothing where the type is not mentioned. */
export function ruleOf(plan: TrackingPlan, type: EventType, name: string): PlannedEvent | "unplanned" | undefined {
  if (type === "alias") return undefined;
  if (!isNamed(type)) return plan[type];
  const events = plan[type];
  if (!events) return undefined;
  if (Object.hasOwn(events, name)) return events[name];
  return Object.hasOwn(events, "*") ? events["*"] : "unplanned";
}
