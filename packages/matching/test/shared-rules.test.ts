import { setTimeout } from "node:timers/promises";
import { matchingSchema } from "@tributary/model";
import * as fc from "fast-check";
import { UnionFind } from "../src/cluster/union-find";
import type { ValueColumn } from "../src/rules/columns";
import { encode } from "../src/rules/encode";
import { runShared } from "../src/rules/parallel";
import { planRules } from "../src/rules/plan";
import { RuleRunner, type RunnerInput } from "../src/rules/run";
import { Threads } from "../src/rules/threads";
import { type ComparedValue, valuesByKey } from "../src/rules/values";

const keys = ["email", "first", "dob"] as const;
const types = { email: "EMAIL_ADDRESS", first: "NAME_FIRST", dob: "DATE" } as const;
const rules = matchingSchema.parse({
  attributes: keys.map((key) => ({ column: key, type: types[key], matchKey: key })),
  rules: [
    { name: "email and first", condition: "Exact(email) AND Exact(first)" },
    { name: "first and birthday", condition: "Exact(first) AND Exact(dob)" },
    { name: "any of two", condition: "Exact(email) OR (Exact(first) AND Exact(dob))" },
    { name: "email and birthday", condition: "Exact(email) AND Exact(dob)" },
  ],
});
const values = rules.attributes.map(
  (attribute): ComparedValue => ({
    name: attribute.column,
    type: attribute.type,
    matchKey: attribute.matchKey,
    identifier: undefined,
    raw: attribute.column,
    attribute,
    members: [attribute],
    columns: [attribute.column],
  }),
);

/** Values of 0 are not known. */
function column(numbers: readonly number[]): ValueColumn {
  const [low, high] = [0, 1].map(() => new Int32Array(new SharedArrayBuffer(numbers.length * 4))) as [
    Int32Array,
    Int32Array,
  ];
  for (const [row, number] of numbers.entries()) {
    low[row] = Math.imul(number, 0x9e3779b1);
    high[row] = Math.imul(number, 0x85ebca6b);
  }
  const known = numbers.filter((number) => number !== 0).length;
  return encode([{ low, high, known }])[0] as ValueColumn;
}

const skewed = (most: number) => fc.oneof(fc.integer({ min: 0, max: most }), fc.integer({ min: 0, max: 2 }));
const record = fc.tuple(skewed(60), skewed(20), skewed(40));

const threads = new Threads();
beforeAll(() => threads.start(2));
afterAll(() => threads.end());

test("two threads find what one finds", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(record, { minLength: 300, maxLength: 900 }), fc.boolean(), async (records, guarded) => {
      const input = (): RunnerInput => ({
        session: undefined as never,
        planned: planRules(rules, valuesByKey(values)),
        values,
        forms: values.map(({ raw }) => raw),
        columns: keys.map((_, index) => column(records.map((given) => given[index] as number))),
        records: records.length,
        comparison: "MANY_TO_MANY",
        guarded,
      });
      const alone = new UnionFind(records.length);
      const one = new RuleRunner(input());
      const expected = [];
      for (let tier = 0; tier < rules.rules.length; tier++) expected.push(await one.run(tier, alone, undefined));
      const together = new UnionFind(records.length);
      const shared = input();
      const next = new Int32Array(new SharedArrayBuffer(4));
      const patient = new RuleRunner(shared);
      const run = patient.run.bind(patient);
      // This thread waits with its first rule until the other has taken some too.
      patient.run = async (...given) => {
        while (Atomics.load(next, 0) < 2) await setTimeout(5);
        return run(...given);
      };
      const found = await runShared(patient, shared, together, threads, next);
      expect(found).toEqual(expected);
      const roots = (sets: UnionFind) => records.map((_, row) => sets.find(row));
      expect(roots(together)).toEqual(roots(alone));
    }),
    { seed: 7, numRuns: 3, endOnFailure: true },
  );
}, 60_000);
