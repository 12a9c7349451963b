import * as fc from "fast-check";
import { z } from "zod";
import {
  Breakage,
  compileSchema,
  Drift,
  diffPlans,
  type JsonSchema,
  type PlanChange,
  planChecker,
  planTypes,
  refusals,
} from "../src";
import { anySchemas, objects, plan, schemas, seed, track, values, valuesOf } from "./plan-support";

const paid = (properties: unknown, settings: object = {}, rule: object = {}) =>
  plan({ track: { Paid: { properties, ...rule } }, ...settings });
const told = (changes: readonly PlanChange[]) =>
  changes.map(({ kind, event, path, rule, before, after }) => `${kind}: ${event} ${path} ${rule} ${before} → ${after}`);
const of = (before: z.ZodType, after: z.ZodType) =>
  told(diffPlans(paid(z.object({ p: before })), paid(z.object({ p: after }))));

describe("widening passes", () => {
  test.each<[string, z.ZodType, z.ZodType]>([
    ["integer to number", z.int(), z.number()],
    ["number to number or text", z.number(), z.union([z.number(), z.string()])],
    ["one more word", z.enum(["a", "b"]), z.enum(["a", "b", "c"])],
    ["words to text", z.enum(["a", "b"]), z.string()],
    ["a literal to its type", z.literal(3), z.int()],
    ["a bound that is laxer", z.number().min(2).max(5), z.number().gt(1).max(6)],
    ["a shorter text", z.string().min(3), z.string().min(1)],
    ["required to optional", z.string(), z.string().optional()],
    ["nullable", z.string(), z.string().nullable()],
    ["inside a list", z.array(z.object({ a: z.int() })), z.array(z.object({ a: z.number() }))],
    ["a strict object opened", z.strictObject({ a: z.int() }), z.object({ a: z.int() })],
    [
      "a strict object with one more",
      z.strictObject({ a: z.int() }),
      z.strictObject({ a: z.int(), b: z.int().optional() }),
    ],
    ["a pattern dropped", z.string().regex(/^a/), z.string()],
  ])("%s", (_, before, after) => {
    expect(diffPlans(paid(z.object({ p: before })), paid(z.object({ p: after }))).map(({ kind }) => kind)).toEqual(
      expect.arrayContaining(["widening"]),
    );
    expect(of(before, after).filter((line) => !line.startsWith("widening"))).toEqual([]);
    expect(of(after, before).filter((line) => line.startsWith("narrowing"))).not.toEqual([]);
  });
});

describe("narrowing is named", () => {
  test.each<[string, z.ZodType, z.ZodType, string]>([
    ["number to integer", z.number(), z.number().multipleOf(1), "properties.p multipleOf free → 1"],
    ["number to text", z.number(), z.string(), "properties.p type number → string"],
    ["a word less", z.enum(["a", "b"]), z.enum(["a"]), 'properties.p enum ["a","b"] → without ["b"]'],
    ["optional to required", z.string().optional(), z.string(), "properties.p required optional → required"],
    ["another pattern", z.string().regex(/^a/), z.string().regex(/^b/), "properties.p pattern ^a → ^b"],
    ["in a list", z.array(z.number()), z.array(z.boolean()), "properties.p[] type number → boolean"],
    ["closed", z.object({ a: z.int() }), z.strictObject({ a: z.int() }), "properties.p.* false planned → ruled out"],
  ])("%s", (_, before, after, line) => {
    expect(of(before, after)).toContain(`narrowing: track "Paid" ${line}`);
  });

  test("of a whole plan", () => {
    const before = plan({
      track: { Paid: { properties: z.object({ a: z.int() }) }, Seen: {} },
      onViolation: "forward-with-flag",
    });
    const after = plan({
      track: { Paid: { properties: z.object({}) } },
      unplannedEvents: "quarantine",
      unplannedProperties: "omit",
    });
    expect(told(diffPlans(before, after))).toEqual([
      'narrowing: track "Paid" properties.a unplanned-property planned → unplanned',
      'narrowing: track "Paid"  onViolation forward-with-flag → quarantine',
      'narrowing: track "Paid"  unplannedProperties allow → omit',
      'widening: track "Paid" properties.a required required → optional',
      'widening: track "Paid" properties.a type integer → any',
      'narrowing: track "Seen"  unplannedEvents planned → unplanned: quarantine',
      "narrowing: track (any other)  unplannedEvents allow → unplanned: quarantine",
    ]);
  });
});

