import { type CustomerEvent, type PlanChecker, planChecker, type TrackingPlan } from "@tributary/model";
import type { Metrics } from "@tributary/runtime";

/** What a source's tracking plan lets through: the event, marked where the plan says so, or what becomes of it. */
export type Planned =
  | { readonly kind: "event"; readonly event: CustomerEvent }
  | { readonly kind: "quarantine"; readonly reason: "plan-violation" | "unplanned-event"; readonly detail: string }
  | { readonly kind: "dropped"; readonly reason: "unplanned-event" };

/** Holds each event against its source's plan, before the user's callback sees it. */
export type PlanGate = (event: CustomerEvent) => Planned;

/**
 * The gate of the plans by source id; undefined where no source has one. With `metrics` it counts `PlanViolations` by source and by what
 * became of the event, and says nothing of what is in it.
 */
export function planGate(
  plans: Readonly<Record<string, TrackingPlan>> | undefined,
  metrics?: Metrics,
): PlanGate | undefined {
  if (!plans) return undefined;
  const checkers = new Map<string, PlanChecker>(Object.entries(plans).map(([id, plan]) => [id, planChecker(plan)]));
  return (event) => {
    const verdict = checkers.get(event.sourceId)?.(event);
    if (!verdict || verdict.kind === "accepted") return { kind: "event", event };
    metrics?.count("PlanViolations", 1, { source: event.sourceId, outcome: verdict.kind });
    switch (verdict.kind) {
      case "flagged":
      case "omitted":
        return { kind: "event", event: verdict.event };
      case "quarantined":
        return { kind: "quarantine", reason: verdict.reason, detail: verdict.detail };
      case "dropped":
        return { kind: "dropped", reason: verdict.reason };
    }
  };
}
