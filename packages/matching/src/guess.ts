import type { DuckDBConnection } from "@duckdb/node-api";
import type { AttributeType, MatchRulesInput } from "@tributary/model";

/** What a column is taken to hold, and why. */
export interface GuessedAttribute {
  readonly column: string;
  /** Undefined: the column takes no part. */
  readonly type?: AttributeType;
  /** Such as `named like a first name` or `all different: it tells one record from another`. */
  readonly reason: string;
}

/** What is seen of a column's values. */
interface Seen {
  readonly records: number;
  readonly known: number;
  readonly distinct: number;
  readonly emails: number;
  readonly dates: number;
  readonly phones: number;
  readonly ips: number;
  readonly uuids: number;
  /** Mean length. */
  readonly length: number;
}

interface NameRule {
  readonly type: AttributeType;
  readonly names: RegExp;
  readonly label: string;
}

/** Names of columns, as words with blanks between: `givenName`, `given_name` and `Given Name` are all "given name". */
const nameRules: readonly NameRule[] = [
  { type: "EMAIL_ADDRESS", names: /\be ?mail\b|\bmail address\b/, label: "an e-mail address" },
  {
    type: "PHONE_COUNTRYCODE",
    names: /\b(phone|tel|mobile).*country\b|\bcountry calling\b/,
    label: "a country code of phones",
  },
  {
    type: "PHONE_NUMBER",
    names: /\b(tele)?phone\b|\bmobile\b|\bcell\b|\btel\b|\bmsisdn\b|\bfax\b/,
    label: "a phone number",
  },
  { type: "DATE", names: /\bdob\b|\bbirth ?(date|day)\b|\bdate (of )?birth\b|\bborn\b/, label: "a date of birth" },
  {
    type: "NAME",
    names:
      /\bfull ?name\b|\b(first|fore) ?(name )?and (sur|last) ?name\b|\b(customer|person|contact|display) ?name\b|^name$/,
    label: "a full name",
  },
  {
    type: "NAME_FIRST",
    names: /\b(first|given|fore|christian) ?names?\b|\bfname\b|^(first|given)$|\b(vorname|prenom|nombre)\b/,
    label: "a first name",
  },
  { type: "NAME_MIDDLE", names: /\bmiddle ?(name|initial)\b|\bmname\b/, label: "a middle name" },
  {
    type: "NAME_LAST",
    names: /\b(last|family) ?names?\b|\bsurname\b|\blname\b|^(last|family)$|\b(nachname|nom|apellidos?)\b/,
    label: "a last name",
  },
  { type: "ADDRESS_POSTALCODE", names: /\bpost(al)? ?code\b|\bzip\b|\bpostcode\b|\bplz\b/, label: "a postal code" },
  {
    type: "ADDRESS_CITY",
    names: /\bcity\b|\btown\b|\bsuburb\b|\blocality\b|\bbirth ?place\b|\bplace (of )?birth\b|\bmunicipality\b/,
    label: "a place",
  },
  { type: "ADDRESS_STATE", names: /\bstate\b|\bprovince\b|\bcounty\b|\bregion\b/, label: "a state or region" },
  { type: "ADDRESS_COUNTRY", names: /\bcountry\b|\bnation\b/, label: "a country" },
  { type: "ADDRESS_STREET2", names: /\b(address|street|addr)( line)? ?2\b/, label: "a second address line" },
  { type: "ADDRESS_STREET3", names: /\b(address|street|addr)( line)? ?[3-9]\b/, label: "a further address line" },
  { type: "STRING", names: /\b(street|house|building|flat|unit) ?(no|nr|number|num)\b/, label: "a house number" },
  { type: "ADDRESS_STREET1", names: /\bstreet\b|\b(address|addr)( line)? ?1\b/, label: "a street" },
  { type: "ADDRESS", names: /\baddress\b|\baddr\b/, label: "an address" },
  { type: "MAID", names: /\bdevice\b|\bmaid\b|\bidfa\b|\bgaid\b|\badvertising\b/, label: "a device" },
  { type: "IPV4", names: /\bip\b|\bip ?(v4|addr(ess)?)\b/, label: "an IP address" },
];

const idName = /\b(id|rec|record|key|uuid|guid|row)\b/;
const answerName = /^(cluster|cluster id|label|truth|ground truth|true id|entity id)$/;
const skippedName = /\b(created|updated|modified|inserted|loaded|timestamp|source|batch|version|ingest(ed)?)\b/;

/** A column's name as lower-case words. */
export const wordsOfName = (name: string): string =>
  name
    .replace(/([a-z0-9])([A-Z])/g, "$1 $2")
    .replace(/([a-zA-Z])([0-9])/g, "$1 $2")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, " ")
    .trim();

const share = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole);

