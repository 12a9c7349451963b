import fc from "fast-check";
import { blocksOf } from "../src/probabilistic/blocks";
import { byContent } from "../src/probabilistic/encode";

const seed = Number(process.env.TRIBUTARY_SEED ?? 20261123);

test("blocks are the groups of two and more that agree on all keys", () => {
  const records = fc
    .tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 3 }))
    .chain(([few, many, some]) =>
      fc.record({
        // By key: so many kinds; -1 where a record has none. With few kinds groups grow larger than those looked at in pairs.
        kinds: fc.constant([many, few, few].slice(0, some)),
        rows: fc.array(fc.tuple(...[many, few, few].map((kinds) => fc.integer({ min: -1, max: kinds - 1 }))), {
          maxLength: 300,
        }),
        chosen: fc.option(fc.uniqueArray(fc.nat({ max: 299 })), { nil: undefined }),
      }),
    );
  fc.assert(
    fc.property(records, ({ kinds, rows, chosen }) => {
      const keys = kinds.map((size, at) => ({
        codes: Int32Array.from(rows, (row) => row[at] as number),
        hashes: new Int32Array(size),
        collision: at / 10,
      }));
      const some = chosen?.filter((at) => at < rows.length);
      const expected = new Map<string, number[]>();
      for (const at of some ?? rows.keys()) {
        const codes = (rows[at] as number[]).slice(0, kinds.length);
        const name = codes.join();
        if (!codes.includes(-1)) expected.set(name, [...(expected.get(name) ?? []), at]);
      }
      const groups = [...expected.values()].filter((group) => group.length > 1);
      const { members, starts, pairs, largest } = blocksOf(keys, some && Int32Array.from(some));
      const found = Array.from({ length: starts.length - 1 }, (_, at) => [
        ...members.subarray(starts[at], starts[at + 1]),
      ]);
      const sorted = (all: number[][]) => all.map((group) => group.sort((a, b) => a - b).join()).sort();
      expect(sorted(found)).toEqual(sorted(groups));
      expect(pairs).toBe(groups.reduce((sum, { length }) => sum + (length * (length - 1)) / 2, 0));
      expect(largest).toBe(Math.max(0, ...groups.map(({ length }) => length)));
    }),
    { seed, numRuns: 500 },
  );
});

test("records by content are sorted by it, about as many as wanted", () => {
  const content = fc.array(fc.oneof(fc.maxSafeNat(), fc.nat({ max: 5 })), { maxLength: 200 });
  fc.assert(
    fc.property(content, fc.integer({ min: 1, max: 250 }), (numbers, most) => {
      const order = Float64Array.from(numbers);
      const bound = order.length > most * 1.2 ? 2 ** 53 * (most / order.length) : Number.POSITIVE_INFINITY;
      const expected = [...order.keys()].filter((at) => (order[at] as number) < bound);
      expected.sort((a, b) => (order[a] as number) - (order[b] as number));
      expect([...byContent(order, most)]).toEqual(expected);
    }),
    { seed, numRuns: 500 },
  );
});