test("what was free and is now named constrains: it breaks no event that the old plan described", () => {
  const before = paid(z.object({ a: z.int() }));
  const after = plan({
    track: {
      Paid: { properties: z.object({ a: z.int(), b: z.string().optional() }) },
      New: { properties: z.object({ c: z.int() }) },
    },
  });
  expect(told(diffPlans(before, after))).toEqual([
    'constraining: track "Paid" properties.b type any → string',
    'constraining: track "New" properties.c required optional → required',
    'constraining: track "New" properties.c type any → integer',
  ]);
  expect(diffPlans(after, after)).toEqual([]);
});

/** A schema with a few of its words changed: near enough to be wider or narrower. */
const near = (schema: JsonSchema): fc.Arbitrary<JsonSchema> =>
  fc.infiniteStream(fc.integer({ min: 0, max: 11 })).map((stream) => {
    const dice = stream[Symbol.iterator]();
    const change = (value: unknown, key: string): unknown => {
      const roll = dice.next().value as number;
      if (roll === 0 && key !== "type" && key !== "properties") return undefined;
      if (roll === 1 && typeof value === "number") return value + 1;
      if (roll === 2 && typeof value === "number" && key !== "multipleOf")
        return Math.max(value - 1, key.startsWith("m") ? 0 : -9);
      if (roll === 3 && value === "integer") return "number";
      if (roll === 4 && value === "number") return "integer";
      if (roll === 5 && typeof value === "object" && value !== null && "type" in value)
        return { anyOf: [value, { type: "null" }] };
      if (roll === 6 && Array.isArray(value) && value.length > 1) return value.slice(1);
      if (Array.isArray(value)) return value.map((member) => change(member, "") ?? member);
      if (typeof value === "object" && value !== null)
        return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, change(member, name)]));
      return value;
    };
    const changed = Object.entries(schema).map(([name, member]) => [name, change(member, name)]);
    return JSON.parse(JSON.stringify(Object.fromEntries(changed))) as JsonSchema;
  });

test("what is not told as refused is taken: everything valid under the old schema is valid under the new", () => {
  let wider = 0;
  let differ = 0;
  fc.assert(
    fc.property(
      anySchemas.chain((old) =>
        fc.tuple(
          fc.constant(old),
          near(old),
          fc.array(fc.oneof(valuesOf(old), values), { minLength: 16, maxLength: 16 }),
        ),
      ),
      ([old, next, sample]) => {
        const all = refusals(old, next, "", { closed: false });
        if (all.length > 0) return;
        wider += 1;
        if (JSON.stringify(old) !== JSON.stringify(next)) differ += 1;
        const [before, after] = [compileSchema(old), compileSchema(next)];
        for (const value of sample) {
          if (before(value).length === 0 && after(value).length > 0)
            throw new Error(JSON.stringify({ old, next, value }));
        }
      },
    ),
    { seed, numRuns: 3000 },
  );
  expect(wider).toBeGreaterThan(300);
  expect(differ).toBeGreaterThan(150);
});

test("a plan is as wide as itself", () => {
  fc.assert(
    fc.property(schemas, (schema) => {
      expect(refusals(schema, structuredClone(schema), "", { closed: false })).toEqual([]);
    }),
    { seed, numRuns: 300 },
  );
});

