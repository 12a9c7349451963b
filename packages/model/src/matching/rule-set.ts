import * as z from "zod/mini";
import { attributeTypes } from "./attribute-types";
import { reportFaults } from "./faults";

const name = z.string().check(z.minLength(1), z.maxLength(255));
const share = z.number().check(z.gte(0), z.lte(1));
const whole = (least: number, most: number) => z.int().check(z.gte(least), z.lte(most));

const attributeSchema = z.strictObject({
  /** The input's column, or the trait of that name where the input is the platform's own people. */
  column: name,
  type: z.enum(attributeTypes),
  /** Columns of one group are one value: first, middle and last name are a name. Entity Resolution's `groupName`. */
  group: z.optional(name),
  /** What the column is compared as; columns of one match key are the same kind of thing. Default: the column is carried, and used by the probabilistic stage, but named by no rule. */
  matchKey: z.optional(name),
  /** The value is already a hash: only blanks around it are removed. */
  hashed: z._default(z.boolean(), false),
  /** The identifier type of the identity rules that this column's values are (`email`, `phone`, `user_id`…): they become identifiers of the graph. */
  identifier: z.optional(name),
});

const ruleSchema = z.union([
  z.strictObject({
    name,
    /** Simple: all of these match keys are equal. */
    matchKeys: z.array(name).check(z.minLength(1), z.maxLength(15)),
  }),
  z.strictObject({
    name,
    /** Advanced: `Exact(email) AND (Levenshtein(name, 2) OR Soundex(name))`. */
    condition: z.string().check(z.minLength(1), z.maxLength(2_048)),
  }),
]);

const vetoSchema = z.strictObject({
  /** The column (or trait) whose values contradict each other in two different people: a date of birth. */
  attribute: name,
  /** Two clusters stay apart where more than this share of their pairs of known values differ. */
  above: z._default(share, 0.5),
});

const pairOfIds = z.tuple([z.string(), z.string()]);

const constraintsSchema = z.strictObject({
  /** Most distinct values of a match key in one profile. */
  limits: z._default(z.array(z.strictObject({ matchKey: name, limit: whole(1, 10_000) })), []),
  veto: z._default(z.array(vetoSchema), []),
  /** Pairs of record ids that are one person, whatever the rules say. */
  mustLink: z._default(z.array(pairOfIds), []),
  /** Pairs of record ids that are two people, whatever the rules say. */
  cannotLink: z._default(z.array(pairOfIds), []),
  /** Most records of one profile. Entity Resolution's own bound is 500. */
  maxSize: z._default(whole(2, 100_000), 500),
});

const probabilisticSchema = z.strictObject({
  /** Least match weight (log2 of the Bayes factor, prior included) of a link. Default: the engine's, the same for all data. */
  threshold: z.optional(z.number()),
  /** Which columns block and how each is compared. Default: chosen by the columns' types and the data's shape. */
  blocking: z.optional(z.array(z.array(z.string()).check(z.minLength(1)))),
});

/**
 * How records of the batch are matched, in the vocabulary of AWS Entity Resolution (schema mapping, match keys, rules)
 * and Splink (comparisons, blocking, match weight). Attributes alone are enough: without rules the probabilistic stage
 * decides; with rules it does so only where asked.
 */
const shape = z.strictObject({
  /** The schema mapping. */
  attributes: z.array(attributeSchema).check(z.minLength(1)),
  /**
   * How values are brought to one form before they are compared. `tributary`: by type, phones to E.164, dots and `+` only
   * where the provider ignores them. `aws-glossary` and `aws-sample`: as Entity Resolution's glossary says, and as AWS's
   * sample library does; they contradict each other.
   */
  normalisation: z._default(z.enum(["tributary", "aws-glossary", "aws-sample"]), "tributary"),
  /**
   * What a link of a rule means. `closure`: whoever is linked, over however many, is one. `aws-waterfall` and
   * `aws-transitive`: as Entity Resolution does without and with transitive matching.
   */
  mode: z._default(z.enum(["closure", "aws-transitive", "aws-waterfall"]), "closure"),
  /** Columns of one match key: the first with the first (`ONE_TO_ONE`), or every one with every one. */
  comparison: z._default(z.enum(["ONE_TO_ONE", "MANY_TO_MANY"]), "MANY_TO_MANY"),
  /** Simple rules or Advanced ones, in order of priority. */
  rules: z._default(z.array(ruleSchema), []),
  /** True, or how: Fellegi–Sunter over all attributes. Default: true where there are no rules. */
  probabilistic: z.optional(z.union([z.boolean(), probabilisticSchema])),
  constraints: z._default(constraintsSchema, { limits: [], veto: [], mustLink: [], cannotLink: [], maxSize: 500 }),
  /** ISO 3166 country of phone numbers without a country code. */
  defaultCountry: z.optional(z.string().check(z.length(2), z.toUpperCase())),
});

/** Tells what the shape cannot: see `matchFaults`. Told together with the faults of the shape. */
export const matchingSchema = shape.check(z.check(reportFaults(), { when: () => true }));

export type MatchRules = z.infer<typeof matchingSchema>;

/** The same, not to be changed at any depth: takes what is declared `as const`, too. */
type Fixed<T> = T extends object ? { readonly [K in keyof T]: Fixed<T[K]> } : T;

/** Match rules as written: what has a default may be left out. */
export type MatchRulesInput = Fixed<z.input<typeof matchingSchema>>;
export type MatchAttribute = MatchRules["attributes"][number];
export type MatchRule = MatchRules["rules"][number];
export type MatchConstraints = MatchRules["constraints"];
