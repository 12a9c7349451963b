import * as fc from "fast-check";
import type { CustomerEvent, JsonSchema, SubSchema, TrackingPlan } from "../src";
import { readPlan } from "../src";

/** Printed by the property tests; set TEST_SEED to repeat a run. */
export const seed = Number(process.env.TEST_SEED ?? 20261123);

export function plan(definition: unknown): TrackingPlan {
  const read = readPlan(definition);
  if (!read.plan) throw new Error(JSON.stringify(read.faults));
  return read.plan;
}

export function track(event: string, properties: object, context: object = {}): CustomerEvent {
  const times = { timestamp: "2026-11-23T09:00:00.000Z", receivedAt: "2026-11-23T09:00:00.000Z" };
  return {
    type: "track",
    messageId: "m",
    sourceId: "web",
    userId: "u",
    ...times,
    event,
    properties,
    context,
  } as CustomerEvent;
}

const names = ["a", "b", "c"] as const;
const words = ["", "x", "no", "yes", "yard", "years", "Zürich", "😀", "2026-01-31", "ann@example.com"];

const made = fc.letrec<{ any: SubSchema; object: JsonSchema }>((tie) => {
  const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
  const tidy = (schema: object): JsonSchema => JSON.parse(JSON.stringify(schema)) as JsonSchema;
  const text = fc
    .record({
      type: fc.constant("string"),
      minLength: optional(fc.nat(2)),
      maxLength: optional(fc.integer({ min: 2, max: 5 })),
      pattern: optional(fc.constantFrom("^y", "s$", "^\\d{4}")),
      format: optional(fc.constantFrom("date", "email")),
    })
    .map(tidy);
  const number = fc
    .record({
      type: fc.constantFrom("number", "integer"),
      minimum: optional(fc.integer({ min: -2, max: 2 })),
      maximum: optional(fc.integer({ min: 1, max: 4 })),
      exclusiveMinimum: optional(fc.integer({ min: -3, max: 0 })),
      multipleOf: optional(fc.constantFrom(1, 2, 0.5)),
    })
    .map(tidy);
  const scalar = fc.oneof(
    text,
    number,
    fc.constantFrom<JsonSchema>({ type: "boolean" }, { type: ["string", "null"] }, { type: ["integer", "string"] }),
    fc.constantFrom<JsonSchema>({ enum: ["x", "yes"] }, { const: 2 }, { enum: [1, null, "x"] }),
  );
  const member = tie("any");
  const properties = fc.dictionary(fc.constantFrom(...names), member, { maxKeys: 3, noNullPrototype: true });
  const object = fc
    .record({
      type: fc.constant("object"),
      properties: optional(properties),
      required: optional(fc.uniqueArray(fc.constantFrom(...names), { maxLength: 2 })),
      additionalProperties: optional(fc.oneof(fc.boolean(), member)),
      patternProperties: optional(fc.constantFrom({ "^a": { type: "string" as const } })),
      maxProperties: optional(fc.integer({ min: 1, max: 3 })),
    })
    .map(tidy);
  const list = fc
    .record({
      type: fc.constant("array"),
      items: optional(member),
      minItems: optional(fc.nat(1)),
      maxItems: optional(fc.integer({ min: 1, max: 2 })),
    })
    .map(tidy);
  const forms = fc.array(member, { minLength: 1, maxLength: 2 });
  return {
    object,
    any: fc.oneof(
      { depthSize: "small", maxDepth: 3 },
      { arbitrary: scalar, weight: 5 },
      { arbitrary: object, weight: 2 },
      { arbitrary: list, weight: 1 },
      { arbitrary: forms.map((anyOf) => ({ anyOf })), weight: 1 },
      { arbitrary: forms.map((oneOf) => ({ oneOf })), weight: 1 },
      { arbitrary: forms.map((allOf) => ({ allOf })), weight: 1 },
      { arbitrary: member.map((not) => ({ not })), weight: 1 },
      { arbitrary: fc.boolean(), weight: 1 },
    ),
  };
});

/** Schemas of objects with every keyword, small enough to be met by chance. */
export const schemas = made.object;
/** Schemas of any value. */
export const anySchemas = made.any.filter((schema): schema is JsonSchema => typeof schema !== "boolean");

/** Values that have a chance to meet such schemas. */
export const values: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "small", maxDepth: 3 },
    fc.constantFrom<unknown>(...words, 0, 1, 2, 3, -1, 1.5, true, false, null),
    fc.dictionary(fc.constantFrom(...names, "extra"), tie("value"), { maxKeys: 3, noNullPrototype: true }),
    fc.array(tie("value"), { maxLength: 3 }),
  ),
})).value;

export const objects = fc.dictionary(fc.constantFrom(...names, "extra"), values, { maxKeys: 4, noNullPrototype: true });

/** Values made to meet a schema, mostly: what is left to chance is whether they do. */
export function valuesOf(schema: SubSchema): fc.Arbitrary<unknown> {
  if (typeof schema === "boolean") return values;
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum) return fc.constantFrom(...schema.enum);
  const forms = schema.anyOf ?? schema.oneOf ?? schema.allOf;
  if (forms) return fc.oneof(...forms.map(valuesOf));
  const type = typeof schema.type === "string" ? schema.type : schema.type?.[0];
  switch (type) {
    case "string":
      return fc.constantFrom(...words, "yes");
    case "integer":
      return fc.integer({ min: -4, max: 6 });
    case "number":
      return fc.integer({ min: -4, max: 8 }).map((n) => n / 2);
    case "boolean":
      return fc.boolean();
    case "array":
      return fc.array(valuesOf(schema.items ?? true), { maxLength: 3 });
    case "object": {
      const { properties = {}, required = [] } = schema;
      const planned = Object.fromEntries(Object.entries(properties).map(([name, of]) => [name, valuesOf(of)]));
      return fc.record(planned, {
        requiredKeys: required.filter((name) => Object.hasOwn(properties, name)),
        noNullPrototype: true,
      });
    }
    default:
      return values;
  }
}
