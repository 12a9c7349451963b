import type { CustomerEvent } from "../event";
import { isJsonObject, type Json, type JsonObject } from "../json";
import { type JsonSchema, joinField, leavesOpen, type SubSchema } from "./json-schema";
import { type PlannedEvent, ruleOf, type TrackingPlan } from "./plan";
import { compileSchema, jsonType, type SchemaViolation, type Validator } from "./validator";

/** Where an event does not keep to its source's plan. Holds no value of the event. */
export interface PlanViolation {
  /** Like `properties.products[0].price`, at most 200 characters. */
  readonly field: string;
  /** A keyword of JSON Schema, `unplanned-property` or `unplanned-event`. */
  readonly rule: string;
  /** What must be. */
  readonly description: string;
  /** JSON type of the value; `nothing` where one is missing. */
  readonly found: string;
}

/** What a plan makes of an event. */
export type PlanVerdict =
  | { readonly kind: "accepted"; readonly violations: readonly [] }
  /** Goes on, marked: `event` is the marked one. */
  | { readonly kind: "flagged"; readonly event: CustomerEvent; readonly violations: readonly PlanViolation[] }
  /** Goes on without what is wrong. */
  | { readonly kind: "omitted"; readonly event: CustomerEvent; readonly violations: readonly PlanViolation[] }
  | {
      readonly kind: "quarantined";
      readonly reason: "plan-violation" | "unplanned-event";
      readonly detail: string;
      readonly violations: readonly PlanViolation[];
    }
  /** An unplanned event that the plan leaves out. */
  | { readonly kind: "dropped"; readonly reason: "unplanned-event"; readonly violations: readonly PlanViolation[] };

export type PlanChecker = (event: CustomerEvent) => PlanVerdict;

/** Violations that an event's flag and a quarantine's detail name. */
const mostTold = 20;
const accepted: PlanVerdict = { kind: "accepted", violations: [] };

type Section = "properties" | "traits" | "context";
type Sections = Partial<Record<Section, JsonObject>>;

interface Part {
  readonly section: Section;
  readonly schema: JsonSchema;
  readonly validate: Validator;
}

/** An event's name as plans list it: of track events what happened, of pages and screens their name, else empty. */
export function plannedName(event: CustomerEvent): string {
  if (event.type === "track") return event.event;
  return event.type === "page" || event.type === "screen" ? (event.name ?? "") : "";
}

function sectionsOf(event: CustomerEvent): Sections {
  const { context } = event;
  if ("properties" in event) return { properties: event.properties, context };
  return "traits" in event ? { traits: event.traits, context } : { context };
}

export function fieldOf(path: readonly (string | number)[]): string {
  const text = path.reduce<string>(joinField, "");
  return text.length > 200 ? `${text.slice(0, 199)}…` : text;
}

function told({ path, ...violation }: SchemaViolation): PlanViolation {
  return { field: fieldOf(path), ...violation };
}

/** Properties that a schema leaves open and does not list, at every level. What stands in `anyOf` and the like is not looked into. */
function unplanned(
  schema: SubSchema | undefined,
  value: Json | undefined,
  path: readonly (string | number)[],
): SchemaViolation[] {
  if (typeof schema !== "object") return [];
  if (Array.isArray(value)) return value.flatMap((item, index) => unplanned(schema.items, item, [...path, index]));
  const { properties } = schema;
  if (!isJsonObject(value) || !properties) return [];
  const open = leavesOpen(schema);
  return Object.entries(value).flatMap(([key, member]) => {
    const at = [...path, key];
    if (Object.hasOwn(properties, key)) return unplanned(properties[key], member, at);
    if (!open) return [];
    return [{ path: at, rule: "unplanned-property", description: "is not in the plan", found: jsonType(member) }];
  });
}

/** The property that holds a place: a missing one's object, a list item's list. None where that is the whole section. */
function omittable({ path, rule }: SchemaViolation): readonly (string | number)[] | undefined {
  const place = rule === "required" ? path.slice(0, -1) : [...path];
  while (typeof place.at(-1) === "number") place.pop();
  return place.length > 1 ? place : undefined;
}

function remove(sections: Sections, path: readonly (string | number)[]): boolean {
  let holder: unknown = sections;
  for (const [index, key] of path.entries()) {
    // Own properties only: a part of the path may be gone by now, and `__proto__` is a name that an event may hold.
    if (typeof holder !== "object" || holder === null || !Object.hasOwn(holder, key)) return false;
    if (index === path.length - 1) return delete (holder as Record<string | number, unknown>)[key];
    holder = (holder as Record<string | number, unknown>)[key];
  }
  return false;
}

/** How one planned event is checked. */
class Rule {
  private readonly parts: readonly Part[];
  private readonly action: TrackingPlan["onViolation"];
  private readonly others: TrackingPlan["unplannedProperties"];

