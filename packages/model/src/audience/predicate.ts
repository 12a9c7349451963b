import * as z from "zod/mini";
import type { Json, JsonObject } from "../json";
import type { Profile } from "../profile";
import { type EventPredicate, eventPredicateSchema, eventTraitName } from "./event-predicate";
import { instantOf } from "./instant";

const scalar = z.union([z.string(), z.number(), z.boolean()]);
const name = z.string().check(z.minLength(1, "must name a trait"));
const instant = z.string().check(
  z.refine((text) => instantOf(text) !== undefined, {
    message: 'must be a date such as "2026-01-31" or "2026-01-31T08:00:00Z"',
  }),
);

const traitPredicate = z.discriminatedUnion("op", [
  z.strictObject({
    kind: z.literal("trait"),
    name,
    op: z.enum(["atLeast", "atMost", "above", "below"]),
    value: z.number(),
  }),
  z.strictObject({ kind: z.literal("trait"), name, op: z.literal("equals"), value: scalar }),
  z.strictObject({
    kind: z.literal("trait"),
    name,
    op: z.literal("oneOf"),
    value: z.array(scalar).check(z.minLength(1)),
  }),
  z.strictObject({ kind: z.literal("trait"), name, op: z.enum(["before", "after"]), value: instant }),
  z.strictObject({ kind: z.literal("trait"), name, op: z.literal("exists") }),
]);

export type Predicate =
  | z.infer<typeof traitPredicate>
  | EventPredicate
  | { readonly kind: "identifier"; readonly type: string }
  | { readonly kind: "consent"; readonly purpose: string }
  | { readonly kind: "all" | "any"; readonly of: readonly Predicate[] }
  | { readonly kind: "not"; readonly of: Predicate };

/** A predicate over profiles as JSON: what an audience is in the archive of a function. */
export const predicateSchema: z.ZodMiniType<Predicate> = z.lazy(() =>
  z.union([
    traitPredicate,
    eventPredicateSchema,
    z.strictObject({
      kind: z.literal("identifier"),
      type: z.string().check(z.minLength(1, "must name an identifier type")),
    }),
    z.strictObject({ kind: z.literal("consent"), purpose: z.string().check(z.minLength(1, "must name a purpose")) }),
    z.strictObject({
      kind: z.enum(["all", "any"]),
      of: z.array(predicateSchema).check(z.minLength(1, "must hold a predicate")),
    }),
    z.strictObject({ kind: z.literal("not"), of: predicateSchema }),
  ]),
);

/** Who is in an audience. */
export const audienceDefinitionSchema = z.strictObject({
  predicate: predicateSchema,
  description: z._default(z.string(), ""),
});
export type AudienceDefinition = z.infer<typeof audienceDefinitionSchema>;

/**
 * A trait by its exact name, or else by a dotted path into nested traits (`address.city`). Comparisons hold for values of
 * the right kind only: `atLeast(500)` is false for the text "600", and for a trait that is not there.
 */
export function trait(traitName: string) {
  const numeric = (op: "atLeast" | "atMost" | "above" | "below") => {
    return (value: number): Predicate => ({ kind: "trait", name: traitName, op, value });
  };
  const dated = (op: "before" | "after") => {
    return (value: string | Date): Predicate => ({
      kind: "trait",
      name: traitName,
      op,
      value: typeof value === "string" ? value : value.toISOString(),
    });
  };
  return {
    /** The number is `value` or more. */
    atLeast: numeric("atLeast"),
    /** The number is `value` or less. */
    atMost: numeric("atMost"),
    /** The number is more than `value`. */
    above: numeric("above"),
    /** The number is less than `value`. */
    below: numeric("below"),
    /** The same text (case matters), number or boolean. */
    equals: (value: string | number | boolean): Predicate => ({ kind: "trait", name: traitName, op: "equals", value }),
    /** One of these; where the trait is a list, one of its items. */
    oneOf: (...values: readonly (string | number | boolean)[]): Predicate => ({
      kind: "trait",
      name: traitName,
      op: "oneOf",
      value: [...values],
    }),
    /** There, and not null. */
    exists: (): Predicate => ({ kind: "trait", name: traitName, op: "exists" }),
    /** A date (ISO 8601 text, in UTC where it names no zone, or epoch milliseconds) before this instant. */
    before: dated("before"),
    /** A date (ISO 8601 text, in UTC where it names no zone, or epoch milliseconds) after this instant. */
    after: dated("after"),
  };
}