describe("drift", () => {
  const shop = plan({
    track: {
      "Order Completed": {
        properties: z.object({ order_id: z.string(), products: z.array(z.object({ price: z.number() })).optional() }),
      },
      "Order Refunded": {},
    },
  });

  test("counts by event, field and rule, with lines and a suggestion", () => {
    const drift = new Drift(shop);
    drift.add(track("Order Completed", { order_id: "1" }), "a.jsonl:1");
    drift.add(track("Order Completed", { orderId: "2", products: [{ price: "1" }, { price: null }] }), "a.jsonl:2");
    drift.add(track("Order completed", {}), "a.jsonl:3");
    expect(drift.report()).toEqual({
      events: 3,
      outcomes: { accepted: 2, flagged: 0, omitted: 0, quarantined: 1, dropped: 0 },
      planned: [
        { event: 'track "Order Completed"', seen: 2, violating: 1 },
        { event: 'track "Order Refunded"', seen: 0, violating: 0 },
      ],
      violations: [
        {
          ...{ event: 'track "Order Completed"', field: "properties.order_id", rule: "required" },
          ...{ description: "is required", found: { nothing: 1 }, events: 1, lines: ["a.jsonl:2"] },
        },
        {
          ...{ event: 'track "Order Completed"', field: "properties.products[].price", rule: "type" },
          ...{ description: "must be number", found: { string: 1, null: 1 }, events: 1, lines: ["a.jsonl:2"] },
        },
      ],
      unplannedEvents: [
        expect.objectContaining({ event: 'track "Order completed"', suggestion: 'did you mean "Order Completed"?' }),
      ],
      unplannedProperties: [
        expect.objectContaining({ field: "properties.orderId", suggestion: 'did you mean "order_id"?' }),
      ],
    });
  });

  test("the events of a sample that a narrower plan would break", () => {
    const breakage = new Breakage(paid(z.object({ total: z.number() })), paid(z.object({ total: z.int() })));
    for (const [index, total] of [1, 1.5, "2"].entries()) breakage.add(track("Paid", { total }), `${index + 1}`);
    expect([breakage.events, breakage.broken]).toEqual([3, 1]);
    expect(breakage.findings()).toMatchObject([{ field: "properties.total", lines: ["2"], events: 1 }]);
  });
});

test("a plan without narrowing or constraining changes takes every event that it took", () => {
  let checked = 0;
  fc.assert(
    fc.property(
      schemas.chain((old) =>
        fc.tuple(
          fc.constant(old),
          near(old),
          fc.array(fc.oneof(valuesOf(old), objects), { minLength: 8, maxLength: 8 }),
        ),
      ),
      fc.constantFrom("allow", "omit", "quarantine"),
      fc.constantFrom("allow", "omit", "quarantine"),
      ([old, next, sample], a, b) => {
        const [before, after] = [paid(old, { unplannedProperties: a }), paid(next, { unplannedProperties: b })];
        if (diffPlans(before, after).some(({ kind }) => kind !== "widening")) return;
        const [was, is] = [planChecker(before), planChecker(after)];
        for (const value of sample) {
          const event = track("Paid", value as object);
          if (was(event).kind !== "accepted") continue;
          checked += 1;
          if (is(event).kind !== "accepted") throw new Error(JSON.stringify({ old, next, a, b, value }));
        }
      },
    ),
    { seed, numRuns: 2000 },
  );
  expect(checked).toBeGreaterThan(500);
});

test("types for producers", () => {
  const types = planTypes(
    plan({
      track: {
        "Order Completed": {
          description: "Paid for.",
          properties: z.object({ order_id: z.string(), tags: z.array(z.enum(["a", "b"])).optional() }),
        },
      },
      identify: { traits: z.object({ email: z.email().nullable() }) },
    }),
  );
  expect(types).toContain(`export interface TrackEvents {
  /** Paid for. */
  "Order Completed": {
    order_id: string;
    tags?: readonly ("a" | "b")[];
  };
}`);
  expect(types).toContain("export type IdentifyTraits = {\n  email: string | null;\n};");
});
