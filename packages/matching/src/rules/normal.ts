import type { MatchRules } from "@tributary/model";
import { normalExpression, normalFormOf } from "../normalise/expressions";
import type { ComparedValue } from "./values";

/** SQL over `source`: the one form in which a value is compared; null where nothing is known. */
export function normalised(value: ComparedValue, _rules: MatchRules): string {
  return value.attribute.hashed ? value.raw : normalExpression(normalFormOf(value.type), value.raw);
}
