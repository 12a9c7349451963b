import Ajv from "ajv/dist/2020";
import * as fc from "fast-check";
import { z } from "zod";
import * as mini from "zod/mini";
import { type CustomerEvent, compileSchema, type JsonSchema, planChecker, readPlan, trackingPlan } from "../src";
import { anySchemas, objects, plan, schemas, seed, track, values, valuesOf } from "./plan-support";

const order = {
  order_id: z.string().min(1),
  total: z.number().nonnegative(),
  currency: z.enum(["GBP", "EUR"]),
  coupon: z.string().nullable().optional(),
  products: z.array(z.object({ product_id: z.string(), price: z.number().optional() })).optional(),
};
const good = { order_id: "o-1", total: 12.5, currency: "GBP" };
const shop = (rule: object = {}, settings: object = {}) =>
  planChecker(
    plan(
      trackingPlan({
        track: { "Order Completed": { properties: z.object(order), ...rule } },
        identify: { traits: z.object({ email: z.email().optional(), age: z.int().optional() }) },
        ...settings,
      }),
    ),
  );
const completed = (properties: object, context?: object) =>
  track("Order Completed", { ...good, ...properties }, context);
const protocols = (verdict: ReturnType<ReturnType<typeof planChecker>>) =>
  "event" in verdict ? verdict.event.context.protocols : undefined;

describe("a definition", () => {
  test("is plain JSON afterwards, whether of zod, of zod's small form or of JSON Schema; read again it is the same", () => {
    const schema = { type: "object", properties: { total: { type: "number" } }, required: ["total"] };
    const forms = [z.object({ total: z.number() }), mini.object({ total: mini.number() }), schema];
    for (const properties of forms) {
      const read = plan({ track: { Paid: { properties } } });
      expect(read).toEqual({
        version: 1,
        onViolation: "quarantine",
        unplannedEvents: "allow",
        unplannedProperties: "allow",
        track: { Paid: { properties: schema } },
      });
      expect(plan(JSON.parse(JSON.stringify(read)))).toEqual(read);
    }
  });

  test("tells every fault at once, with path and remedy", () => {
    const { faults } = readPlan(
      {
        onViolaton: "omit",
        unplannedEvents: "drop",
        track: {
          "Order Completed": {
            propertys: {},
            properties: { type: "object", properties: { total: { type: "float" } } },
          },
          Paid: { properties: { propertis: {}, uniqueItems: true, pattern: "(" }, onViolation: "block" },
          Seen: { properties: z.object({ at: z.date() }) },
          Loop: { properties: { type: "object", allOf: [{ $ref: "#" }] } },
          List: { properties: z.array(z.string()) },
          Gone: { properties: { $ref: "#/$defs/none" } },
        },
        page: [],
        identify: { traits: "name" },
      },
      "sources.web.plan",
    );
    expect(faults?.map(({ path, reason }) => `${path}: ${reason}`)).toMatchInlineSnapshot(`
[
  "sources.web.plan.onViolaton: is no part of a tracking plan; did you mean "onViolation"?",
  "sources.web.plan.unplannedEvents: "drop" must be one of "allow", "forward-with-flag", "omit", "quarantine"",
  "sources.web.plan.track["Order Completed"].propertys: is no part of a tracking plan; did you mean "properties"?",
  "sources.web.plan.track["Order Completed"].properties.properties.total.type: "float" is no type; use string, number, integer, boolean, object, array, null",
  "sources.web.plan.track.Paid.onViolation: "block" must be one of "quarantine", "forward-with-flag", "omit-property"",
  "sources.web.plan.track.Paid.properties.propertis: is no keyword of a plan's schemas; did you mean "properties"?",
  "sources.web.plan.track.Paid.properties.uniqueItems: is no keyword of a plan's schemas; comparing each item with each would let one event hold up the stream; leave it out",
  "sources.web.plan.track.Paid.properties.pattern: Invalid regular expression: /(/: Unterminated group",
  "sources.web.plan.track.Seen.properties: Date cannot be represented in JSON Schema; events are JSON: for a time use z.iso.datetime(), for another check a schema of what is sent",
  "sources.web.plan.track.Loop.properties: its $ref leads back to itself",
  "sources.web.plan.track.List.properties.type: "array" must be "object": properties always are",
  "sources.web.plan.track.Gone.properties.$ref: "#/$defs/none" is not there; a $ref is "#" or "#/$defs/<name>"",
  "sources.web.plan.page: [] must be an object by event name, such as { "Order Completed": {} }",
  "sources.web.plan.identify.traits: must be a zod schema or a JSON Schema",
]
`);
  });

  test("a plan that is none at all", () => {
    expect(readPlan(() => 1, "plan").faults).toEqual([
      { path: "plan", reason: "a function must be a tracking plan; see trackingPlan()" },
    ]);
  });
});

