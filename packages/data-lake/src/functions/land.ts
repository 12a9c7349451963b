import { logger } from "@tributary/runtime";
import * as z from "zod/mini";
import { jobFailure } from "../domain/job-failure";
import {
  changedDays,
  type Landed,
  type LandRecord,
  type PendingRecord,
  type Range,
  recordAfter,
  sizeOf,
} from "../domain/landed";
import { jobArguments, readRange } from "../domain/run-input";

const text = z.string().check(z.minLength(1));

/** What the state machine sends. */
const requestSchema = z.discriminatedUnion("action", [
  z.object({ action: z.literal("look"), execution: text, startedAt: text, input: z.unknown() }),
  z.object({ action: z.literal("remember"), execution: text }),
  z.object({ action: z.literal("stop"), job: text, error: z.string(), cause: z.string(), redriven: z.boolean() }),
]);

/** Where the function remembers. */
export interface LandStore {
  /** Undefined where no run has finished. */
  record(): Promise<LandRecord | undefined>;
  saveRecord(record: LandRecord): Promise<void>;
  savePending(execution: string, pending: PendingRecord): Promise<void>;
  pending(execution: string): Promise<PendingRecord>;
}

/** What it is deployed with. */
export interface LandConfig {
  /** Fingerprint of the lake's tables and SQL. */
  readonly plan: string;
  /** Runs though nothing has landed. */
  readonly everyNight: boolean;
}

/** What the function tells of the raw zone; `null` is nothing said. */
export interface LandAnswer extends Range {
  /** Days by table whose files are not those of the last finished run; at most `mostDays` of a table, the newest. */
  readonly changed: Readonly<Record<string, readonly string[]>>;
  /** Of the days that changed. */
  readonly files: number;
  readonly bytes: number;
  /** Whether there is anything to do. */
  readonly run: boolean;
  readonly why: string;
  /** For Glue jobs. */
  readonly arguments: Readonly<Record<string, string>>;
}

/** Days of a table that the answer names: Step Functions takes 256 KiB. */
const mostDays = 2000;

/**
 * Looks for what has landed in the raw zone since the last run that finished, and remembers it once a run has: in between,
 * nothing is forgotten when the run fails. Lists only; it never reads a file.
 *
 * `stop` fails with what a job failed of, until the execution is redriven: unlike a state that fails, a task runs again
 * then, and the machine goes back to the job.
 */
export function makeLand(
  store: LandStore,
  list: () => Promise<Landed>,
  { plan, everyNight }: LandConfig,
  clock: () => number = Date.now,
): (event: unknown) => Promise<LandAnswer | { readonly remembered: boolean } | { readonly resumed: true }> {
  const log = logger("land");
  const look = async (execution: string, startedAt: string, input: unknown): Promise<LandAnswer> => {
    const { asOfGiven, ...range } = readRange(input, startedAt);
    const listedAt = new Date(clock()).toISOString();
    const [before, landed] = await Promise.all([store.record(), list()]);
    const changed = changedDays(before?.landed ?? {}, landed);
    await store.savePending(execution, { version: 1, listedAt, plan, landed, asOfGiven });
    const why =
      reason(range, asOfGiven, before, plan, changed) ??
      (everyNight ? "rules of freshness hold each night" : undefined);
    const size = sizeOf(landed, changed);
    log.info("looked at the raw zone", { run: why !== undefined, why, ...size });
    return {
      ...range,
      changed: Object.fromEntries(Object.entries(changed).map(([table, days]) => [table, days.slice(-mostDays)])),
      ...size,
      run: why !== undefined,
      why: why ?? "nothing has landed since the last run",
      arguments: jobArguments(range),
    };
  };
  return async (event) => {
    const request = requestSchema.parse(event);
    if (request.action === "look") return await look(request.execution, request.startedAt, request.input);
    if (request.action === "remember") {
      const pending = await store.pending(request.execution);
      const record = recordAfter(await store.record(), pending);
      if (record !== undefined) await store.saveRecord(record);
      return { remembered: record !== undefined };
    }
    if (request.redriven) return { resumed: true };
    const { name, message } = jobFailure(request.job, request.error, request.cause);
    throw Object.assign(new Error(message), { name });
  };
}

/** Why there is something to do; undefined where there is not. */
function reason(
  range: Range,
  asOfGiven: boolean,
  before: LandRecord | undefined,
  plan: string,
  changed: Readonly<Record<string, readonly string[]>>,
): string | undefined {
  if (range.full) return "everything is asked for";
  if (range.from !== null || range.to !== null) return "days are asked for";
  if (asOfGiven) return "a moment is asked for";
  if (before === undefined) return "no run has finished yet";
  if (before.plan !== plan) return "the lake's tables or their SQL have changed";
  const tables = Object.keys(changed);
  return tables.length === 0 ? undefined : `files have landed: ${tables.join(", ")}`;
}
