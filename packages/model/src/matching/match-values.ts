import type { AttributeType } from "./attribute-types";
import { familyOf, partOrder } from "./families";

/** A value that a match key compares: that of one input field, or of one group of fields. Empty where the record has none. */
export interface MatchValue {
  /** The field's or the group's name: ONE_TO_ONE compares values of one field. */
  readonly field: string;
  readonly value: string;
}

/** A record as rules see it. */
export interface MatchRecord {
  /** Unique among all records. */
  readonly id: string;
  /** Values by match key. */
  readonly keys: Readonly<Record<string, readonly MatchValue[]>>;
}

/** What is read of a column. `column` is a member of the row. */
export interface MatchField {
  readonly column: string;
  readonly type: AttributeType;
  readonly group?: string | undefined;
  readonly matchKey?: string | undefined;
  readonly hashed?: boolean | undefined;
}

/** Brings a field's or group's value to one form. `grouped` says which; `type` is the group's own then (NAME, ADDRESS, PHONE). */
export type Normalise = (
  value: string,
  type: AttributeType,
  options: { readonly grouped: boolean; readonly hashed: boolean; readonly country: string | undefined },
) => string;

/** The type of a group's one value. */
const groupTypes = {
  NAME: "NAME",
  ADDRESS: "ADDRESS",
  PHONE: "PHONE",
  EMAIL: "EMAIL_ADDRESS",
  OTHER: "STRING",
} as const;

const order = (type: AttributeType): number => partOrder.indexOf(type);

/**
 * Makes records of rows. The parts of a group are brought to one form each and joined in the order of the glossary (first,
 * middle, last name; street to postal code; country code before number); AWS does not say how it joins them. The country of
 * phones is that of the ADDRESS_COUNTRY column, where there is one.
 */
export function recordReader(
  fields: readonly MatchField[],
  normalise: Normalise,
): (id: string, cell: (column: string) => string) => MatchRecord {
  const countryColumn = fields.find(({ type }) => type === "ADDRESS_COUNTRY")?.column;
  const places = new Map<string, MatchField[]>();
  for (const field of fields) {
    if (field.matchKey === undefined) continue;
    const place = field.group === undefined ? `column ${field.column}` : `group ${field.group}`;
    places.set(place, [...(places.get(place) ?? []), field]);
  }
  for (const parts of places.values()) parts.sort((a, b) => order(a.type) - order(b.type));
  return (id, cell) => {
    const country = countryColumn === undefined ? undefined : cell(countryColumn) || undefined;
    const keys: Record<string, MatchValue[]> = {};
    for (const parts of places.values()) {
      const [first] = parts;
      if (first?.matchKey === undefined) continue;
      const values = keys[first.matchKey] ?? [];
      keys[first.matchKey] = values;
      values.push({
        field: first.group ?? first.column,
        value:
          first.group === undefined ? single(first, cell, normalise, country) : joined(parts, cell, normalise, country),
      });
    }
    return { id, keys };
  };
}

function single(
  field: MatchField,
  cell: (column: string) => string,
  normalise: Normalise,
  country: string | undefined,
) {
  return normalise(cell(field.column), field.type, { grouped: false, hashed: field.hashed === true, country });
}

function joined(
  parts: readonly MatchField[],
  cell: (column: string) => string,
  normalise: Normalise,
  country: string | undefined,
): string {
  const [first] = parts;
  if (!first) return "";
  const family = familyOf(first.type);
  const hashed = parts.some((part) => part.hashed === true);
  // A number and its country code, and the parts of a name, are one value before they are brought to one form.
  if (family !== "ADDRESS") {
    const text = parts
      .map(({ column }) => cell(column).trim())
      .filter((part) => part !== "")
      .join(" ");
    return normalise(text, groupTypes[family], { grouped: true, hashed, country });
  }
  return parts
    .map(({ column, type }) => normalise(cell(column), type, { grouped: true, hashed, country }))
    .filter((part) => part !== "")
    .join(" ");
}
