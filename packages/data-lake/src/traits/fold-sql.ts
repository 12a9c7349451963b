import { type TraitDefinition, type TraitDefinitions, type TraitFold, windowLength } from "@tributary/model";
import { seriesOf } from "./series";
import { numberJson, sqlText, textJson, withParts } from "./text";

type Named = readonly [name: string, definition: TraitDefinition];

/** Declared traits as rows. */
const declared = (traits: readonly Named[]): string =>
  traits
    .map(([name, definition]) => {
      const window =
        definition.window === undefined ? "cast(null as bigint)" : `cast(${windowLength(definition.window)} as bigint)`;
      return `(${sqlText(name)}, '${seriesOf(definition).id}', '${definition.fold}', ${window})`;
    })
    .join(",\n    ");

/** Facts that count at the run's instant, beside the traits that they count for: `at - window < time <= at`. */
const counting = (traits: readonly Named[], columns: string): string =>
  `select d.trait, d.fold, ${columns}
from curated.trait_facts f
inner join (
  select * from values
    ${declared(traits)}
  as declared(trait, series, fold, length)
) d on f.series = d.series
cross join run r
where f.series in (${[...new Set(traits.map(([, definition]) => `'${seriesOf(definition).id}'`))].join(", ")})
  and f.occurred_at <= r.as_of
  and (d.length is null or f.occurred_at > timestamp_millis(unix_millis(r.as_of) - d.length))`;

/** Identifiers with whom they resolve to. */
const who = "(select concat(identifier_type, ':', identifier_value) as identifier, profile_id from curated.identities)";

const valueJson = (kind: string, number: string, text: string): string =>
  `case ${kind} when 'number' then ${numberJson(number)} when 'boolean' then ${text} else ${textJson(text)} end`;

/** Folds that add up, each as an aggregate and as its JSON: only those that are declared are computed. */
const additions = {
  count: { name: "events", sql: "cast(count(*) as bigint)", json: "cast(events as string)" },
  sum: { name: "total", sql: "cast(sum(c.number_value) as decimal(38,6))", json: numberJson("total") },
  min: { name: "least", sql: "min(c.number_value)", json: numberJson("least") },
  max: { name: "most", sql: "max(c.number_value)", json: numberJson("most") },
} as const;

/** The SELECT of `curated.traits`: each computed trait of each person at the run's instant, as JSON. */
export function traitsSql(traits: TraitDefinitions): string {
  const of = (...folds: TraitFold[]): Named[] => Object.entries(traits).filter(([, { fold }]) => folds.includes(fold));
  const parts: [string, string][] = [];
  const results: string[] = [];

  const added = of("count", "sum", "min", "max");
  if (added.length > 0) {
    const used = Object.keys(additions).filter((fold) => added.some(([, definition]) => definition.fold === fold));
    const each = used.map((fold) => additions[fold as keyof typeof additions]);
    parts.push([
      "added",
      `select w.profile_id, c.trait, c.fold,
  ${each.map(({ sql, name }) => `${sql} as ${name}`).join(",\n  ")}
from (
  ${counting(added, "f.identifier, f.number_value").replaceAll("\n", "\n  ")}
) c inner join ${who} w on c.identifier = w.identifier
group by w.profile_id, c.trait, c.fold`,
    ]);
    results.push(`select profile_id, trait,
  case fold
    ${each.map(({ json }, index) => `when '${used[index]}' then ${json}`).join("\n    ")}
  end as value
from added`);
  }

  for (const [fold, direction] of [
    ["first", "asc"],
    ["last", "desc"],
  ] as const) {
    const named = of(fold);
    if (named.length === 0) continue;
    parts.push([
      fold === "first" ? "earliest" : "latest",
      `select w.profile_id, c.trait, c.value_kind, c.number_value, c.text_value,
  row_number() over (
    partition by w.profile_id, c.trait
    order by c.occurred_at ${direction} nulls last, c.message_id ${direction} nulls last, c.source_id ${direction} nulls last
  ) as place
from (
  ${counting(named, "f.identifier, f.occurred_at, f.message_id, f.source_id, f.value_kind, f.number_value, f.text_value").replaceAll("\n", "\n  ")}
) c inner join ${who} w on c.identifier = w.identifier`,
    ]);
    results.push(`select profile_id, trait, ${valueJson("value_kind", "number_value", "text_value")} as value
from ${fold === "first" ? "earliest" : "latest"}
where place = 1`);
  }

  const different = of("distinct", "mostFrequent");
  if (different.length > 0) {
    parts.push([
      "different",
      `select w.profile_id, c.trait, c.fold, c.value_kind, c.number_value, c.text_value, cast(count(*) as bigint) as times
from (
  ${counting(different, "f.identifier, f.value_kind, f.number_value, f.text_value").replaceAll("\n", "\n  ")}
) c inner join ${who} w on c.identifier = w.identifier
group by w.profile_id, c.trait, c.fold, c.value_kind, c.number_value, c.text_value`,
    ]);
    if (of("distinct").length > 0)
      results.push(`select profile_id, trait, cast(count(*) as string) as value
from different
where fold = 'distinct'
group by profile_id, trait`);
    if (of("mostFrequent").length > 0) {
      parts.push([
        "ranked",
        `select profile_id, trait, value_kind, number_value, text_value,
  row_number() over (
    partition by profile_id, trait
    order by times desc nulls last, value_kind asc nulls last, number_value asc nulls last, text_value asc nulls last
  ) as place
from different
where fold = 'mostFrequent'`,
      ]);
      results.push(`select profile_id, trait, ${valueJson("value_kind", "number_value", "text_value")} as value
from ranked
where place = 1`);
    }
  }
  return withParts(
    parts,
    `select v.profile_id, v.trait, v.value, r.as_of
from (
${results.map((each) => each.replace(/^/gm, "  ")).join("\n  union all\n")}
) v cross join run r`,
  );
}
