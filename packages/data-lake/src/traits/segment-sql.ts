import {
  eventTraitName,
  instantOf,
  isStreamed,
  type Predicate,
  type SegmentDefinition,
  type TraitDefinitions,
} from "@tributary/model";
import { jsonRaw, jsonText, listed, pathName, sqlText, textJson, withParts } from "./text";

type TraitPredicate = Extract<Predicate, { kind: "trait" }>;

/** What is asked of people, each as columns of the part that the segments' conditions read. */
class Asked {
  /** By computed trait: its column. */
  readonly computed = new Map<string, string>();
  /** By identifier type. */
  readonly identifiers = new Map<string, string>();
  /** By purpose. */
  readonly consents = new Map<string, string>();
  /** By trait's name: columns of its text and of its JSON. */
  readonly traits = new Map<string, { readonly text: string; readonly raw: string }>();

  constructor(readonly declared: TraitDefinitions) {}

  private static column<T>(known: Map<string, T>, name: string, make: (index: number) => T): T {
    const found = known.get(name) ?? make(known.size);
    known.set(name, found);
    return found;
  }
  computedTrait = (name: string) => Asked.column(this.computed, name, (index) => `computed_${index}`);
  identifier = (type: string) => Asked.column(this.identifiers, type, (index) => `identifier_${index}`);
  consent = (purpose: string) => Asked.column(this.consents, purpose, (index) => `consent_${index}`);
  trait(name: string) {
    if (Object.hasOwn(this.declared, name)) this.computedTrait(name);
    return Asked.column(this.traits, name, (index) => ({ text: `text_${index}`, raw: `raw_${index}` }));
  }

  /** Columns of each trait that is asked: a declared name is the computed trait's, anything else is in the golden record. */
  traitColumns(): string[] {
    return [...this.traits].flatMap(([name, { text, raw }]) => {
      const parts = name.split(".");
      const computed = this.computed.get(name);
      if (computed !== undefined)
        return [`get_json_object(concat('[', c.${computed}, ']'), '$[0]') as ${text}`, `c.${computed} as ${raw}`];
      // Inside of a computed trait there is nothing.
      if (Object.hasOwn(this.declared, parts[0] ?? ""))
        return [`cast(null as string) as ${text}`, `cast(null as string) as ${raw}`];
      return [`${jsonText("p.traits", parts)} as ${text}`, `${jsonRaw("p.listed", parts)} as ${raw}`];
    });
  }
}

const double = (value: number | string) => `try_cast('${value}' as double)`;

/** A predicate as a condition that is never NULL. */
function condition(predicate: Predicate, asked: Asked): string {
  switch (predicate.kind) {
    case "all":
      return `(${predicate.of.map((part) => condition(part, asked)).join(" and ")})`;
    case "any":
      return `(${predicate.of.map((part) => condition(part, asked)).join(" or ")})`;
    case "not":
      return `not ${condition(predicate.of, asked)}`;
    case "identifier":
      return `coalesce(${asked.identifier(predicate.type)} = 1, false)`;
    case "consent":
      return `coalesce(${asked.consent(predicate.purpose)} = 'true', false)`;
    case "event": {
      const times = `coalesce(try_cast(${asked.computedTrait(eventTraitName(predicate))} as decimal(18,6)), 0)`;
      return `(${times} ${predicate.op === "atLeast" ? ">=" : "<="} ${predicate.times})`;
    }
    case "trait":
      return `coalesce(${traitCondition(predicate, asked)}, false)`;
  }
}

function traitCondition(predicate: TraitPredicate, asked: Asked): string {
  const { text, raw } = asked.trait(predicate.name);
  const number = `case when regexp_like(${raw}, '^[-0-9]') then try_cast(${text} as double) end`;
  const same = (wanted: string | number | boolean): string => {
    if (typeof wanted === "number") return `${number} = ${double(wanted)}`;
    if (typeof wanted === "boolean") return `${raw} = '${wanted}'`;
    return `(left(${raw}, 1) = '"' and ${text} = ${sqlText(wanted)})`;
  };
  switch (predicate.op) {
    case "exists":
      return `${raw} is not null and ${raw} <> 'null'`;
    case "equals":
      return same(predicate.value);
    case "oneOf":
      return `case when left(${raw}, 1) = '[' then ${predicate.value.map((wanted) => isListed(raw, wanted)).join(" or ")}
      else ${predicate.value.map(same).join(" or ")} end`;
    case "atLeast":
      return `${number} >= ${double(predicate.value)}`;
    case "atMost":
      return `${number} <= ${double(predicate.value)}`;
    case "above":
      return `${number} > ${double(predicate.value)}`;
    case "below":
      return `${number} < ${double(predicate.value)}`;
    case "before":
    case "after": {
      const sign = predicate.op === "before" ? "<" : ">";
      const limit = instantOf(predicate.value) ?? 0;
      return `case when left(${raw}, 1) = '"' then ${instant(text)} ${sign} ${limit} else ${number} ${sign} ${double(limit)} end`;
    }
  }
}

/** Whether a value is among the items of a list that is JSON. A quote inside of a text is never without its backslash. */
function isListed(raw: string, wanted: string | number | boolean): string {
  const item = typeof wanted === "string" ? textJson(sqlText(wanted)) : `'${wanted}'`;
  const items = `concat(',', substr(${raw}, 2, length(${raw}) - 2), ',')`;
  return `contains(${items}, concat(',', ${item}, ','))`;
}

