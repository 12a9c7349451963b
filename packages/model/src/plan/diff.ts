import { type EventType, eventTypes } from "../event";
import type { JsonSchema } from "./json-schema";
import { isNamed, type PlannedEvent, type TrackingPlan, unplannedActions, type ViolationAction } from "./plan";
import { type Refusal, refusals } from "./refusals";

/** A change between two versions of a plan. */
export interface PlanChange {
  /**
   * `narrowing`: events that the old plan took may be refused. `constraining`: only such as hold what the old plan did not
   * name, which the new one does. `widening`: what was refused before is taken.
   */
  readonly kind: "narrowing" | "constraining" | "widening";
  /** `track "Order Completed"`, `identify`, `page (any other)`. */
  readonly event: string;
  /** The property, like `properties.total`; empty where it is about the whole event. */
  readonly path: string;
  readonly rule: string;
  readonly before: string;
  readonly after: string;
}

const anyOther = "*";
const severity: Readonly<Record<ViolationAction, number>> = {
  "forward-with-flag": 0,
  "omit-property": 1,
  quarantine: 2,
};

/** How an event is named in reports: `track "Order Completed"`, `identify`. */
export function eventLabel(type: EventType, name: string): string {
  if (!isNamed(type)) return type;
  return name === anyOther ? `${type} (any other)` : `${type} ${JSON.stringify(name)}`;
}

type Said = PlannedEvent | "unplanned" | undefined;

function said(plan: TrackingPlan, type: EventType, name: string): Said {
  if (type === "alias") return undefined;
  if (!isNamed(type)) return plan[type];
  const events = plan[type];
  if (!events) return undefined;
  return events[name] ?? events[anyOther] ?? "unplanned";
}

function schemasOf(plan: TrackingPlan, rule: PlannedEvent | undefined): (readonly [string, JsonSchema])[] {
  const context = { ...(plan.context === undefined ? {} : { context: plan.context }) };
  const own = { properties: rule?.properties, traits: rule?.traits, "context (own)": rule?.context, ...context };
  return Object.entries(own).flatMap(([section, schema]) => (schema ? [[section, schema] as const] : []));
}

/** What the new plan refuses of what the old one takes, of events of one name. */
function narrowed(old: TrackingPlan, next: TrackingPlan, type: EventType, name: string): Omit<PlanChange, "event">[] {
  const before = said(old, type, name);
  const after = said(next, type, name);
  const whole = (rule: string, was: string, is: string, kind: PlanChange["kind"] = "narrowing") => [
    { kind, path: "", rule, before: was, after: is },
  ];
  if (after === undefined) return [];
  const rank = (plan: TrackingPlan) => unplannedActions.indexOf(plan.unplannedEvents);
  if (after === "unplanned") {
    const was = before === "unplanned" ? rank(old) : 0;
    const words = before === undefined ? "unchecked" : before === "unplanned" ? old.unplannedEvents : "planned";
    return rank(next) > was ? whole("unplannedEvents", words, `unplanned: ${next.unplannedEvents}`) : [];
  }
  if (before === "unplanned" && (old.unplannedEvents === "quarantine" || old.unplannedEvents === "omit")) return [];
  const planned = typeof before === "object" ? before : undefined;
  const found: Omit<PlanChange, "event">[] = [];
  const policy = (plan: TrackingPlan, rule: PlannedEvent) => rule.unplannedProperties ?? plan.unplannedProperties;
  const closed = policy(next, after) !== "allow";
  const change = (refusal: Refusal): Omit<PlanChange, "event"> => {
    const { ofUnplanned, ...rest } = refusal;
    return { kind: ofUnplanned ? "constraining" : "narrowing", ...rest };
  };
  const earlier = new Map(planned ? schemasOf(old, planned) : []);
  for (const [section, schema] of schemasOf(next, after)) {
    const was = earlier.get(section);
    const of = section.replace(" (own)", "");
    const options = { closed: closed && of !== "context" };
    // A section without a schema was free: whatever is now said of it constrains.
    for (const refusal of refusals(was ?? { type: "object" }, schema, of, options))
      found.push(change(was ? refusal : { ...refusal, ofUnplanned: true }));
  }
  if (!planned) return found;
  const [was, is] = [planned.onViolation ?? old.onViolation, after.onViolation ?? next.onViolation];
  if (severity[is] > severity[was]) found.push(...whole("onViolation", was, is));
  const [wasOpen, isOpen] = [policy(old, planned), policy(next, after)];
  if (unplannedActions.indexOf(isOpen) > unplannedActions.indexOf(wasOpen) && (after.properties ?? after.traits))
    found.push(...whole("unplannedProperties", wasOpen, isOpen));
  return found;
}

/**
 * The changes from one version of a plan to the next. Without a narrowing or constraining one, every event that the old
 * plan takes is taken by the new one as well.
 */
export function diffPlans(old: TrackingPlan, next: TrackingPlan): PlanChange[] {
  return eventTypes.flatMap((type) => {
    const names = isNamed(type)
      ? [...new Set([...Object.keys(old[type] ?? {}), ...Object.keys(next[type] ?? {}), anyOther])]
      : [""];
    return names.flatMap((name) => {
      const event = eventLabel(type, name);
      const widened = narrowed(next, old, type, name).map(
        ({ before, after, ...change }): PlanChange => ({
          ...change,
          kind: "widening",
          event,
          before: after,
          after: before,
        }),
      );
      const refused = narrowed(old, next, type, name).map((change): PlanChange => ({ ...change, event }));
      // Another pattern is told from either side: it is one change, and the worse of the two.
      const told = new Set(refused.map(({ path, rule }) => `${path}\0${rule}`));
      return [...refused, ...widened.filter(({ path, rule }) => !told.has(`${path}\0${rule}`))];
    });
  });
}
