import { type CompiledRule, compileRules, type IdentityRules, type NormaliserName } from "@tributary/model";
import { jsonText, pathName, sqlText } from "./text";

/** What JavaScript trims. */
const blanks =
  "concat(chr(9), chr(10), chr(11), chr(12), chr(13), ' \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000\ufeff')";
const blankClass = `concat('[', ${blanks}, ']')`;

const trimmed = (value: string): string =>
  `case when instr(${blanks}, left(${value}, 1)) > 0 or instr(${blanks}, right(${value}, 1)) > 0` +
  ` then regexp_replace(regexp_replace(${value}, concat('^', ${blankClass}, '+'), ''), concat(${blankClass}, '+$'), '') else ${value} end`;

/** What an e-mail address is made of, besides dots and the @. */
const address = (more = "") => `concat('[^@<>"(),;:${more}', ${blanks}, ']')`;
const addressShape = `concat('^', ${address()}, '+@', ${address()}, '+[.]', ${address(".")}, '{2,}$')`;

/**
 * The model's normalisers in SQL, each in steps of one column. Two are less than theirs: full-width forms in addresses stay
 * as they are, and of phones only those with a country code are read, by their digits.
 */
const normalisers: Readonly<Record<NormaliserName, readonly ((value: string) => string)[]>> = {
  trim: [trimmed],
  lowercase: [(value) => `lower(${value})`],
  email: [
    trimmed,
    (value) => `lower(${value})`,
    (value) => `regexp_replace(${value}, '^mailto:', '')`,
    (value) => `case when length(${value}) <= 254 and regexp_like(${value}, ${addressShape}) then ${value} end`,
  ],
  gmail: [
    (value) =>
      `case when split_part(${value}, '@', 2) in ('gmail.com', 'googlemail.com')` +
      ` then concat(nullif(replace(split_part(split_part(${value}, '@', 1), '+', 1), '.', ''), ''), '@gmail.com')` +
      ` else ${value} end`,
  ],
  phone: [
    trimmed,
    (value) => `regexp_replace(${value}, '^00', '+')`,
    (value) => `case when startswith(${value}, '+') then concat('+', regexp_replace(${value}, '[^0-9]', '')) end`,
    (value) => `case when regexp_like(${value}, '^[+][1-9][0-9]{6,14}$') then ${value} end`,
  ],
  digits: [(value) => `regexp_replace(${value}, '[^0-9]', '')`],
};

/** Where a selector's value is: in a column, or in the payload of events of some types. */
type Stated = { readonly column: string } | { readonly parts: readonly string[]; readonly types: string | undefined };

/** Where events have what a selector names. Lists and `[type]` selectors are not looked into. */
function selected(path: string): Stated | undefined {
  if (path === "userId") return { column: "user_id" };
  if (path === "anonymousId") return { column: "anonymous_id" };
  const parts = path.split(".");
  if (path.includes("[") || !parts.every((part) => pathName.test(part))) return undefined;
  const [root] = parts;
  const types = root === "traits" ? "type = 'identify'" : root === "properties" ? "type <> 'identify'" : undefined;
  return { parts, types };
}

/** JSON of an object or list is no identifier; a GUID in braces is one. (Java takes a bracket in a class for a class.) */
const notJson = (text: string): string =>
  `case when substr(${text}, 1, 1) <> '[' and regexp_like(${text}, '^([^{]|[{][^"}])') then ${text} end`;

