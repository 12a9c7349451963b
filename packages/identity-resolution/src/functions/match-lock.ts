import { logger } from "@tributary/runtime";
import * as z from "zod/mini";
import type { MatchingLock } from "../domain/matching/lock";

const text = z.string().check(z.minLength(1));

/** What the state machine sends; the run is the one that its start named, else the execution. */
const requestSchema = z.object({
  action: z.enum(["take", "give-back"]),
  owner: text,
  name: text,
  /** The input of the execution, which anybody may have written. */
  input: z.unknown(),
  /** When the execution began: what waiting is counted from. */
  since: text,
  ended: z.optional(text),
  finished: z.optional(z.boolean()),
});

export interface LockTimes {
  /** Seconds for which the lock is taken, at most. */
  readonly holdSeconds: number;
  /** Seconds that an execution waits for the lock. */
  readonly waitSeconds: number;
}

export interface LockResult {
  readonly state: "taken" | "held" | "finished" | "waited" | "given-back";
  /** The execution that holds it, where somebody does; else empty, as a state machine's path must find something. */
  readonly holder: string;
}

/** The name of a run: what started it says so, so that a start that is delivered twice is one run. */
function runOf(input: unknown, name: string): string {
  const run = typeof input === "object" && input !== null && "run" in input ? input.run : undefined;
  return typeof run === "string" && run !== "" ? run.slice(0, 256) : name;
}

/** Takes and gives back the lock for the state machine, which cannot reach a table that answers its network only. */
export function makeMatchLock(
  lock: MatchingLock,
  { holdSeconds, waitSeconds }: LockTimes,
  clock: () => number = Date.now,
): (event: unknown) => Promise<LockResult> {
  const log = logger("match-lock");
  return async (event) => {
    const { action, owner, name, input, since, ended, finished } = requestSchema.parse(event);
    const run = runOf(input, name);
    if (action === "give-back") {
      await lock.giveBack({ owner, ...(finished === true ? { finishedRun: run } : {}) });
      return { state: "given-back", holder: "" };
    }
    const now = Math.floor(clock() / 1000);
    const request = { owner, run, now, until: now + holdSeconds };
    const answer = await lock.take(ended === undefined ? request : { ...request, ended });
    if (answer.state !== "held") return { state: answer.state, holder: "" };
    const waited = now - Date.parse(since) / 1000;
    log.info("another run holds the lock", { holder: answer.holder, waitedSeconds: Math.round(waited) });
    return { state: waited > waitSeconds ? "waited" : "held", holder: answer.holder };
  };
}
