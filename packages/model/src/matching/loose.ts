import { type AttributeType, attributeTypes } from "./attribute-types";
import { alternativesOf, type Condition, conditionOfKeys, keysOf, type MatchingFunction } from "./condition";
import { parseCondition, printCondition } from "./grammar";

/** Match rules of any shape, as far as they can be read: for telling all faults at once. */
export interface LooseRules {
  readonly mode: string;
  readonly attributes: readonly LooseAttribute[];
  readonly rules: readonly LooseRule[];
  readonly probabilistic: unknown;
  readonly blocking: readonly (readonly string[])[];
  readonly constraints: {
    readonly limits: readonly { readonly matchKey?: string | undefined }[];
    readonly veto: readonly { readonly attribute?: string | undefined }[];
    readonly mustLink: readonly (readonly [string, string])[];
    readonly cannotLink: readonly (readonly [string, string])[];
  };
}

export interface LooseAttribute {
  readonly index: number;
  readonly column: string;
  readonly type: AttributeType;
  readonly group?: string | undefined;
  readonly matchKey?: string | undefined;
  readonly identifier?: string | undefined;
}

export interface LooseRule {
  readonly index: number;
  readonly name: string;
  /** Of a simple rule. */
  readonly matchKeys?: readonly string[];
  /** As a condition, whichever the kind; undefined where it cannot be read. */
  readonly condition?: Condition;
  readonly text: string;
  readonly keys: readonly string[];
  readonly alternatives: readonly (readonly MatchingFunction[])[];
  /** Why the condition cannot be read. */
  readonly error?: string;
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const text = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);
const isText = (value: unknown): value is string => typeof value === "string";

/** Reads what can be read; undefined where the value is no object. */
export function looseRules(value: unknown): LooseRules | undefined {
  if (!isRecord(value)) return undefined;
  const constraints = isRecord(value.constraints) ? value.constraints : {};
  const pairs = (given: unknown) =>
    listOf(given).flatMap((pair) => {
      const [a, b] = listOf(pair);
      // An unreadable pair keeps its place, as a pair that cannot be wrong.
      return [isText(a) && isText(b) ? ([a, b] as const) : (["", "\u0000"] as const)];
    });
  return {
    mode: text(value.mode) ?? "closure",
    attributes: listOf(value.attributes).flatMap(looseAttribute),
    rules: listOf(value.rules).flatMap(looseRule),
    probabilistic: value.probabilistic,
    blocking: isRecord(value.probabilistic)
      ? listOf(value.probabilistic.blocking).map((names) => listOf(names).filter(isText))
      : [],
    constraints: {
      limits: listOf(constraints.limits).map((limit) => ({
        matchKey: isRecord(limit) ? text(limit.matchKey) : undefined,
      })),
      veto: listOf(constraints.veto).map((veto) => ({ attribute: isRecord(veto) ? text(veto.attribute) : undefined })),
      mustLink: pairs(constraints.mustLink),
      cannotLink: pairs(constraints.cannotLink),
    },
  };
}

function looseAttribute(value: unknown, index: number): LooseAttribute[] {
  if (!isRecord(value)) return [];
  const type = attributeTypes.find((known) => known === value.type);
  const column = text(value.column);
  if (type === undefined || column === undefined) return [];
  const [group, matchKey, identifier] = [text(value.group), text(value.matchKey), text(value.identifier)];
  return [{ index, column, type, group, matchKey, identifier }];
}

function looseRule(value: unknown, index: number): LooseRule[] {
  if (!isRecord(value)) return [];
  const name = text(value.name) ?? `#${index}`;
  if (Array.isArray(value.matchKeys)) {
    const matchKeys = value.matchKeys.filter(isText);
    if (matchKeys.length === 0) return [];
    const condition = conditionOfKeys(matchKeys);
    const given = { index, name, matchKeys, condition, text: printCondition(condition), keys: matchKeys };
    return [{ ...given, alternatives: alternativesOf(condition) }];
  }
  const written = text(value.condition);
  if (written === undefined) return [];
  try {
    const condition = parseCondition(written);
    const given = { index, name, condition, text: written, keys: keysOf(condition) };
    return [{ ...given, alternatives: alternativesOf(condition) }];
  } catch (error) {
    // Neither a ConditionError nor the RangeError of too many alternatives says anything but the user's own text.
    return [{ index, name, text: written, keys: [], alternatives: [], error: (error as Error).message }];
  }
}
