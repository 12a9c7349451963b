import type { MatchRules } from "@tributary/model";
import type { Source } from "../input/load";
import { dateReading } from "../normalise/dates";
import { normalExpression, normalFormOf } from "../normalise/expressions";
import { fastNormalExpression } from "../normalise/fast";
import type { Session } from "../session";
import { registerAwsNormaliser } from "./aws-normal";
import type { ComparedValue } from "./values";

/**
 * SQL over `source` by value: the one form in which it is compared; null where nothing is known.
 *
 * @param needed - places of the values that are compared: the others stay as they are
 */
export async function normalForms(
  session: Session,
  values: readonly ComparedValue[],
  rules: MatchRules,
  source: Source,
  needed: ReadonlySet<number>,
): Promise<readonly string[]> {
  const forms: string[] = [];
  for (const [index, value] of values.entries())
    forms.push(needed.has(index) ? await formOf(session, value, rules, source, index) : value.raw);
  return forms;
}

/** A value's usual form where a glance is enough: whatever the rules' normalisation, with days before months. */
export function normalised(value: ComparedValue, _rules: MatchRules): string {
  return value.attribute.hashed ? value.raw : normalExpression(normalFormOf(value.type), value.raw);
}

async function formOf(
  session: Session,
  value: ComparedValue,
  { normalisation, attributes }: MatchRules,
  source: Source,
  index: number,
): Promise<string> {
  const { members, columns, raw, type } = value;
  if (members.some(({ hashed }) => hashed)) return raw;
  if (normalisation !== "tributary") {
    const country = attributes.find((attribute) => attribute.type === "ADDRESS_COUNTRY")?.column;
    const name = registerAwsNormaliser(session, `aws_normal_${index}`, members, normalisation);
    return `${name}(${[...columns, (country && source.column(country)) ?? "null::VARCHAR"].join(", ")})`;
  }
  if (type !== "DATE") return fastNormalExpression(normalFormOf(type), raw);
  return fastNormalExpression("date", raw, await dateReading(session.connection, "source", raw));
}
