import {
  alternativesOf,
  conditionOfKeys,
  isFuzzy,
  type MatchingFunction,
  type MatchRules,
  parseCondition,
} from "@tributary/model";
import { MatchingError } from "../faults";

/** One value of a match key: the place of the value among those compared, and what sets it apart from the key's others. */
export interface Choice {
  readonly value: number;
  /** 0 where every column of the key is compared with every one; else the field's number from 1. */
  readonly tag: number;
}

/** A match key of a rule: records agree where one of its choices does. */
export interface Pool {
  readonly choices: readonly Choice[];
  /** Whether records without a value agree with each other. */
  readonly emptyValues: boolean;
}

/** A way to fulfil a rule: all of its pools agree, and then its fuzzy functions hold. */
export interface Alternative {
  readonly pools: readonly Pool[];
  readonly fuzzy: readonly MatchingFunction[];
}

export interface PlannedRule {
  readonly name: string;
  readonly alternatives: readonly Alternative[];
}

/** The rules over the values of an input. Every rule that cannot be run is named at once. */
export function planRules(rules: MatchRules, byKey: ReadonlyMap<string, readonly number[]>): readonly PlannedRule[] {
  const faults: string[] = [];
  const planned = rules.rules.map((rule): PlannedRule => {
    const condition = "condition" in rule ? parseCondition(rule.condition) : conditionOfKeys(rule.matchKeys);
    const alternatives = alternativesOf(condition).map((functions): Alternative => {
      const exact = functions.filter((given) => !isFuzzy(given));
      if (exact.length === 0) {
        faults.push(`rule ${JSON.stringify(rule.name)}: a fuzzy function needs an exact one beside it (AND Exact(…))`);
      }
      const named = functions.flatMap((given) => (given.kind === "exactManyToMany" ? given.keys : [given.key]));
      for (const key of named) {
        if (!byKey.has(key))
          faults.push(`rule ${JSON.stringify(rule.name)}: no attribute has the match key ${JSON.stringify(key)}`);
      }
      return { pools: exact.map((given) => poolOf(given, rules, byKey)), fuzzy: functions.filter(isFuzzy) };
    });
    return { name: rule.name, alternatives };
  });
  if (faults.length > 0) throw new MatchingError(`The rules cannot be run: ${[...new Set(faults)].join("; ")}.`);
  return planned;
}

function poolOf(given: MatchingFunction, rules: MatchRules, byKey: ReadonlyMap<string, readonly number[]>): Pool {
  if (given.kind === "exactManyToMany") {
    const values = new Set(given.keys.flatMap((key) => byKey.get(key) ?? []));
    return { choices: [...values].map((value) => ({ value, tag: 0 })), emptyValues: false };
  }
  const together = rules.comparison === "MANY_TO_MANY";
  const choices = (byKey.get(given.key) ?? []).map((value, field) => ({ value, tag: together ? 0 : field + 1 }));
  return { choices, emptyValues: given.kind === "exact" && given.emptyValues === "Process" };
}
