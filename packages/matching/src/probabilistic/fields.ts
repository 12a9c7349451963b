import type { MatchAttribute } from "@tributary/model";
import { type DateReading, type NormalForm, normalExpression, normalFormOf } from "../normalise/expressions";
import { fastNormalExpression } from "../normalise/fast";

/** How a field's values are compared. `shape`: decided by its values (a code, a category, or text). */
export type Role =
  | "first"
  | "middle"
  | "last"
  | "street"
  | "place"
  | "category"
  | "postcode"
  | "phone"
  | "email"
  | "date"
  | "code"
  | "text"
  | "shape";

/** One value of each record that the probabilistic stage compares: a column's, or a part of one. */
export interface Field {
  readonly name: string;
  readonly role: Role;
  /** The input's columns that it is made of. */
  readonly columns: readonly string[];
  /** SQL over the records' table: the text that the value is made of, without blanks around it. */
  readonly source: string;
  /** SQL that makes the value of that text. Each distinct text is normalised once. */
  readonly value: (text: string) => string;
  /** Fields of one family have one dictionary, so that a first name can be compared with a last one. */
  readonly family: string;
  /** Nobody shares it with anybody, not even at home. Undefined: to be seen from its values. */
  readonly personal?: boolean;
}

const roles: Partial<Record<MatchAttribute["type"], Role>> = {
  NAME_FIRST: "first",
  NAME_MIDDLE: "middle",
  NAME_LAST: "last",
  ADDRESS: "street",
  ADDRESS_STREET1: "street",
  ADDRESS_STREET2: "street",
  ADDRESS_STREET3: "street",
  ADDRESS_CITY: "place",
  ADDRESS_STATE: "category",
  ADDRESS_COUNTRY: "category",
  ADDRESS_POSTALCODE: "postcode",
  PHONE: "phone",
  PHONE_NUMBER: "phone",
  EMAIL_ADDRESS: "email",
  DATE: "date",
  UNIQUE_ID: "code",
  PROVIDER_ID: "code",
  MAID: "code",
  IPV4: "code",
  IPV6: "code",
  STRING: "shape",
};

const personal: Partial<Record<MatchAttribute["type"], boolean>> = {
  NAME_FIRST: true,
  NAME_MIDDLE: true,
  DATE: true,
  UNIQUE_ID: true,
  PROVIDER_ID: true,
};

const families: Partial<Record<Role, string>> = {
  first: "name",
  middle: "name",
  last: "name",
  street: "street",
  phone: "phone",
  email: "email",
  date: "date",
};

/** SQL over the records' table for a column of the input. */
export type ColumnSql = (column: string) => string;

/** "Last, First" is turned round before a full name is taken apart. */
const fullName = (text: string): string => {
  const turned = `CASE WHEN ${text} LIKE '%,%' THEN split_part(${text}, ',', 2) || ' ' || split_part(${text}, ',', 1) ELSE ${text} END`;
  return normalExpression("name", turned);
};

/** Full names beside first and last ones say only what those leave out; alone they are taken apart. */
function nameFields(attributes: readonly MatchAttribute[], sql: ColumnSql): Field[] {
  const of = (type: MatchAttribute["type"]) => attributes.filter((one) => one.type === type).map((one) => one.column);
  const full = of("NAME");
  const parts = [...of("NAME_FIRST"), ...of("NAME_LAST")];
  const [whole] = full;
  if (whole === undefined) return [];
  const field = (role: Role, columns: readonly string[], source: string, value: Field["value"]): Field => ({
    name: `${columns.join("+")} (${role})`,
    role,
    columns,
    source,
    value: (text) => `nullif(${value(text)}, '')`,
    family: "name",
    personal: role !== "last",
  });
  if (parts.length === 0) {
    const tokens = (text: string) => `string_split(${fullName(text)}, ' ')`;
    return [
      field("first", [whole], sql(whole), (text) => `(${tokens(text)})[1]`),
      field("middle", [whole], sql(whole), (text) => `array_to_string((${tokens(text)})[2:-2], ' ')`),
      field("last", [whole], sql(whole), (text) => `CASE WHEN len(${tokens(text)}) > 1 THEN (${tokens(text)})[-1] END`),
    ];
  }
  const joined = (expressions: readonly string[]) => `string_split(concat_ws(' ', ${expressions.join(", ")}), ' ')`;
  const named = joined(parts.map((column) => normalExpression("name", sql(column))));
  const tokens = joined(full.map((column) => fullName(sql(column))));
  // The lists are made once for a record, not once for each word.
  const rest = `list_transform([{words: ${tokens}, named: ${named}}], lambda s: list_filter(list_sort(list_distinct(s.words)), lambda t: NOT list_contains(s.named, t)))[1]`;
  return [field("middle", full, `array_to_string(${rest}, ' ')`, (text) => text)];
}

/**
 * The fields that a schema mapping asks for. A column that only tells one record from another (`without`: the id, the
 * truth) takes no part; a whole address takes none beside its street.
 */
export function fieldsOf(
  attributes: readonly MatchAttribute[],
  sql: ColumnSql,
  readings: ReadonlyMap<string, DateReading>,
  without: ReadonlySet<string>,
): Field[] {
  const used = attributes.filter((one) => !without.has(one.column));
  const hasStreet = used.some((one) => one.type === "ADDRESS_STREET1");
  const plain = used.flatMap((one): Field[] => {
    const role = one.hashed ? "code" : roles[one.type];
    if (role === undefined || (one.type === "ADDRESS" && hasStreet)) return [];
    const form: NormalForm = one.hashed ? "code" : normalFormOf(one.type);
    const value = (text: string) => fastNormalExpression(form, text, readings.get(one.column));
    const family = one.hashed ? one.column : (families[role] ?? one.column);
    return [
      { name: one.column, role, columns: [one.column], source: sql(one.column), value, family, ...personalOf(one) },
    ];
  });
  return [...plain, ...nameFields(used, sql)];
}

/** Text may be an id that nobody shares: its values tell. What else is not named above a household may share. */
const personalOf = (one: MatchAttribute): { personal?: boolean } =>
  one.type === "STRING" ? {} : { personal: personal[one.type] ?? false };
