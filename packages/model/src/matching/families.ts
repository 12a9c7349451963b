import type { AttributeType } from "./attribute-types";

/** Kinds of things whose columns may be one value (a group) or be compared with one another. */
export type Family = "NAME" | "ADDRESS" | "PHONE" | "EMAIL" | "OTHER";

export function familyOf(type: AttributeType): Family {
  if (type.startsWith("NAME")) return "NAME";
  if (type.startsWith("ADDRESS")) return "ADDRESS";
  if (type.startsWith("PHONE")) return "PHONE";
  return type === "EMAIL_ADDRESS" ? "EMAIL" : "OTHER";
}

/**
 * Order of a group's parts in their one value. Source: glossary, "Normalization": first, middle, last name; street 1 to 3,
 * city, state, country, postal code; for phones the country code leads, since it is a prefix.
 */
export const partOrder: readonly AttributeType[] = [
  ...(["NAME", "NAME_FIRST", "NAME_MIDDLE", "NAME_LAST"] as const),
  ...(["ADDRESS", "ADDRESS_STREET1", "ADDRESS_STREET2", "ADDRESS_STREET3", "ADDRESS_CITY", "ADDRESS_STATE"] as const),
  ...(["ADDRESS_COUNTRY", "ADDRESS_POSTALCODE", "PHONE_COUNTRYCODE", "PHONE_NUMBER", "PHONE"] as const),
];

/** What is compared where a column stands alone: the lines of a street are one kind, all else is as its type says. */
export function comparedAs(type: AttributeType, grouped: boolean): string {
  if (grouped) return familyOf(type);
  if (type.startsWith("ADDRESS_STREET")) return "ADDRESS_STREET";
  return type === "PHONE_NUMBER" ? "PHONE" : type;
}