  constructor(plan: TrackingPlan, rule: PlannedEvent) {
    const part = (section: Section, schema: JsonSchema | undefined): Part[] =>
      schema === undefined ? [] : [{ section, schema, validate: compileSchema(schema) }];
    this.parts = [
      ...part("properties", rule.properties),
      ...part("traits", rule.traits),
      ...part("context", rule.context),
      ...part("context", plan.context),
    ];
    this.action = rule.onViolation ?? plan.onViolation;
    this.others = rule.unplannedProperties ?? plan.unplannedProperties;
  }

  private violations(sections: Sections): SchemaViolation[] {
    return this.parts.flatMap(({ section, validate }) => validate(sections[section] ?? {}, section));
  }

  private unplanned(sections: Sections): SchemaViolation[] {
    if (this.others === "allow") return [];
    // Every client puts its own into the context; a plan that minds says so by a strict schema.
    return this.parts.flatMap(({ section, schema }) =>
      section === "context" ? [] : unplanned(schema, sections[section], [section]),
    );
  }

  check(event: CustomerEvent): PlanVerdict {
    const sections = sectionsOf(event);
    const wrong = this.violations(sections);
    const extra = this.unplanned(sections);
    if (wrong.length === 0 && extra.length === 0) return accepted;
    const fatal = [...(this.action === "quarantine" ? wrong : []), ...(this.others === "quarantine" ? extra : [])];
    const all = [...wrong, ...extra].map(told);
    if (fatal.length > 0) return quarantined(fatal, all);

    const left: Sections = structuredClone(sections);
    const omitted = new Set<string>();
    const omit = (violations: readonly SchemaViolation[]): boolean => {
      let any = false;
      for (const violation of violations) {
        const place = omittable(violation);
        if (!place || !remove(left, place)) continue;
        omitted.add(fieldOf(place));
        any = true;
      }
      return any;
    };
    if (this.others === "omit") omit(extra);
    if (this.action === "omit-property") {
      let still = this.violations(left);
      // A property less may be one too few for the object that held it, which then goes too: so on, towards the root.
      while (still.length > 0 && omit(still)) still = this.violations(left);
      if (still.length > 0) return quarantined(still, all);
    }
    const flagged = [
      ...(this.action === "forward-with-flag" ? wrong : []),
      ...(this.others === "forward-with-flag" ? extra : []),
    ];
    const marked = mark({ ...event, ...left } as CustomerEvent, flagged.map(told), [...omitted]);
    return { kind: omitted.size > 0 ? "omitted" : "flagged", event: marked, violations: all };
  }
}

function quarantined(fatal: readonly SchemaViolation[], violations: readonly PlanViolation[]): PlanVerdict {
  return { kind: "quarantined", reason: "plan-violation", detail: detailOf(fatal.map(told)), violations };
}

function detailOf(violations: readonly PlanViolation[]): string {
  const lines = violations.slice(0, mostTold).map(({ field, rule, description, found }) => {
    const isFound = rule === "type" || rule === "const" || rule === "enum";
    return `${field} ${description}${isFound ? `, is ${found}` : ""}`;
  });
  const more = violations.length - lines.length;
  const remedy = "mend the producer, or widen the plan and replay";
  return `${lines.join("; ")}${more > 0 ? `; and ${more} more` : ""}; ${remedy}`;
}

/** The event with what was wrong in its `context.protocols`, where Segment puts it. */
function mark(event: CustomerEvent, violations: readonly PlanViolation[], omitted: readonly string[]): CustomerEvent {
  const { protocols } = event.context;
  return {
    ...event,
    context: {
      ...event.context,
      protocols: {
        ...(isJsonObject(protocols) ? protocols : {}),
        ...(violations.length > 0
          ? { violations: violations.slice(0, mostTold).map((violation) => ({ ...violation })) }
          : {}),
        ...(omitted.length > 0 ? { omitted: omitted.slice(0, mostTold) } : {}),
      },
    },
  };
}

function unplannedEvent(plan: TrackingPlan, event: CustomerEvent): PlanVerdict {
  const violation: PlanViolation = {
    field: event.type === "track" ? "event" : "name",
    rule: "unplanned-event",
    description: "is not in the plan",
    found: "string",
  };
  switch (plan.unplannedEvents) {
    case "allow":
      return accepted;
    case "omit":
      return { kind: "dropped", reason: "unplanned-event", violations: [violation] };
    case "forward-with-flag":
      return { kind: "flagged", event: mark(event, [violation], []), violations: [violation] };
    case "quarantine": {
      const detail = `the plan names no such ${event.type} event; add it to the plan and replay, or mend the producer`;
      return { kind: "quarantined", reason: "unplanned-event", detail, violations: [violation] };
    }
  }
}

/** A plan's checker. What it needs for an event is made when the first such event comes. */
export function planChecker(plan: TrackingPlan): PlanChecker {
  const rules = new Map<PlannedEvent, Rule>();
  return (event) => {
    const planned = ruleOf(plan, event.type, plannedName(event));
    if (planned === undefined) return accepted;
    if (planned === "unplanned") return unplannedEvent(plan, event);
    let rule = rules.get(planned);
    if (!rule) {
      rule = new Rule(plan, planned);
      rules.set(planned, rule);
    }
    return rule.check(event);
  };
}
