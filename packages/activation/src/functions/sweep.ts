import { type Item, logger, mapLimit, metrics } from "@tributary/runtime";
import { dueShards, type Standings } from "../store/standings";
import { countSteps } from "./count-steps";
import { type Settle, settleAll } from "./settle-profiles";

/** As much of Lambda's context as the sweep asks. */
export interface Remaining {
  getRemainingTimeInMillis(): number;
}

/** Stops taking pages when so much of the function's time is left. */
const reserveMs = 10_000;

/** What a sweep came to. */
export interface Swept {
  readonly settled: number;
  /** Whether time ran out before everything due was seen: the next sweep goes on. */
  readonly unfinished: boolean;
}

/**
 * Settles the profiles of which time alone changed something. It takes all that is due, however long ago: a sweep that
 * was missed or died is made up for by the next. A profile that fails is tried again at the next sweep; this one reports
 * it at its end, when all others are done.
 */
export function makeSweep(
  standings: Pick<Standings, "due">,
  settle: Settle,
  now: () => number = Date.now,
): (event: unknown, context: Remaining) => Promise<Swept> {
  const log = logger("sweep");
  const counters = metrics("sweep");

  return async (_event, context) => {
    const until = now();
    const failures: string[] = [];
    let settled = 0;
    let unfinished = false;
    const sweepShard = async (shard: string): Promise<void> => {
      let from: Item | undefined;
      do {
        if (context.getRemainingTimeInMillis() < reserveMs) {
          unfinished = true;
          return;
        }
        const page = await standings.due(shard, until, from);
        const due = page.profileIds.map((id) => [id, "event"] as const);
        const failed = await settleAll(due, settle, (steps) => countSteps(counters, steps));
        settled += due.length - failed.size;
        failures.push(...failed.values());
        from = page.next;
      } while (from !== undefined);
    };
    try {
      await mapLimit(dueShards, 4, sweepShard);
    } finally {
      counters.flush();
    }
    if (unfinished) log.warn("time ran out; the next sweep goes on", { settled });
    if (failures.length > 0) {
      throw new Error(
        `${failures.length} profiles could not be settled and are tried again in a minute; the first: ${failures[0]}`,
      );
    }
    return { settled, unfinished };
  };
}