describe("quarantine", () => {
  test("what keeps to the plan is the very event; what does not is told by field, without its values", () => {
    const check = shop();
    expect(check(completed({ coupon: null, extra: 1, products: [{ product_id: "p" }] }))).toEqual({
      kind: "accepted",
      violations: [],
    });
    const { order_id: _, ...anonymous } = good;
    const secret = "ann@example.com";
    const verdict = check(track("Order Completed", { ...anonymous, total: secret, currency: secret, products: [{}] }));
    expect(verdict).toMatchObject({ kind: "quarantined", reason: "plan-violation" });
    expect(JSON.stringify(verdict)).not.toContain(secret);
    expect(verdict.kind === "quarantined" && verdict.detail).toBe(
      'properties.order_id is required; properties.total must be number, is string; properties.currency must be one of "GBP", "EUR", is string; properties.products[0].product_id is required; mend the producer, or widen the plan and replay',
    );
  });

  test("types that the plan does not mention pass; a type's other names go by unplannedEvents", () => {
    const page = { ...track("x", {}), type: "page", name: "Home" } as CustomerEvent;
    expect(shop()(track("Order Refunded", {})).kind).toBe("accepted");
    const outcomes = (["allow", "forward-with-flag", "omit", "quarantine"] as const).map((unplannedEvents) => {
      const check = shop({}, { unplannedEvents });
      return [check(page).kind, check(track("order completed", {})).kind];
    });
    expect(outcomes).toEqual([
      ["accepted", "accepted"],
      ["accepted", "flagged"],
      ["accepted", "dropped"],
      ["accepted", "quarantined"],
    ]);
  });

  test("names that every object has are names like others", () => {
    const check = shop({}, { unplannedEvents: "quarantine", unplannedProperties: "quarantine" });
    for (const name of ["constructor", "toString", "__proto__"]) {
      expect(check(track(name, {}))).toMatchObject({ kind: "quarantined", reason: "unplanned-event" });
      const properties = JSON.parse(`{ "order_id": "o", "total": 1, "currency": "EUR", "${name}": { "toString": 1 } }`);
      expect(check(track("Order Completed", properties))).toMatchObject({
        kind: "quarantined",
        violations: [{ field: `properties.${name}`, rule: "unplanned-property", found: "object" }],
      });
    }
  });
});

describe("forward-with-flag", () => {
  test("the event goes on as it was, with its violations where Segment puts them", () => {
    const event = completed({ total: "12" }, { page: { path: "/" }, protocols: { sourceId: "s" } });
    const before = structuredClone(event);
    const verdict = shop({ onViolation: "forward-with-flag" })(event);
    expect(verdict).toMatchObject({ kind: "flagged", event: { properties: { total: "12" } } });
    expect(protocols(verdict)).toEqual({
      sourceId: "s",
      violations: [{ field: "properties.total", rule: "type", description: "must be number", found: "string" }],
    });
    expect(event).toEqual(before);
  });

  test("a hundred thousand violations are twenty lines", () => {
    const verdict = shop({ onViolation: "forward-with-flag" })(completed({ products: new Array(100_000).fill(0) }));
    expect(JSON.stringify(protocols(verdict)).length).toBeLessThan(5_000);
  });
});