/** What a column holds, by its name and what is seen of its values. Values that contradict the name win. */
export function guessAttribute(column: string, seen: Seen): GuessedAttribute {
  const name = wordsOfName(column);
  const percent = (part: number) => `${Math.round(100 * share(part, seen.known))} % of its values`;
  if (seen.known === 0) return { column, reason: "empty" };
  if (seen.distinct === 1) return { column, reason: "always the same value" };
  const named = nameRules.find(({ names }) => names.test(name));
  if (share(seen.emails, seen.known) > 0.7) {
    return { column, type: "EMAIL_ADDRESS", reason: `${percent(seen.emails)} have an @ and a domain` };
  }
  if (share(seen.ips, seen.known) > 0.7)
    return { column, type: "IPV4", reason: `${percent(seen.ips)} are IP addresses` };
  if (named !== undefined) {
    if (named.type === "DATE" && share(seen.dates, seen.known) < 0.3) {
      return {
        column,
        type: "STRING",
        reason: `named like ${named.label}, but only ${percent(seen.dates)} read as dates`,
      };
    }
    return { column, type: named.type, reason: `named like ${named.label}` };
  }
  if (answerName.test(name)) return { column, reason: "named like an answer, not a property of the person" };
  if (
    seen.distinct === seen.known &&
    seen.known === seen.records &&
    (idName.test(name) || share(seen.uuids, seen.known) > 0.9)
  ) {
    return { column, type: "UNIQUE_ID", reason: "all different and never empty: it tells one record from another" };
  }
  if (skippedName.test(name)) return { column, reason: "named like something about the record, not the person" };
  if (share(seen.dates, seen.known) > 0.9) {
    // A date that nearly every record has for itself is when something happened to the record.
    return seen.distinct > seen.known * 0.95
      ? { column, reason: "dates that are nearly all different: when, not who" }
      : { column, type: "DATE", reason: `${percent(seen.dates)} read as dates` };
  }
  if (share(seen.phones, seen.known) > 0.9) {
    return { column, type: "PHONE_NUMBER", reason: `${percent(seen.phones)} look like phone numbers` };
  }
  if (seen.length > 60) return { column, reason: "long text" };
  if (seen.distinct === seen.known) return { column, reason: "all different: no two records could agree on it" };
  return { column, type: "STRING", reason: "values that some records share" };
}

/** What each column of a table holds. Columns named in `without` (the truth) take no part. */
export async function guessAttributes(
  connection: DuckDBConnection,
  table: string,
  columns: readonly string[],
  sql: (column: string) => string,
  without: ReadonlySet<string> = new Set(),
): Promise<GuessedAttribute[]> {
  const guessed: GuessedAttribute[] = [];
  for (const column of columns) {
    if (without.has(column)) {
      guessed.push({ column, reason: "left out" });
      continue;
    }
    guessed.push(guessAttribute(column, await look(connection, table, sql(column))));
  }
  return guessed;
}

async function look(connection: DuckDBConnection, table: string, text: string): Promise<Seen> {
  const like = (pattern: string) => `count(*) FILTER (regexp_full_match(v, '${pattern}'))`;
  const counts = [
    "count(*)",
    "count(v)",
    "count(DISTINCT v)",
    like("\\s*[^\\s@]+@[^\\s@]+\\.[^\\s@]+\\s*"),
    like(
      "[0-9]{4}[-/.][0-9]{1,2}[-/.][0-9]{1,2}([T ].*)?|[0-9]{1,2}[-/.][0-9]{1,2}[-/.]([0-9]{4}|[0-9]{2})|(18|19|20)[0-9]{2}[0-9]{2}[0-9]{2}",
    ),
    like("(\\+|00)[0-9 ().-]{8,18}|\\(?0[0-9 ().-]{8,15}|\\(?[0-9]{3}\\)?[ .-][0-9]{3}[ .-][0-9]{4}( ?x[0-9]+)?"),
    like("([0-9]{1,3}\\.){3}[0-9]{1,3}"),
    like("[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"),
    "coalesce(avg(length(v)), 0)",
  ];
  const query = `SELECT ${counts.join(", ")} FROM (SELECT nullif(trim(${text}), '') AS v FROM ${table})`;
  const row = ((await connection.runAndReadAll(query)).getRows()[0] ?? []).map(Number);
  const [records = 0, known = 0, distinct = 0, emails = 0, dates = 0, phones = 0, ips = 0, uuids = 0, length = 0] = row;
  return { records, known, distinct, emails, dates, phones, ips, uuids, length };
}

/**
 * Match rules made of guesses: the schema mapping alone, so that scores decide. The first id is the records' id; another
 * tells nothing more.
 */
export function suggestedRules(guessed: readonly GuessedAttribute[]): MatchRulesInput {
  const id = guessed.find(({ type }) => type === "UNIQUE_ID");
  const attributes = guessed.flatMap(({ column, type }): { column: string; type: AttributeType }[] =>
    type === undefined || (type === "UNIQUE_ID" && column !== id?.column) ? [] : [{ column, type }],
  );
  return { attributes };
}
