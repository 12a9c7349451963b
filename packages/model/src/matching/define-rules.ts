import * as z from "zod/mini";
import { type IdentityRules, type IdentityRulesInput, identityRulesSchema } from "../identity/rules";
import { nearest } from "../nearest";
import { looseRules } from "./loose";
import { type MatchRulesInput, matchingSchema } from "./rule-set";

/** The identity rules of the stream, and how records of the batch are matched: one rule set. As written. */
export type RuleSetInput = IdentityRulesInput & {
  readonly matching?: MatchRulesInput | undefined;
};

/**
 * A whole rule set. The resolver in the stream knows `identityRulesSchema` only and gets its part by `resolverRules`, so
 * that its bundle does not carry this one.
 */
export const ruleSetSchema = z.safeExtend(identityRulesSchema, { matching: z.optional(matchingSchema) }).check(
  z.check<unknown>(
    (context) => {
      const value = context.value as { readonly identifiers?: unknown; readonly matching?: unknown };
      const types = identifierTypes(value?.identifiers);
      const given = looseRules(value?.matching);
      for (const { index, identifier } of given?.attributes ?? []) {
        if (identifier === undefined || types.includes(identifier)) continue;
        const meant = nearest(identifier, types);
        const remedy = meant === undefined ? `the types are ${types.join(", ")}` : `did you mean "${meant}"?`;
        context.issues.push({
          code: "custom",
          input: identifier,
          path: ["matching", "attributes", index, "identifier"],
          message: `"${identifier}" is no identifier type of these rules; ${remedy}`,
        });
      }
    },
    { when: () => true },
  ),
);

export type RuleSet = z.infer<typeof ruleSetSchema>;

function identifierTypes(identifiers: unknown): string[] {
  if (!Array.isArray(identifiers)) return [];
  return identifiers.flatMap((rule: unknown) => {
    const type = typeof rule === "object" && rule !== null && "type" in rule ? rule.type : undefined;
    return typeof type === "string" ? [type] : [];
  });
}

/** Declares a rule set: types and completion for an object that is checked where it is used. */
export const defineRules = <Rules extends RuleSetInput>(rules: Rules): Rules => rules;

/** The part of a rule set that the resolver in the stream works by. */
export function resolverRules({ matching: _, ...identity }: RuleSet): IdentityRules {
  return identity;
}