describe("omit-property", () => {
  const check = shop({ onViolation: "omit-property" });

  test("what is wrong is left out; a list's item takes its list along", () => {
    const verdict = check(
      completed({
        coupon: 7,
        products: [
          { product_id: "p", price: "1" },
          { product_id: "q", price: 2 },
        ],
      }),
    );
    expect(verdict).toMatchObject({
      kind: "omitted",
      event: { properties: { ...good, products: [{ product_id: "p" }, { product_id: "q", price: 2 }] } },
    });
    expect(protocols(verdict)).toEqual({ omitted: ["properties.coupon", "properties.products[0].price"] });
    expect("event" in verdict && verdict.event.type === "track" && "coupon" in verdict.event.properties).toBe(false);
    expect(protocols(check(completed({ products: [{ product_id: "p" }, { price: 3 }] })))).toEqual({
      omitted: ["properties.products"],
    });
  });

  test("what the plan requires cannot be left out: quarantine", () => {
    expect(check(completed({ total: "12", coupon: 7 }))).toMatchObject({
      kind: "quarantined",
      detail: "properties.total is required; mend the producer, or widen the plan and replay",
    });
  });

  test("unplanned properties are left out where the plan says so, at every level", () => {
    const omit = shop({}, { unplannedProperties: "omit" });
    const verdict = omit(completed({ extra: { a: 1 }, products: [{ product_id: "p", colour: "red" }] }));
    expect(protocols(verdict)).toEqual({ omitted: ["properties.extra", "properties.products[0].colour"] });
    expect(verdict).toMatchObject({ kind: "omitted", event: { properties: { products: [{ product_id: "p" }] } } });
    const own = shop({ unplannedProperties: "allow" }, { unplannedProperties: "quarantine" });
    expect(own(completed({ extra: 1 })).kind).toBe("accepted");
  });

  test("a name out of Object.prototype is left out, and nothing else changes", () => {
    const strict = planChecker(
      plan({
        onViolation: "omit-property",
        track: {
          E: { properties: { type: "object", additionalProperties: { type: "object", additionalProperties: false } } },
        },
      }),
    );
    strict(track("E", JSON.parse('{ "__proto__": { "toString": 1, "valueOf": 2 }, "x": 1 }')));
    expect([typeof Object.prototype.toString, typeof Object.prototype.valueOf]).toEqual(["function", "function"]);
  });
});

test("an event nested to make forms within forms double the work at each level is refused in time", () => {
  const operation = (op: string) => ({
    type: "object",
    properties: { args: { type: "array", items: { $ref: "#/$defs/node" } }, op: { const: op } },
    required: ["op"],
  });
  const properties = {
    type: "object",
    properties: { filter: { $ref: "#/$defs/node" } },
    $defs: { node: { anyOf: [operation("and"), operation("or"), operation("xor")] } },
  };
  const check = planChecker(plan({ track: { Searched: { properties } } }));
  const nested = (depth: number): object => (depth === 0 ? { op: "and" } : { args: [nested(depth - 1)], op: "and" });
  expect(check(track("Searched", { filter: nested(6) })).kind).toBe("accepted");
  const began = performance.now();
  expect(check(track("Searched", { filter: nested(30) })).kind).toBe("quarantined");
  expect(performance.now() - began).toBeLessThan(5_000);
});

test("context is checked by the plan and by the event's rule", () => {
  const check = shop(
    { context: z.object({ page: z.object({ path: z.string() }) }) },
    { context: { type: "object", required: ["library"] } },
  );
  expect(check(completed({}, { library: {}, page: { path: "/" } })).kind).toBe("accepted");
  expect(check(completed({}, { page: {} })).violations.map(({ field }) => field)).toEqual([
    "context.page.path",
    "context.library",
  ]);
});

