import { type AttributeType, type MatchAttribute, type MatchRules, partOrder } from "@tributary/model";
import { MatchingError } from "../faults";
import { missingColumn, type Source } from "../input/load";

/** A value that records are compared by: a column, or the columns of a group as one. */
export interface ComparedValue {
  /** The column's name, or the group's. */
  readonly name: string;
  readonly type: AttributeType;
  readonly matchKey: string | undefined;
  /** The identifier type whose values these are. */
  readonly identifier: string | undefined;
  /** SQL over `source`: the value as it is in the input; null where nothing is known. */
  readonly raw: string;
  /** Its column, or the first of its group's. */
  readonly attribute: MatchAttribute;
  /** The columns that it is made of. */
  readonly members: readonly MatchAttribute[];
  /** SQL over `source`: their values. */
  readonly columns: readonly string[];
}

const wholeTypes: readonly (readonly [string, AttributeType])[] = [
  ["NAME", "NAME"],
  ["ADDRESS", "ADDRESS"],
  ["PHONE", "PHONE"],
];

/** The schema mapping's values over an input. Every column that is missing is named at once. */
export function comparedValues(rules: MatchRules, source: Source): readonly ComparedValue[] {
  const missing = rules.attributes.filter(({ column }) => source.column(column) === undefined);
  const [first] = missing;
  if (first && missing.length === 1) throw missingColumn(first.column, source.columns, `a ${first.type}`);
  if (missing.length > 1) {
    throw new MatchingError(
      `The input lacks ${missing.length} columns that the rules name: ${missing.map(({ column }) => column).join(", ")}. It has: ${source.columns.join(", ")}.`,
    );
  }
  const values: ComparedValue[] = [];
  const groups = new Map<string, MatchAttribute[]>();
  for (const attribute of rules.attributes) {
    if (attribute.group === undefined) {
      values.push(comparedValue([attribute], attribute.column, attribute.type, source));
      continue;
    }
    const members = groups.get(attribute.group);
    if (members) members.push(attribute);
    else groups.set(attribute.group, [attribute]);
  }
  for (const [name, members] of groups) {
    members.sort((a, b) => partOrder.indexOf(a.type) - partOrder.indexOf(b.type));
    const type = members[0]?.type ?? "STRING";
    const whole = members.length > 1 ? wholeTypes.find(([prefix]) => type.startsWith(prefix))?.[1] : undefined;
    values.push(comparedValue(members, name, whole ?? type, source));
  }
  return values;
}

function comparedValue(
  members: readonly MatchAttribute[],
  name: string,
  type: AttributeType,
  source: Source,
): ComparedValue {
  const columns = members.map(({ column }) => source.column(column) as string);
  return {
    name,
    type,
    attribute: members[0] as MatchAttribute,
    members,
    columns,
    matchKey: members.find(({ matchKey }) => matchKey !== undefined)?.matchKey,
    identifier: members.find(({ identifier }) => identifier !== undefined)?.identifier,
    raw: columns.length === 1 ? (columns[0] as string) : `nullif(concat_ws(' ', ${columns.join(", ")}), '')`,
  };
}

/** The values of each match key, in the order of the attributes. */
export function valuesByKey(values: readonly ComparedValue[]): ReadonlyMap<string, readonly number[]> {
  const byKey = new Map<string, number[]>();
  for (const [index, { matchKey }] of values.entries()) {
    if (matchKey === undefined) continue;
    const known = byKey.get(matchKey);
    if (known) known.push(index);
    else byKey.set(matchKey, [index]);
  }
  return byKey;
}