/** A regular expression in what JavaScript, Java and RE2 have in common; undefined where it needs more. */
export function commonPattern(pattern: string): string | undefined {
  if (/\\[1-9]|\\[bBkpPux]|\(\?[^:]/.test(pattern)) return undefined;
  const classes: Readonly<Record<string, string>> = { d: "0-9", w: "A-Za-z0-9_", s: " " };
  let inside = false;
  let common = "";
  for (let place = 0; place < pattern.length; place++) {
    const sign = pattern[place] ?? "";
    if (sign !== "\\") {
      if (sign === "[" && inside) return undefined;
      if (sign === "[") inside = true;
      if (sign === "]") inside = false;
      common += sign;
      continue;
    }
    const escaped = pattern[++place] ?? "";
    const known = classes[escaped];
    if (known !== undefined) common += inside ? known : `[${known}]`;
    else if (/[A-Za-z0-9\]\\^[]/.test(escaped)) return undefined;
    else common += inside ? escaped : `[${escaped}]`;
  }
  return common;
}

/** Whether a value matches a pattern of a rule, or undefined where SQL cannot tell. */
function matchesPattern(value: string, lower: string, pattern: string): string | undefined {
  const again = /^\^\(\.\)\\1\{(\d+),\}\$$/.exec(pattern);
  if (again) {
    return `length(${value}) > ${again[1]} and replace(${lower}, left(${lower}, 1), '') = ''`;
  }
  const common = commonPattern(pattern);
  return common === undefined ? undefined : `regexp_like(${value}, ${sqlText(`(?i)${common}`)})`;
}

function isValid(value: string, lower: string, rule: CompiledRule): string {
  const conditions = [`${value} <> ''`, `length(${value}) <= 512`];
  const blocked = [...rule.blockedValues];
  if (blocked.length > 0) conditions.push(`${lower} not in (${blocked.map(sqlText).join(", ")})`);
  for (const pattern of rule.blockedPatterns) {
    const matched = matchesPattern(value, lower, pattern.source);
    if (matched !== undefined) conditions.push(`not (${matched})`);
  }
  let rest = value;
  for (let distinct = 1; distinct < rule.minimumDistinctCharacters; distinct++) {
    rest = `replace(${rest}, left(${rest}, 1), '')`;
    conditions.push(`${rest} <> ''`);
  }
  return conditions.join(" and ");
}

/** A rule that SQL can read, with where its values are. */
interface ReadRule {
  readonly rule: CompiledRule;
  readonly rank: number;
  /** By selector. */
  readonly stated: readonly Stated[];
  /** Whether it is in columns of its own: then nothing need be looked for in the payload. */
  readonly plain: boolean;
}

/**
 * Steps of a WITH that find the strongest identifier of each event, as `hub`: `<type>:<value>`, NULL where it names nobody.
 * It is the model's `identifiersOf(event, rules)[0]`. The payload is looked into only where no column has a stronger one.
 * A step makes columns for all rules, since Spark takes long to understand SELECTs that are nested deeply.
 *
 * @param from A part with the columns `type, user_id, anonymous_id, payload`.
 * @param into Name of the last part: that of `from`, and `hub`.
 */
export function strongestIdentifier(rules: IdentityRules, from: string, into: string): (readonly [string, string])[] {
  const parts: (readonly [string, string])[] = [];
  let last = from;
  /** Adds columns to the last part. A column of its own is computed once, however often it is asked. */
  const step = (columns: readonly string[], name = `hub_step_${parts.length}`): void => {
    parts.push([name, `select *${columns.map((column) => `,\n  ${column}`).join("")}\nfrom ${last}`]);
    last = name;
  };
  const read = compileRules(rules).ordered.flatMap((rule, rank): ReadRule[] => {
    const paths = rules.identifiers.find(({ type }) => type === rule.type)?.selectors ?? [];
    const stated = paths.flatMap((path) => selected(path) ?? []);
    const plain = stated.every((each) => "column" in each);
    return stated.length === 0 ? [] : [{ rule, rank, stated, plain }];
  });
  const when = (conditions: readonly (string | undefined)[], value: string): string => {
    const all = conditions.filter((each) => each !== undefined);
    return all.length === 0 ? value : `case when ${all.join(" and ")} then ${value} end`;
  };
  const make = (some: readonly ReadRule[], weakerThan: (rank: number) => string | undefined): void => {
    if (some.length === 0) return;
    const columns = new Map(some.map(({ rank, stated }) => [rank, stated.map((_, place) => `i${rank}_${place}`)]));
    const of = (rank: number) => columns.get(rank) ?? [];
    const all = some.flatMap(({ rank, stated }) =>
      stated.map((each, place) => ({ weaker: weakerThan(rank), each, name: of(rank)[place] ?? "" })),
    );
    // Most payloads lack the object that several rules look into: it is looked for once. (It itself would not do: text that
    // holds JSON is no object.) Conditions are inside of lookups: DuckDB would otherwise look once for each branch of its macro.
    const objects = new Map<string, string>();
    const inside = all.flatMap(({ weaker, each, name }) => {
      if ("column" in each) return [];
      const asked = when([weaker, each.types], "payload");
      if (each.parts.length < 3) return [`${jsonText(asked, each.parts)} as ${name}_said`];
      const object = jsonText(asked, each.parts.slice(0, -1));
      const known = objects.get(object) ?? `o${parts.length}_${objects.size}`;
      objects.set(object, known);
      return [`${jsonText(when([`${known} is not null`], "payload"), each.parts)} as ${name}_said`];
    });
    if (objects.size > 0) step([...objects].map(([object, name]) => `${object} as ${name}`));
    if (inside.length > 0) step(inside);
    step(
      all.map(
        ({ weaker, each, name }) =>
          `${"column" in each ? when([weaker], each.column) : notJson(`${name}_said`)} as ${name}`,
      ),
    );
    const rounds = some.map(({ rule }) => rule.normalise.flatMap((name) => normalisers[name]));
    for (let round = 0; round < Math.max(...rounds.map(({ length }) => length)); round++) {
      const made = some.flatMap(({ rank }, index) => {
        const normal = rounds[index]?.[round];
        if (normal === undefined) return [];
        const next = of(rank).map((column) => `${column}_${round}`);
        const select = of(rank).map((column, place) => `nullif(${normal(column)}, '') as ${next[place]}`);
        columns.set(rank, next);
        return select;
      });
      step(made);
    }
    step(
      some.map(({ rank }) => `${of(rank).length === 1 ? of(rank)[0] : `least(${of(rank).join(", ")})`} as v${rank}`),
    );
    step(some.map(({ rank }) => `lower(v${rank}) as l${rank}`));
    step(
      some.map(
        ({ rule, rank }) =>
          `case when ${isValid(`v${rank}`, `l${rank}`, rule)} then concat('${rule.type}:', v${rank}) end as h${rank}`,
      ),
    );
  };
  const either = (some: readonly ReadRule[]): string | undefined => {
    const hubs = some.map(({ rank }) => `h${rank}`);
    return hubs.length > 1 ? `coalesce(${hubs.join(", ")})` : hubs[0];
  };
  const plain = read.filter((each) => each.plain);
  make(plain, () => undefined);
  make(
    read.filter((each) => !each.plain),
    (rank) => {
      const stronger = either(plain.filter((each) => each.rank < rank));
      return stronger === undefined ? undefined : `${stronger} is null`;
    },
  );
  step([`${either(read) ?? "cast(null as string)"} as hub`], into);
  return parts;
}
