import * as z from "zod/mini";
import type { Profile } from "../profile";
import type { EvidenceStep, Explanation } from "./explain";

/** `type:value`, as a person writes it; the steward function normalises it by the rules. */
const identifier = z
  .string()
  .check(z.regex(/^[a-z][a-z0-9_]*:.+$/s, "must be <type>:<value>, such as email:jo@example.org"));
const time = z
  .string()
  .check(
    z.refine((text) => !Number.isNaN(Date.parse(text)), { message: "must be a time, such as 2026-01-31T12:00:00Z" }),
  );
/** Who acts and why: kept with what was done. */
const by = { by: z.string().check(z.minLength(1)), reason: z.optional(z.string()) };

/**
 * What the steward function takes. `link` holds two identifiers for one person's, `unlink` keeps their profiles apart for
 * ever, `withdraw` takes back whichever was said last of the two, so that things are as if it had not been said. `pin`
 * fixes a trait of the golden record. `retract` takes events back. `explain`, `history` and `as-of` change nothing.
 */
export const stewardRequestSchema = z.discriminatedUnion("action", [
  z.strictObject({ action: z.literal("link"), a: identifier, b: identifier, ...by }),
  z.strictObject({ action: z.literal("unlink"), a: identifier, b: identifier, ...by }),
  z.strictObject({ action: z.literal("withdraw"), a: identifier, b: identifier, ...by }),
  z.strictObject({
    action: z.literal("pin"),
    identifier,
    trait: z.string().check(z.minLength(1)),
    /** What the golden record is to have, whatever sources state; null takes the pin back. */
    value: z.json(),
    ...by,
  }),
  z.strictObject({
    action: z.literal("retract"),
    /** Any identifier of the person. */
    identifier,
    sourceId: z.string().check(z.minLength(1)),
    /** One event; left out: all events of the source between `from` and `to`. */
    messageId: z.optional(z.string().check(z.minLength(1))),
    from: z.optional(time),
    to: z.optional(time),
    ...by,
  }),
  z.strictObject({ action: z.literal("explain"), a: identifier, b: identifier }),
  z.strictObject({ action: z.literal("as-of"), identifier, at: time }),
  z.strictObject({ action: z.literal("history"), identifier }),
]);
export type StewardRequest = z.infer<typeof stewardRequestSchema>;

/** A steward's action, as the history of an identifier has it. */
export interface StewardAction {
  readonly id: string;
  readonly action: "link" | "unlink" | "withdraw" | "pin" | "retract";
  /** ISO 8601. */
  readonly at: string;
  readonly by: string;
  readonly reason?: string;
  /** Node keys: the two of a link, or whose events were retracted. */
  readonly identifiers: readonly string[];
  /** Of a pin. */
  readonly trait?: string;
  /** Of a retraction: how many events. */
  readonly events?: number;
}

/** What the steward function answers. `code` of a refusal is for programs, `message` for people. */
export type StewardResponse =
  | {
      readonly ok: true;
      readonly action: "link" | "unlink" | "withdraw";
      /** False where the last word on the two was the same already. */
      readonly changed: boolean;
      /** How the two stand now. */
      readonly explanation: Explanation;
    }
  | {
      readonly ok: true;
      readonly action: "pin";
      /** The profile that has the identifier; null where it belongs to nobody. */
      readonly profileId: string | null;
    }
  | {
      readonly ok: true;
      readonly action: "retract";
      /** Events taken back by this request; those taken back before do not count. */
      readonly events: number;
      /** Ids of the profiles that hold the identifiers of these events now. */
      readonly profileIds: readonly string[];
    }
  | { readonly ok: true; readonly action: "explain"; readonly explanation: Explanation }
  | { readonly ok: true; readonly action: "as-of"; readonly at: string; readonly profile: Profile | null }
  | {
      readonly ok: true;
      readonly action: "history";
      /** By time. */
      readonly actions: readonly StewardAction[];
      /** The links of its profile, by time: what made it. */
      readonly links: readonly EvidenceStep[];
    }
  | {
      readonly ok: false;
      readonly error: {
        readonly code: "invalid-request" | "unknown-identifier" | "not-found" | "conflict" | "too-large";
        readonly message: string;
      };
    };

/** A line of the file that the match importer reads. */
export const matchLineSchema = z.strictObject({
  a: z.strictObject({ type: z.string(), value: z.string() }),
  b: z.strictObject({ type: z.string(), value: z.string() }),
  /** Name of the match rule. */
  rule: z.string().check(z.minLength(1)),
  /** Match weight, log2 of the odds. */
  score: z.optional(z.number()),
  /** Start of the run, ISO 8601: the same for each line of a run. */
  at: time,
  /** Name of the job: what a later run of the same name replaces. */
  job: z.string().check(z.minLength(1)),
});
export type MatchLine = z.infer<typeof matchLineSchema>;
