import type { Metrics } from "@tributary/runtime";
import type { Step } from "../domain/standing/standing";

/** Counts who entered and left audiences. */
export function countSteps(counters: Metrics, steps: readonly Step[]): void {
  counters.count("StandingsWritten", steps.length);
  for (const { transitions } of steps) {
    for (const { audience, member } of transitions) {
      counters.count(member ? "AudienceEntered" : "AudienceExited", 1, { audience });
    }
  }
}
