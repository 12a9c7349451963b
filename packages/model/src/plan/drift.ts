import { type CustomerEvent, type EventType, eventTypes } from "../event";
import { nearest } from "../nearest";
import { type PlanChecker, type PlanVerdict, planChecker, plannedName } from "./check";
import { eventLabel } from "./diff";
import { isNamed, namedTypes, type PlannedEvent, type PlannedEvents, ruleOf, type TrackingPlan } from "./plan";

/** Lines that are named as examples of one finding. */
const examples = 5;

/** One kind of disagreement between a sample and a plan. */
export interface DriftFinding {
  /** `track "Order Completed"`. */
  readonly event: string;
  /** Like `properties.products[].price`. */
  readonly field: string;
  readonly rule: string;
  readonly description: string;
  /** How often each JSON type was found there. */
  readonly found: Record<string, number>;
  /** Events with it. */
  events: number;
  /** Lines of the first few. */
  readonly lines: string[];
  readonly suggestion?: string;
}

/** How a sample of a source's events agrees with its plan. */
export interface DriftReport {
  /** Events in the sample. */
  readonly events: number;
  /** What the plan would make of them. */
  readonly outcomes: Readonly<Record<PlanVerdict["kind"], number>>;
  /** Planned events with how often they were seen. */
  readonly planned: readonly { readonly event: string; readonly seen: number; readonly violating: number }[];
  readonly violations: readonly DriftFinding[];
  readonly unplannedEvents: readonly DriftFinding[];
  readonly unplannedProperties: readonly DriftFinding[];
}

/** The plan with everything unplanned told, whatever becomes of it. */
function telling(plan: TrackingPlan): TrackingPlan {
  const rule = (given: PlannedEvent): PlannedEvent => ({ ...given, unplannedProperties: "forward-with-flag" });
  const rules = (events: PlannedEvents | undefined) =>
    events && Object.fromEntries(Object.entries(events).map(([name, given]) => [name, rule(given)]));
  const told: Record<string, unknown> = { ...plan, unplannedEvents: "forward-with-flag" };
  for (const type of namedTypes) if (plan[type]) told[type] = rules(plan[type]);
  for (const type of ["identify", "group"] as const) if (plan[type]) told[type] = rule(plan[type]);
  return told as unknown as TrackingPlan;
}

function listedNames(plan: TrackingPlan, type: EventType): string[] {
  return isNamed(type) ? Object.keys(plan[type] ?? {}) : [];
}

