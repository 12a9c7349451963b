import * as z from "zod/mini";
import { normaliserNames } from "./normalise";
import { survivorshipSchema } from "./survivorship";

const pattern = z.string().check((context) => {
  try {
    new RegExp(context.value, "i");
  } catch (error) {
    const message = `is no regular expression: ${(error as Error).message}`;
    context.issues.push({ code: "custom", input: context.value, message });
  }
});

const selector = z
  .string()
  .check(
    z.regex(
      /^[A-Za-z_$][\w$-]*(\.[A-Za-z_$][\w$-]*)*(\[[\w.:-]+\])?$/,
      'must be a dotted path such as "traits.email" or "context.externalIds[crm_id]"',
    ),
  );

/** A whole number within bounds. */
const whole = (least: number, most: number) => z.int().check(z.gte(least), z.lte(most));

const blockedSchema = z.strictObject({
  /** Whole values, compared without regard to case. */
  values: z._default(z.array(z.string()), []),
  /** Regular expressions, case-insensitive, tested against the normalised value. */
  patterns: z._default(z.array(pattern), []),
});

const identifierRuleSchema = z.strictObject({
  /** `user_id`, `email`…: lower-case letters, digits and underscores. */
  type: z
    .string()
    .check(z.regex(/^[a-z][a-z0-9_]{0,62}$/, "must be lower-case letters, digits and underscores, such as crm_id")),
  /** Where the values lie in an event: dotted paths; `context.externalIds[crm_id]` is the id of that `type`; a list gives each of its items. */
  selectors: z.array(selector).check(z.minLength(1)),
  normalise: z._default(z.array(z.enum(normaliserNames)), ["trim"]),
  /** Most distinct values of this type in one profile. */
  limit: whole(1, 10_000),
  /** Most distinct values of this type that one profile may gain within so many days: five addresses in a year are a life, five in a day are a fraud. Default: no such bound. */
  limitWithin: z.optional(
    z.array(z.strictObject({ days: whole(1, 3_650), limit: whole(1, 10_000) })).check(z.minLength(1)),
  ),
  /** 1 is the strongest. Stronger links are made first, and an event's traits hang on its strongest identifier. */
  priority: whole(1, 1_000),
  /** A value linked with more than this many values of one stronger type is a shared thing (a kiosk, an office phone) and belongs to nobody. Default: never. */
  sharedAbove: z.optional(z.int().check(z.gte(1))),
  /** Values with fewer distinct characters are junk. Default 1. */
  minimumDistinctCharacters: z._default(z.int().check(z.gte(1)), 1),
  blocked: z.optional(blockedSchema),
});

const vetoSchema = z.strictObject({
  /** A trait that tells people apart, such as `birthday`. Compared as lower-case text; whoever does not state it is neutral. */
  trait: z.string().check(z.minLength(1)),
  /** Two clusters are not united where more than this share of the pairs of their known values differ: 0 to 1. */
  above: z._default(z.number().check(z.gte(0), z.lt(1)), 0.5),
});

/** Rules as JSON: what a user writes, what travels to the resolver in its archive. */
export const identityRulesSchema = z
  .strictObject({
    version: z._default(z.literal(1), 1),
    identifiers: z.array(identifierRuleSchema).check(z.minLength(1)),
    /** Blocked for every type. */
    blocked: z._default(blockedSchema, { values: [], patterns: [] }),
    /** ISO 3166 country that a phone number without a country code belongs to. Default: such numbers are no identifiers. */
    defaultCountry: z.optional(z.string().check(z.length(2), z.toUpperCase())),
    /** What forbids a union beside the limits of types. */
    constraints: z.optional(z.strictObject({ veto: z.optional(z.array(vetoSchema)) })),
    /** Most identifiers of one profile. An identifier with more links than this is shared, and belongs to nobody. */
    maxComponentSize: z._default(whole(2, 2_000), 500),
    /** Most values of one type that `alias` events may declare to be one person's. */
    aliasLimit: z._default(whole(1, 100), 5),
    /** How each field of the golden record is chosen. Default: the newest value. */
    survivorship: z.optional(survivorshipSchema),
    /** Granularity of `lastSeen`, seconds: a profile is not rewritten for each event of a visit. */
    lastSeenResolutionSeconds: z._default(whole(1, 86_400), 3_600),
  })
  .check((context) => {
    const rules = context.value;
    const seen = new Set<string>();
    rules.identifiers.forEach((rule, index) => {
      if (seen.has(rule.type)) {
        context.issues.push({
          code: "custom",
          input: rule.type,
          path: ["identifiers", index, "type"],
          message: `"${rule.type}" is there twice: put all selectors of a type in one rule`,
        });
      }
      seen.add(rule.type);
      rule.limitWithin?.forEach((within, place) => {
        if (within.limit < rule.limit) return;
        context.issues.push({
          code: "custom",
          input: within.limit,
          path: ["identifiers", index, "limitWithin", place, "limit"],
          message: `${within.limit} within ${within.days} days bounds nothing, since limit is ${rule.limit}: give less`,
        });
      });
    });
  });

export type IdentityRules = z.infer<typeof identityRulesSchema>;
/** Rules as written: what has a default may be left out. */
export type IdentityRulesInput = z.input<typeof identityRulesSchema>;
export type Veto = z.infer<typeof vetoSchema>;
export type IdentifierRule = z.infer<typeof identifierRuleSchema>;

/**
 * Rules that hold for most: a user id is one person for ever, e-mail addresses and phones are nearly so, browsers and
 * devices are weak. Limits and priorities after Segment Unify's defaults; the blocked values are those that merged
 * hundreds of strangers in the field (facts of vendors' own support pages).
 */
export const defaultIdentityRules: IdentityRules = identityRulesSchema.parse({
  identifiers: [
    { type: "user_id", selectors: ["userId"], limit: 1, priority: 1 },
    {
      type: "email",
      selectors: ["traits.email", "context.traits.email"],
      normalise: ["email", "gmail"],
      limit: 5,
      priority: 2,
      sharedAbove: 10,
      blocked: {
        values: ["a@a.com", "a@b.com", "email@email.com", "user@example.com", "name@example.com"],
        patterns: ["^(test|null|undefined|none|anonymous|no-?reply|do-?not-?reply)[\\d]*@", "@(test|example|invalid)$"],
      },
    },
    {
      type: "phone",
      selectors: ["traits.phone", "context.traits.phone"],
      normalise: ["phone"],
      limit: 5,
      priority: 3,
      sharedAbove: 10,
      minimumDistinctCharacters: 4,
    },
    {
      type: "anonymous_id",
      selectors: ["anonymousId"],
      limit: 50,
      priority: 4,
      sharedAbove: 5,
      minimumDistinctCharacters: 2,
    },
    {
      type: "device_id",
      selectors: ["context.device.id"],
      limit: 20,
      priority: 5,
      sharedAbove: 5,
      minimumDistinctCharacters: 3,
    },
    {
      type: "advertising_id",
      selectors: ["context.device.advertisingId"],
      normalise: ["trim", "lowercase"],
      limit: 20,
      priority: 6,
      sharedAbove: 5,
      minimumDistinctCharacters: 3,
    },
  ],
  blocked: {
    values: [
      ...[
        "-1",
        "null",
        "nil",
        "none",
        "undefined",
        "nan",
        "n/a",
        "na",
        "unknown",
        "anonymous",
        "anon",
        "guest",
        "test",
      ],
      ...["true", "false", "(null)", "(not set)", "not set", "[object object]", "invalid", "deleted", "default"],
    ],
    patterns: ["^[0-]*$", "^(.)\\1{5,}$"],
  },
});