/** As the model's `instantOf` reads it, in milliseconds. */
const instant = (text: string): string =>
  `case when regexp_like(${text}, '^[0-9]{4}-[0-9]{2}-[0-9]{2}(T([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]{1,9})?(Z|[-+](0[0-9]|1[0-4]):[0-5][0-9])?)?)?$')` +
  ` and not regexp_like(${text}, '[^-+0-9T:.Z]') and ${text} >= '0001' then unix_millis(to_timestamp(${text})) end`;

const pick = (columns: readonly string[]): string =>
  `case s.k ${columns.map((column, k) => `when ${k} then ${column}`).join(" ")} end`;

/** The SELECT of `curated.segments`: who is in each segment at the run's instant. */
export function segmentsSql(segments: Readonly<Record<string, SegmentDefinition>>, traits: TraitDefinitions): string {
  const asked = new Asked(traits);
  const streamed = Object.entries(segments).flatMap(([name, definition]) =>
    isStreamed(definition) ? [{ name, holds: condition(definition.predicate, asked) }] : [],
  );
  const parts: [string, string][] = [];
  const results: string[] = [];
  if (streamed.length > 0) {
    const traitColumns = asked.traitColumns();
    const pivot = (names: ReadonlyMap<string, string>, of: string, value: string) =>
      [...names]
        .map(([name, column]) => `max(case when ${of} = ${sqlText(name)} then ${value} end) as ${column}`)
        .join(",\n  ");
    if (asked.computed.size > 0)
      parts.push([
        "computed",
        `select profile_id,\n  ${pivot(asked.computed, "trait", "value")}\nfrom curated.traits\ngroup by profile_id`,
      ]);
    if (asked.identifiers.size > 0)
      parts.push([
        "known",
        `select profile_id,\n  ${pivot(asked.identifiers, "identifier_type", "1")}\nfrom curated.identities\ngroup by profile_id`,
      ]);
    const columns = [
      ...traitColumns,
      ...[...asked.consents].map(([purpose, column]) => `${jsonText("p.consent", [purpose, "granted"])} as ${column}`),
      ...[...asked.computed.values()].map((column) => `c.${column}`),
      ...[...asked.identifiers.values()].map((column) => `i.${column}`),
    ];
    parts.push([
      "told",
      `select ${["p.profile_id", ...columns].join(",\n  ")}\nfrom (select profile_id, traits, consent, ${listed("traits")} as listed from curated.people) p${asked.computed.size > 0 ? "\nleft join computed c on p.profile_id = c.profile_id" : ""}${asked.identifiers.size > 0 ? "\nleft join known i on p.profile_id = i.profile_id" : ""}`,
    ]);
    parts.push([
      "met",
      `select profile_id,\n  ${streamed.map(({ holds }, k) => `${holds} as met_${k}`).join(",\n  ")}\nfrom told`,
    ]);
    results.push(`select ${pick(streamed.map(({ name }) => sqlText(name)))} as segment, m.profile_id
from met m cross join range(0, ${streamed.length}) as s(k)
where ${pick(streamed.map((_, k) => `m.met_${k}`))}`);
  }
  for (const [name, definition] of Object.entries(segments)) {
    if (isStreamed(definition)) continue;
    results.push(`select ${sqlText(name)} as segment, q.profile_id
from (
  select distinct asked.profile_id
  from (
${bare(definition.sql).replace(/^/gm, "    ")}
  ) asked
) q
semi join curated.people p on q.profile_id = p.profile_id`);
  }
  const select = `select v.segment, v.profile_id, r.as_of
from (
${results.map((each) => each.replace(/^/gm, "  ")).join("\n  union all\n")}
) v cross join run r`;
  return parts.length > 0 ? withParts(parts, select) : `${select}\n`;
}

/** A SELECT as part of another: without what ends it, and with a line of its own so that a comment ends, too. */
const bare = (sql: string): string => sql.replace(/[;\s]+$/, "");

/**
 * The SELECT of `curated.segment_changes`: the log as it was, and who entered and exited since what it said before the
 * run's instant. What it says of this very instant is made again, so a run again says the same.
 */
export const changesSql = `with members as (
  select segment, profile_id
  from (
    select c.segment, c.profile_id, max_by(c.change, c.changed_at) filter (where c.change is not null) as change
    from curated.segment_changes c cross join run r
    where c.changed_at < r.as_of
    group by c.segment, c.profile_id
  ) told
  where change = 'entered'
)
select c.segment, c.profile_id, c.change, c.changed_at
from curated.segment_changes c cross join run r
where c.changed_at <> r.as_of
union all
select e.segment, e.profile_id, e.change, r.as_of as changed_at
from (
  select n.segment, n.profile_id, 'entered' as change
  from curated.segments n anti join members m on n.segment = m.segment and n.profile_id = m.profile_id
  union all
  select m.segment, m.profile_id, 'exited' as change
  from members m anti join curated.segments n on m.segment = n.segment and m.profile_id = n.profile_id
) e cross join run r
`;

/** What of a segment SQL cannot ask, by what holds it. */
export function untold(predicate: Predicate): string[] {
  switch (predicate.kind) {
    case "all":
    case "any":
      return predicate.of.flatMap(untold);
    case "not":
      return untold(predicate.of);
    case "trait":
      return predicate.name.split(".").every((part) => pathName.test(part)) ? [] : [predicate.name];
    case "consent":
      return pathName.test(predicate.purpose) ? [] : [predicate.purpose];
    default:
      return [];
  }
}