/** A schema with values that were made for it, and some that were not. */
const tried = (of: fc.Arbitrary<JsonSchema>) =>
  of.chain((schema) =>
    fc.tuple(fc.constant(schema), fc.array(fc.oneof(valuesOf(schema), values), { minLength: 12, maxLength: 12 })),
  );

describe("the validator", () => {
  const ajv = () => new Ajv({ strict: false, allErrors: true, formats: { date: true, email: true } });

  test("says what Ajv says, of any schema and value", () => {
    let accepted = 0;
    fc.assert(
      fc.property(tried(anySchemas), ([schema, sample]) => {
        const noFormats = JSON.parse(JSON.stringify(schema), (key, value) => (key === "format" ? undefined : value));
        const [ours, theirs] = [compileSchema(noFormats), ajv().compile(noFormats)];
        for (const value of sample) {
          const valid = theirs(value);
          if (valid) accepted += 1;
          if ((ours(value).length === 0) !== valid)
            throw new Error(JSON.stringify([noFormats, value, ours(value), valid]));
        }
      }),
      { seed, numRuns: 150 },
    );
    expect(accepted).toBeGreaterThan(300);
  });

  test("and of values made for the schema: none that is valid is ever refused", () => {
    let accepted = 0;
    fc.assert(
      fc.property(
        schemas.chain((schema) =>
          fc.tuple(fc.constant(schema), fc.array(valuesOf(schema), { minLength: 5, maxLength: 5 })),
        ),
        ([schema, sample]) => {
          const theirs = ajv().compile(schema);
          const check = planChecker(plan({ track: { E: { properties: schema } } }));
          for (const value of sample) {
            const kind = check(track("E", value as object)).kind;
            if (theirs(value) && !JSON.stringify(schema).includes('"format"')) {
              accepted += 1;
              expect(kind).toBe("accepted");
            }
          }
        },
      ),
      { seed, numRuns: 100 },
    );
    expect(accepted).toBeGreaterThan(100);
  });

  test("a zod schema takes what its plan takes", () => {
    const shape = z.object({
      id: z.uuid(),
      at: z.iso.datetime(),
      day: z.iso.date(),
      kind: z.union([z.literal("a"), z.number()]),
      tags: z.record(z.string(), z.boolean()),
      pair: z.tuple([z.string(), z.int()]),
      node: z.object({
        get child() {
          return z.object({ name: z.string() }).optional();
        },
      }),
    });
    const check = planChecker(plan({ track: { E: { properties: shape } } }));
    const base = {
      ...{ id: "7c9e6679-7425-40de-944b-e07fc1f90ae7", at: "2026-01-31T08:30:00Z", day: "2026-01-31", kind: "a" },
      ...{ tags: { x: true }, pair: ["a", 1], node: { child: { name: "n" } } },
    };
    const cases: object[] = [
      {},
      { id: "7" },
      { at: "2026-13-31T08:30:00Z" },
      { day: "today" },
      { kind: "b" },
      { kind: 4 },
      { tags: { x: 1 } },
      { pair: ["a", 1.5] },
      { node: { child: {} } },
      { node: {} },
    ];
    for (const change of cases) {
      const value = { ...base, ...change };
      expect([change, check(track("E", value)).kind]).toEqual([
        change,
        shape.safeParse(value).success ? "accepted" : "quarantined",
      ]);
    }
  });

  test("omitting gives an event that the plan takes", () => {
    fc.assert(
      fc.property(schemas, objects, values, (properties, given, extra) => {
        const definition = { onViolation: "omit-property", unplannedProperties: "omit", track: { E: { properties } } };
        const check = planChecker(plan(definition));
        const verdict = check(track("E", { ...given, extra: extra ?? null }));
        if ("event" in verdict) expect(check(verdict.event).kind).toBe("accepted");
      }),
      { seed, numRuns: 300 },
    );
  });
});
