import * as z from "zod/mini";

const text = z.string().check(z.minLength(1));
const whole = z.string().check(z.regex(/^\d+$/, "must be a whole number"));

/** The lock function's environment. */
export const matchLockEnv = z.object({ GRAPH_TABLE: text, HOLD_SECONDS: whole, WAIT_SECONDS: whole });
export type MatchLockEnv = z.infer<typeof matchLockEnv>;

/** The environment of the function that turns a job's output into evidence. */
export const matchGroupsEnv = z.object({
  BUCKET: text,
  /** Where Entity Resolution writes: a prefix with a slash at its end. */
  OUTPUT_PREFIX: text,
  /** Where the evidence goes: a prefix with a slash at its end. */
  EVIDENCE_PREFIX: text,
  WORKFLOW: text,
  /** What the links' job is called, run after run. */
  JOB: text,
});
export type MatchGroupsEnv = z.infer<typeof matchGroupsEnv>;
