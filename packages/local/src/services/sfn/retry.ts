import type { Catcher, Retrier } from "./definition";
import type { StateError } from "./state-error";

/** Errors that no wildcard matches. */
const terminal = new Set(["States.Runtime", "States.DataLimitExceeded"]);
/** A missed heartbeat is a timeout too. */
const timeouts = new Set(["States.Timeout", "States.HeartbeatTimeout"]);

/** Whether a list of error names covers an error, by the rules for `States.ALL`, `States.TaskFailed` and timeouts. */
export function covers(names: readonly string[], error: string): boolean {
  return names.some(
    (name) =>
      name === error ||
      (name === "States.ALL" && !terminal.has(error)) ||
      (name === "States.Timeout" && timeouts.has(error)) ||
      (name === "States.TaskFailed" && !timeouts.has(error) && !terminal.has(error)),
  );
}

/** Counts the attempts of one entry of a state, by retrier. */
export class Retries {
  private readonly used = new Map<Retrier, number>();

  constructor(private readonly retriers: readonly Retrier[]) {}

  /** Retries so far, over all retriers. */
  get count(): number {
    return [...this.used.values()].reduce((sum, each) => sum + each, 0);
  }

  /** Seconds to wait before the next attempt, or undefined where there is none. */
  next(error: StateError, random: () => number): number | undefined {
    const retrier = this.retriers.find(({ ErrorEquals }) => covers(ErrorEquals, error.error));
    if (!retrier) return undefined;
    const attempt = this.used.get(retrier) ?? 0;
    if (attempt >= retrier.MaxAttempts) return undefined;
    this.used.set(retrier, attempt + 1);
    const wait = retrier.IntervalSeconds * retrier.BackoffRate ** attempt;
    const capped = Math.min(wait, retrier.MaxDelaySeconds ?? Number.POSITIVE_INFINITY);
    return retrier.JitterStrategy === "FULL" ? random() * capped : capped;
  }
}

export const catcherOf = (catchers: readonly Catcher[], error: StateError): Catcher | undefined =>
  catchers.find(({ ErrorEquals }) => covers(ErrorEquals, error.error));
