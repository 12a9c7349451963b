import {
  type EventFilter,
  type EventSelection,
  type IdentityRules,
  maxTraitText,
  type TraitValue,
  traitNumber,
  traitValue,
} from "@tributary/model";
import { strongestIdentifier } from "./identifier-sql";
import type { Series } from "./series";
import { jsonRaw, jsonText, listed, mayBeUnquoted, sqlNumber, sqlText, withParts } from "./text";

const isOf = ({ type, name }: EventSelection): string =>
  name === undefined ? `type = '${type}'` : `type = '${type}' and event = ${sqlText(name)}`;
const either = (conditions: readonly string[]): string =>
  [...new Set(conditions)].map((each) => `(${each})`).join(" or ");

/** A field of events that some series asks, as columns of the parts below. */
interface Field {
  readonly path: string;
  /** Events that it is asked of. */
  readonly of: string[];
  /** Whether it is asked for what kind of value it is, too: where numbers count, text that is one counts as well. */
  kindAsked: boolean;
  /** Columns: as text; what kind of value (`text`, `number`, `boolean`) it is, NULL where none; as a number. */
  readonly text: string;
  readonly kind: string;
  readonly number: string;
}

/** Fields by where they lie, identify events' properties being their traits. */
class Fields {
  readonly all = new Map<string, Field>();

  of(selection: EventSelection, field: string, kindAsked: boolean): Field {
    const path = selection.type === "identify" ? field.replace(/^properties\./, "traits.") : field;
    const index = this.all.size;
    const made = this.all.get(path) ?? {
      path,
      of: [],
      kindAsked: false,
      text: `text_${index}`,
      kind: `kind_${index}`,
      number: `number_${index}`,
    };
    made.of.push(isOf(selection));
    made.kindAsked ||= kindAsked;
    this.all.set(path, made);
    return made;
  }
}

