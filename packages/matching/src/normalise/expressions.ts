import type { AttributeType } from "@tributary/model";

/**
 * SQL (DuckDB) that brings a text expression to the one form in which values of its type are compared; NULL where
 * nothing is left. Values that are wrong for their type (a month 13, seven digits of a phone) keep what can be read:
 * a wrong value still says something, and nulls say nothing.
 */
export type NormalForm = "name" | "date" | "address" | "place" | "postcode" | "phone" | "email" | "code" | "text";

const forms: Record<AttributeType, NormalForm> = {
  NAME: "name",
  NAME_FIRST: "name",
  NAME_MIDDLE: "name",
  NAME_LAST: "name",
  ADDRESS: "address",
  ADDRESS_STREET1: "address",
  ADDRESS_STREET2: "address",
  ADDRESS_STREET3: "address",
  ADDRESS_CITY: "place",
  ADDRESS_STATE: "place",
  ADDRESS_COUNTRY: "place",
  ADDRESS_POSTALCODE: "postcode",
  PHONE: "phone",
  PHONE_NUMBER: "phone",
  PHONE_COUNTRYCODE: "code",
  EMAIL_ADDRESS: "email",
  UNIQUE_ID: "code",
  DATE: "date",
  STRING: "text",
  PROVIDER_ID: "code",
  IPV4: "code",
  IPV6: "code",
  MAID: "code",
};

/** How dates such as 03/04/1980 are read. */
export interface DateReading {
  /** Day before month where both readings are possible. Default: true, unless the column shows otherwise. */
  readonly dayFirst: boolean;
}

/** Words that stand for "not known" in exports. Compared after trimming and lower-casing. */
export const placeholders = [
  "",
  "null",
  "none",
  "n/a",
  "na",
  "nan",
  "nil",
  "unknown",
  "unk",
  "missing",
  "-",
  "--",
  ".",
  "?",
];

const quotedList = (words: readonly string[]) => words.map((word) => `'${word}'`).join(", ");

/** Street words as Entity Resolution shortens them. */
export const streetWords: readonly (readonly [string, string])[] = [
  ["street", "st"],
  ["avenue", "ave"],
  ["road", "rd"],
  ["drive", "dr"],
  ["lane", "ln"],
  ["court", "ct"],
  ["place", "pl"],
  ["crescent", "cres"],
  ["boulevard", "blvd"],
  ["terrace", "tce"],
  ["square", "sq"],
  ["highway", "hwy"],
  ["parade", "pde"],
  ["circuit", "cct"],
  ["apartment", "apt"],
  ["saint", "st"],
  ["north", "n"],
  ["south", "s"],
  ["east", "e"],
  ["west", "w"],
];

/** SQL: whether a text is one of some words. A pattern, since DuckDB makes a join over all rows of an IN of many words. */
export function isOneOf(text: string, words: readonly string[]): string {
  const pattern = words.map((word) => word.replace(/[^a-z]/g, "[$&]")).join("|");
  return `regexp_full_match(${text}, '${pattern}')`;
}

/** `form` of a text that stands for a value; the length is asked first because it is cheap. */
const unlessPlaceholder = (text: string, form: string): string =>
  `CASE WHEN length(${text}) < 8 AND ${isOneOf(`lower(trim(${text}))`, placeholders)} THEN NULL ELSE ${form} END`;

/**
 * Lower case without accents; apostrophes go, whatever else is no letter or digit becomes one blank. Nearly all values are
 * that already, and matching is cheaper than replacing.
 */
function words(text: string): string {
  const lower = `lower(strip_accents(${text}))`;
  const cleaned = `nullif(trim(regexp_replace(replace(replace(${lower}, '''', ''), '’', ''), '[^\\p{L}\\p{N}]+', ' ', 'g')), '')`;
  return unlessPlaceholder(
    text,
    `CASE WHEN regexp_full_match(${lower}, '[a-z0-9]+( [a-z0-9]+)*') THEN ${lower} ELSE ${cleaned} END`,
  );
}

/** Street words of a text in `words` form, shortened. */
export function shortened(text: string): string {
  const short = streetWords.map(([long, brief]) => `WHEN '${long}' THEN '${brief}'`).join(" ");
  return `array_to_string(list_transform(string_split(${text}, ' '), lambda t: CASE t ${short} ELSE t END), ' ')`;
}

const alphanumeric = (text: string) =>
  unlessPlaceholder(
    text,
    `CASE WHEN regexp_full_match(lower(${text}), '[a-z0-9]+') THEN lower(${text}) ELSE nullif(regexp_replace(lower(${text}), '[^\\p{L}\\p{N}]+', '', 'g'), '') END`,
  );

/**
 * The last nine digits: the longest tail that a number has in common with and without country code and trunk zero.
 * An extension (x123, ext 123) is left out.
 */
const phone = (text: string) =>
  `nullif(right(regexp_replace(CASE WHEN regexp_matches(${text}, '[xX]') THEN regexp_replace(lower(${text}), '(x|ext).*$', '') ELSE ${text} END, '[^0-9]+', '', 'g'), 9), '')`;