/** The names of the properties beside a field's, for a remedy. */
function siblings(rule: PlannedEvent | undefined, field: string): string[] {
  const section = field.startsWith("traits.") ? rule?.traits : rule?.properties;
  return /^(properties|traits)\.[^.[]+$/.test(field) ? Object.keys(section?.properties ?? {}) : [];
}

/** Gathers how the events of a sample agree with a plan. */
export class Drift {
  private readonly check: PlanChecker;
  private readonly tell: PlanChecker;
  private events = 0;
  private readonly outcomes = { accepted: 0, flagged: 0, omitted: 0, quarantined: 0, dropped: 0 };
  private readonly seen = new Map<string, { seen: number; violating: number }>();
  private readonly findings = new Map<string, DriftFinding>();

  constructor(private readonly plan: TrackingPlan) {
    this.check = planChecker(plan);
    this.tell = planChecker(telling(plan));
  }

  /** @param line where the event stands, for people: `orders.jsonl:17` */
  add(event: CustomerEvent, line: string): void {
    const name = plannedName(event);
    const rule = ruleOf(this.plan, event.type, name);
    const label = eventLabel(event.type, name);
    const verdict = this.check(event);
    this.events += 1;
    this.outcomes[verdict.kind] += 1;
    const { violations } = this.tell(event);
    if (rule !== undefined && rule !== "unplanned") {
      const listed = !isNamed(event.type) || listedNames(this.plan, event.type).includes(name);
      const key = listed ? label : eventLabel(event.type, "*");
      const counts = this.seen.get(key) ?? { seen: 0, violating: 0 };
      counts.seen += 1;
      if (violations.some((violation) => !violation.rule.startsWith("unplanned-"))) counts.violating += 1;
      this.seen.set(key, counts);
    }
    const counted = new Set<DriftFinding>();
    for (const { field: place, rule: broken, description, found } of violations) {
      const field = place.replace(/\[\d+\]/g, "[]");
      const finding = this.finding(event, label, field, broken, description, rule);
      finding.found[found] = (finding.found[found] ?? 0) + 1;
      if (counted.has(finding)) continue;
      counted.add(finding);
      finding.events += 1;
      if (finding.lines.length < examples) finding.lines.push(line);
    }
  }

  private finding(
    event: CustomerEvent,
    label: string,
    field: string,
    rule: string,
    description: string,
    planned: PlannedEvent | "unplanned" | undefined,
  ): DriftFinding {
    const key = [label, field, rule, description].join("\0");
    const known = this.findings.get(key);
    if (known) return known;
    const suggestion = this.suggestion(event, field, rule, planned);
    const made: DriftFinding = {
      ...{ event: label, field, rule, description, found: {}, events: 0, lines: [] },
      ...(suggestion === undefined ? {} : { suggestion }),
    };
    this.findings.set(key, made);
    return made;
  }

  private suggestion(
    event: CustomerEvent,
    field: string,
    rule: string,
    planned: PlannedEvent | "unplanned" | undefined,
  ): string | undefined {
    if (rule === "unplanned-event") {
      const meant = nearest(plannedName(event), listedNames(this.plan, event.type));
      return meant === undefined ? "add it to the plan" : `did you mean ${JSON.stringify(meant)}?`;
    }
    if (rule !== "unplanned-property" && rule !== "additionalProperties") return undefined;
    const names = siblings(typeof planned === "object" ? planned : undefined, field);
    const meant = nearest(field.slice(field.lastIndexOf(".") + 1), names);
    return meant === undefined ? "add it to the plan" : `did you mean ${JSON.stringify(meant)}?`;
  }

  report(): DriftReport {
    const planned = eventTypes.flatMap((type) => {
      const names = isNamed(type) ? listedNames(this.plan, type) : type !== "alias" && this.plan[type] ? [""] : [];
      return names.map((name) => {
        const event = eventLabel(type, name);
        return { event, ...(this.seen.get(event) ?? { seen: 0, violating: 0 }) };
      });
    });
    const all = [...this.findings.values()].sort((a, b) => b.events - a.events || (a.field < b.field ? -1 : 1));
    return {
      events: this.events,
      outcomes: { ...this.outcomes },
      planned,
      violations: all.filter(({ rule }) => !rule.startsWith("unplanned-")),
      unplannedEvents: all.filter(({ rule }) => rule === "unplanned-event"),
      unplannedProperties: all.filter(({ rule }) => rule === "unplanned-property"),
    };
  }
}

/** What the new plan refuses of a sample that the old one takes, as `Drift` reports it. */
export class Breakage {
  private readonly old: PlanChecker;
  private readonly next: PlanChecker;
  private readonly drift: Drift;
  /** Events in the sample. */
  events = 0;
  /** Those that would break. */
  broken = 0;

  constructor(old: TrackingPlan, next: TrackingPlan) {
    this.old = planChecker(old);
    this.next = planChecker(next);
    this.drift = new Drift(next);
  }

  add(event: CustomerEvent, line: string): void {
    this.events += 1;
    if (this.old(event).kind !== "accepted" || this.next(event).kind === "accepted") return;
    this.broken += 1;
    this.drift.add(event, line);
  }

  findings(): readonly DriftFinding[] {
    const { violations, unplannedEvents, unplannedProperties } = this.drift.report();
    return [...violations, ...unplannedEvents, ...unplannedProperties];
  }
}