/** The profile has an identifier of this type, such as `identifier("email").exists()`. */
export function identifier(type: string) {
  return { exists: (): Predicate => ({ kind: "identifier", type }) };
}

/** The person granted this purpose. A purpose that was never asked for is not granted. */
export function consent(purpose: string) {
  return { granted: (): Predicate => ({ kind: "consent", purpose }) };
}

export function all(...of: readonly Predicate[]): Predicate {
  return { kind: "all", of };
}

export function any(...of: readonly Predicate[]): Predicate {
  return { kind: "any", of };
}

export function not(of: Predicate): Predicate {
  return { kind: "not", of };
}

/** An audience: who is in it, and for people what it is for. */
export function audience(predicate: Predicate, description = ""): AudienceDefinition {
  return { predicate, description };
}

/**
 * Whether a profile satisfies a predicate. Knows no clock: the same profile always gives the same answer. Computed traits,
 * those of `eventTraitsOf` among them, are looked for in the profile's traits.
 */
export function matches(predicate: Predicate, profile: Profile): boolean {
  switch (predicate.kind) {
    case "all":
      return predicate.of.every((part) => matches(part, profile));
    case "any":
      return predicate.of.some((part) => matches(part, profile));
    case "not":
      return !matches(predicate.of, profile);
    case "identifier":
      return profile.identifiers.some((known) => known.type === predicate.type);
    case "consent":
      return Object.hasOwn(profile.consent, predicate.purpose) && profile.consent[predicate.purpose]?.granted === true;
    case "event": {
      const times = traitOf(profile, eventTraitName(predicate)) ?? 0;
      return (
        typeof times === "number" && (predicate.op === "atLeast" ? times >= predicate.times : times <= predicate.times)
      );
    }
    case "trait":
      return traitMatches(predicate, traitOf(profile, predicate.name));
  }
}

function traitOf(profile: Profile, traitName: string): Json | undefined {
  if (Object.hasOwn(profile.traits, traitName)) return profile.traits[traitName];
  let current: Json | undefined = profile.traits as JsonObject;
  for (const part of traitName.split(".")) {
    if (typeof current !== "object" || current === null || Array.isArray(current) || !Object.hasOwn(current, part)) {
      return undefined;
    }
    current = current[part];
  }
  return current;
}

function traitMatches(predicate: z.infer<typeof traitPredicate>, value: Json | undefined): boolean {
  if (value === undefined || value === null) return false;
  switch (predicate.op) {
    case "exists":
      return true;
    case "equals":
      return value === predicate.value;
    case "oneOf":
      return Array.isArray(value)
        ? value.some((item) => predicate.value.some((wanted) => wanted === item))
        : predicate.value.some((wanted) => wanted === value);
    case "atLeast":
      return typeof value === "number" && value >= predicate.value;
    case "atMost":
      return typeof value === "number" && value <= predicate.value;
    case "above":
      return typeof value === "number" && value > predicate.value;
    case "below":
      return typeof value === "number" && value < predicate.value;
    case "before":
    case "after": {
      const at = typeof value === "number" ? value : typeof value === "string" ? instantOf(value) : undefined;
      const limit = instantOf(predicate.value);
      if (at === undefined || limit === undefined) return false;
      return predicate.op === "before" ? at < limit : at > limit;
    }
  }
}