/** Lower case, what is inside <>, without a +tag; dots go where the provider ignores them. Without an @ it is none. */
function email(text: string): string {
  const lower = `lower(${text})`;
  const bare = `CASE WHEN regexp_matches(${lower}, '[<>:\\s]') THEN regexp_replace(${lower}, '^(mailto:|.*<)|>.*$|\\s+', '', 'g') ELSE ${lower} END`;
  return `list_transform([${bare}], lambda v: CASE
    WHEN NOT contains(v, '@') THEN NULL
    WHEN v LIKE '%@gmail.com' OR v LIKE '%@googlemail.com' THEN replace(split_part(split_part(v, '@', 1), '+', 1), '.', '') || '@gmail.com'
    WHEN contains(v, '+') THEN regexp_replace(v, '\\+[^@]*@', '@')
    ELSE v END)[1]`;
}

const months = "jan feb mar apr may jun jul aug sep oct nov dec".split(" ");

/**
 * Any usual way to write a date to year-month-day; impossible days and months stay as they are (1995-13-33), a year or
 * a year and month alone give 1995-00-00. Two-digit years count as 1931 to 2030.
 */
function date(text: string, reading: DateReading): string {
  const value = `regexp_replace(lower(trim(${text})), '(t| )[0-9]{1,2}:[0-9]{2}.*$', '')`;
  const part = (pattern: string, group: number) => `regexp_extract(v, '${pattern}', ${group})`;
  const padded = (expression: string) => `lpad(${expression}, 2, '0')`;
  const year = (expression: string) =>
    `CASE WHEN length(${expression}) = 4 THEN ${expression} WHEN ${expression} <= '30' THEN '20' || ${expression} ELSE '19' || ${expression} END`;
  const monthNumber = (expression: string) =>
    `lpad((list_position([${quotedList(months)}], left(${expression}, 3)))::VARCHAR, 2, '0')`;
  const yearFirst = "^([0-9]{4})[-/. ]([0-9]{1,2})[-/. ]([0-9]{1,2})$";
  const yearLast = "^([0-9]{1,2})[-/. ]([0-9]{1,2})[-/. ]([0-9]{4}|[0-9]{2})$";
  const dayWord = "^([0-9]{1,2})(?:st|nd|rd|th)?[-/. ]*([a-z]{3,9})[-/., ]*([0-9]{4}|[0-9]{2})$";
  const wordDay = "^([a-z]{3,9})[-/. ]*([0-9]{1,2})(?:st|nd|rd|th)?[-/., ]+([0-9]{4}|[0-9]{2})$";
  const [day, month] = reading.dayFirst ? [1, 2] : [2, 1];
  const swapped = `${part(yearLast, month)}::INT > 12 AND ${part(yearLast, day)}::INT <= 12`;
  const dayOrMonth = (one: number, other: number) =>
    padded(`CASE WHEN ${swapped} THEN ${part(yearLast, other)} ELSE ${part(yearLast, one)} END`);
  return `CASE WHEN regexp_full_match(${text}, '[0-9]{4}-[0-9]{2}-[0-9]{2}') THEN ${text} ELSE list_transform([${value}], lambda v: CASE
    WHEN regexp_matches(v, '${yearFirst}') THEN ${part(yearFirst, 1)} || '-' || ${padded(part(yearFirst, 2))} || '-' || ${padded(part(yearFirst, 3))}
    WHEN regexp_matches(v, '^[0-9]{8}$') THEN left(v, 4) || '-' || substr(v, 5, 2) || '-' || right(v, 2)
    WHEN regexp_matches(v, '${yearLast}') THEN ${year(part(yearLast, 3))} || '-' || ${dayOrMonth(month, day)} || '-' || ${dayOrMonth(day, month)}
    WHEN regexp_matches(v, '${dayWord}') THEN ${year(part(dayWord, 3))} || '-' || ${monthNumber(part(dayWord, 2))} || '-' || ${padded(part(dayWord, 1))}
    WHEN regexp_matches(v, '${wordDay}') THEN ${year(part(wordDay, 3))} || '-' || ${monthNumber(part(wordDay, 1))} || '-' || ${padded(part(wordDay, 2))}
    WHEN regexp_matches(v, '^[0-9]{4}$') THEN v || '-00-00'
    WHEN regexp_matches(v, '^[0-9]{4}[-/.][0-9]{1,2}$') THEN left(v, 4) || '-' || ${padded("substr(v, 6)")} || '-00'
    ELSE NULL END)[1] END`;
}

/** The normal form of a type's values. */
export const normalFormOf = (type: AttributeType): NormalForm => forms[type];

/** SQL for a value's normal form; `text` is an SQL expression of type VARCHAR. */
export function normalExpression(form: NormalForm, text: string, reading: DateReading = { dayFirst: true }): string {
  switch (form) {
    case "name":
    case "place":
    case "text":
      return words(text);
    case "address":
      return shortened(words(text));
    case "postcode":
    case "code":
      return alphanumeric(text);
    case "phone":
      return phone(text);
    case "email":
      return email(text);
    case "date":
      return date(text, reading);
  }
}

/**
 * SQL that counts, over a column, dates whose first part can only be a day and those whose second part can only be a
 * day (the caller takes the reading that more dates need).
 */
export const dateOrderCounts = (text: string): string => {
  const part = (group: number) =>
    `try_cast(regexp_extract(trim(${text}), '^([0-9]{1,2})[-/. ]([0-9]{1,2})[-/. ][0-9]{2,4}$', ${group}) AS INT)`;
  return `count(*) FILTER (${part(1)} > 12) AS day_first, count(*) FILTER (${part(2)} > 12) AS month_first`;
};