/** The SELECT of `curated.trait_facts`: what each event says to the declared series, with whom it is about. */
export function factsSql(series: readonly Series[], rules: IdentityRules): string {
  const fields = new Fields();
  const met = series.map(({ of, field, numeric }) => {
    const conditions = [
      isOf(of),
      ...(of.where ?? []).map((each) => holds(each, fields.of(of, each.field, !ordered(each)))),
    ];
    if (field === undefined || field === "time" || field === "sourceId") return conditions.join(" and ");
    const asked = fields.of(of, field, !numeric);
    return [...conditions, `${numeric ? asked.number : asked.kind} is not null`].join(" and ");
  });
  const asked = [...fields.all.values()];
  const from = (name: string, columns: readonly string[]) =>
    `${columns.map((column) => `,\n  ${column}`).join("")}\nfrom ${name}`;
  const said = asked.map(({ path, of, text }) =>
    path === "sourceId"
      ? `source_id as ${text}`
      : // The condition is inside: DuckDB then looks once, where it would look for each branch of what its macro stands for.
        `${jsonText(`case when ${either(of)} then payload end`, path.split("."))} as ${text}`,
  );
  const numbers = asked.map(({ text, number }) => `${sqlNumber(text)} as ${number}`);
  // The payload is asked for the quotes of that text only which could be something else without.
  const unsure = asked.flatMap(({ path, text, kind, kindAsked }) =>
    kindAsked && path !== "sourceId" ? [`case when ${mayBeUnquoted(text)} then payload end as unsure_${kind}`] : [],
  );
  const quotes = asked.flatMap(({ path, kind, kindAsked }) =>
    kindAsked && path !== "sourceId"
      ? [`left(${jsonRaw(listed(`unsure_${kind}`), path.split("."))}, 1) as first_${kind}`]
      : [],
  );
  const kinds = asked.flatMap(({ path, text, kind, number, kindAsked }) => {
    if (!kindAsked) return [];
    const short = `case when length(${text}) <= ${maxTraitText} then 'text' end`;
    if (path === "sourceId") return [`${short} as ${kind}`];
    return [
      `case when unsure_${kind} is null or first_${kind} = '"' then ${short}` +
        ` when first_${kind} in ('t', 'f') then 'boolean' when ${number} is not null then 'number' end as ${kind}`,
    ];
  });
  const stamp = "timestamp_millis(at_ms)";
  const valueSql = (each: Series): { kind: string; number: string; text: string } => {
    const none = { kind: "cast(null as string)", number: "cast(null as decimal(21,6))", text: "cast(null as string)" };
    if (each.field === undefined) return none;
    if (each.field === "time") {
      const iso = `concat(date_format(${stamp}, 'yyyy-MM-dd'), 'T', date_format(${stamp}, 'HH:mm:ss.SSS'), 'Z')`;
      return { ...none, kind: "'text'", text: iso };
    }
    if (each.field === "sourceId") return { ...none, kind: "'text'", text: "source_id" };
    const { kind, number, text } = fields.of(each.of, each.field, !each.numeric);
    if (each.numeric) return { ...none, kind: "'number'", number };
    return {
      kind,
      number: `case when ${kind} = 'number' then ${number} end`,
      text: `case when ${kind} <> 'number' then ${text} end`,
    };
  };
  const pick = (values: readonly string[], other: string) =>
    new Set(values).size === 1
      ? (values[0] ?? other)
      : `case s.k ${values.map((value, k) => `when ${k} then ${value}`).join(" ")} end`;
  const values = series.map(valueSql);
  return withParts(
    [
      [
        "relevant",
        `select source_id, message_id, type, event, user_id, anonymous_id, payload, dt,
  unix_millis(occurred_at) as corrected,
  unix_millis(original_timestamp) as stated
from clean.events
where occurred_at is not null and (${either(series.map(({ of }) => isOf(of)))})`,
      ],
      // No part but the first leaves rows out: Spark would take the condition back through all parts, written out in full.
      // The model's orderingTime: the stated time, with the clock's error taken out in whole quarters of an hour.
      [
        "timed",
        `select *,
  case
    when stated is null then corrected
    else stated + (corrected - stated + 450000) - pmod(corrected - stated + 450000, 900000)
  end as at_ms
from relevant`,
      ],
      ...strongestIdentifier(rules, "timed", "named"),
      ["said", `select source_id, message_id, type, event, dt, at_ms, hub, payload${from("named", said)}`],
      ["counted", `select *${from("said", [...numbers, ...unsure])}`],
      ...(quotes.length === 0 ? [] : [["quoted", `select *${from("counted", quotes)}`] as const]),
      ["typed", `select *${from(quotes.length === 0 ? "counted" : "quoted", kinds)}`],
      [
        "met",
        `select *${from(
          "typed",
          met.map((condition, k) => `coalesce(hub is not null and ${condition}, false) as met_${k}`),
        )}`,
      ],
    ],
    `select
  m.source_id,
  m.message_id,
  ${pick(
    series.map(({ id }) => `'${id}'`),
    "''",
  )} as series,
  ${stamp} as occurred_at,
  m.hub as identifier,
  ${pick(
    values.map(({ kind }) => kind),
    "null",
  )} as value_kind,
  ${pick(
    values.map(({ number }) => number),
    "null",
  )} as number_value,
  ${pick(
    values.map(({ text }) => text),
    "null",
  )} as text_value,
  m.dt
from met m cross join range(0, ${series.length}) as s(k)
where ${pick(
      series.map((_, k) => `m.met_${k}`),
      "false",
    )}`,
  );
}

/** Whether a filter asks for numbers of some size, never what kind of value there is. */
const ordered = ({ op }: EventFilter): boolean => ["atLeast", "atMost", "above", "below"].includes(op);

/** Whether a filter of a series holds, from the columns of its field. May be NULL for false. */
function holds(filter: EventFilter, { text, kind, number }: Field): string {
  const same = (wanted: TraitValue): string => {
    const value = traitValue(wanted);
    if (value === undefined) return "false";
    if (typeof value === "number") return `(${kind} = 'number' and ${number} = ${value})`;
    return `(${kind} = '${typeof value === "string" ? "text" : "boolean"}' and ${text} = ${sqlText(String(value))})`;
  };
  switch (filter.op) {
    case "exists":
      return `${kind} is not null`;
    case "equals":
      return same(filter.value);
    case "oneOf":
      return `(${filter.value.map(same).join(" or ")})`;
    case "noneOf":
      return `not coalesce(${filter.value.map(same).join(" or ")}, false)`;
    default: {
      const sign = { atLeast: ">=", atMost: "<=", above: ">", below: "<" }[filter.op];
      return `${number} ${sign} ${traitNumber(filter.value) ?? "null"}`;
    }
  }
}
