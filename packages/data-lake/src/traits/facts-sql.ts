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
import { jsonRaw, jsonText, listed, sqlNumber, sqlText, withParts } from "./text";

const isOf = ({ type, name }: EventSelection): string =>
  name === undefined ? `type = '${type}'` : `type = '${type}' and event = ${sqlText(name)}`;
const either = (conditions: readonly string[]): string =>
  [...new Set(conditions)].map((each) => `(${each})`).join(" or ");

/** A field of events that some series asks, as columns of the parts below. */
interface Field {
  readonly path: string;
  /** Events that it is asked of. */
  readonly of: string[];
  /** Columns: as text; what kind of value (`text`, `number`, `boolean`) it is, NULL where none; as a number. */
  readonly text: string;
  readonly kind: string;
  readonly number: string;
}

/** Fields by where they lie, identify events' properties being their traits. */
class Fields {
  readonly all = new Map<string, Field>();

  of(selection: EventSelection, field: string): Field {
    const path = selection.type === "identify" ? field.replace(/^properties\./, "traits.") : field;
    const known = this.all.get(path);
    if (known) {
      known.of.push(isOf(selection));
      return known;
    }
    const index = this.all.size;
    const made = {
      path,
      of: [isOf(selection)],
      text: `text_${index}`,
      kind: `kind_${index}`,
      number: `number_${index}`,
    };
    this.all.set(path, made);
    return made;
  }
}

/** The SELECT of `curated.trait_facts`: what each event says to the declared series, with whom it is about. */
export function factsSql(series: readonly Series[], rules: IdentityRules): string {
  const fields = new Fields();
  const met = series.map(({ of, field, numeric }) => {
    const conditions = [isOf(of), ...(of.where ?? []).map((filter) => holds(filter, fields.of(of, filter.field)))];
    if (field === undefined || field === "time" || field === "sourceId") return conditions.join(" and ");
    const asked = fields.of(of, field);
    return [...conditions, `${numeric ? asked.number : asked.kind} is not null`].join(" and ");
  });
  const asked = [...fields.all.values()];
  const from = (name: string, columns: readonly string[]) =>
    `${columns.map((column) => `,\n  ${column}`).join("")}\nfrom ${name}`;
  const said = asked.flatMap(({ path, of, text, kind }) => {
    if (path === "sourceId") return [`source_id as ${text}`, `'"' as raw_${kind}`];
    const parts = path.split(".");
    return [
      `case when ${either(of)} then ${jsonText("payload", parts)} end as ${text}`,
      `case when ${either(of)} then left(${jsonRaw("listed", parts)}, 1) end as raw_${kind}`,
    ];
  });
  const numbers = asked.map(
    ({ text, kind, number }) =>
      `case when raw_${kind} not in ('t', 'f', '{', '[') then ${sqlNumber(text)} end as ${number}`,
  );
  const kinds = asked.map(
    ({ text, kind, number }) =>
      `case when raw_${kind} = '"' then case when length(${text}) <= ${maxTraitText} then 'text' end` +
      ` when raw_${kind} in ('t', 'f') then 'boolean' when ${number} is not null then 'number' end as ${kind}`,
  );
  const stamp = "timestamp_millis(at_ms)";
  const valueSql = (each: Series): { kind: string; number: string; text: string } => {
    const none = { kind: "cast(null as string)", number: "cast(null as decimal(21,6))", text: "cast(null as string)" };
    if (each.field === undefined) return none;
    if (each.field === "time") {
      const iso = `concat(date_format(${stamp}, 'yyyy-MM-dd'), 'T', date_format(${stamp}, 'HH:mm:ss.SSS'), 'Z')`;
      return { ...none, kind: "'text'", text: iso };
    }
    if (each.field === "sourceId") return { ...none, kind: "'text'", text: "source_id" };
    const { kind, number, text } = fields.of(each.of, each.field);
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
  case when ${either(asked.flatMap(({ of }) => of)) || "false"} then ${listed("payload")} end as listed,
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
      ["said", `select source_id, message_id, type, event, dt, at_ms, hub${from("named", said)}`],
      ["counted", `select *${from("said", numbers)}`],
      ["typed", `select *${from("counted", kinds)}`],
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
