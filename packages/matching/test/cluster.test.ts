import * as fc from "fast-check";
import { clusterComponent, groupLinks, type LocalLink } from "../src/cluster/constrained";
import type { Constraints } from "../src/cluster/constraints";
import { UnionFind } from "../src/cluster/union-find";
import { contradicts } from "../src/cluster/vetoes";

const free: Constraints = { maxSize: 1_000, limits: [], vetoes: [], apart: new Map() };
const link = (a: number, b: number, tier = 0, weight = 0): LocalLink => ({ a, b, tier, weight });
const rows = (count: number) => Int32Array.from({ length: count }, (_, index) => index);
const roots = (count: number, links: readonly LocalLink[], constraints: Partial<Constraints>) => [
  ...clusterComponent(rows(count), links, { ...free, ...constraints }).root,
];

describe("clustering under constraints", () => {
  test("a union that would make a cluster too large is refused, later smaller ones are not", () => {
    expect(roots(4, [link(0, 1), link(1, 2), link(2, 3)], { maxSize: 2 })).toEqual([0, 0, 2, 2]);
  });

  test("a limit counts distinct values, and what is not known counts nothing", () => {
    const email = [[1], [1], [], [2]];
    const limits = [{ name: "email", limit: 1, values: (row: number) => email[row] ?? [] }];
    const found = clusterComponent(rows(4), [link(0, 1), link(1, 2), link(2, 3)], { ...free, limits });
    expect([...found.root]).toEqual([0, 0, 0, 3]);
    expect(found.cut).toEqual([{ ...link(2, 3), reason: "more than 1 values of email" }]);
  });

  test("a veto looks at all pairs of the two clusters, not at the pair that is linked", () => {
    // 2 has no birthday and would carry 3 over to 0 and 1.
    const birthday = [1, 1, -1, 2];
    const vetoes = [{ name: "dob", above: 0.5, value: (row: number) => birthday[row] as number, conflict: () => true }];
    expect(roots(4, [link(0, 1), link(1, 2), link(2, 3)], { vetoes })).toEqual([0, 0, 0, 3]);
    // Half of the pairs differ, and half is not more than half.
    const half = [1, 2, 1, 1];
    const mild = [{ name: "dob", above: 0.5, value: (row: number) => half[row] as number, conflict: () => true }];
    expect(roots(4, [link(0, 2), link(1, 3, -1), link(0, 1)], { vetoes: mild })).toEqual([0, 0, 0, 0]);
  });

  test("two that are declared apart stay so however they are linked; a must-link holds", () => {
    const apart = new Map([
      [0, [2]],
      [2, [0]],
    ]);
    expect(roots(3, [link(0, 1), link(1, 2)], { apart })).toEqual([0, 0, 2]);
    expect(roots(3, [link(1, 2, -1), link(0, 1)], { apart, maxSize: 2 })).toEqual([0, 1, 1]);
  });

  test("all pairs of a group are tried, so that one misfit does not part the others", () => {
    const birthday = [9, 1, 1];
    const vetoes = [{ name: "dob", above: 0.5, value: (row: number) => birthday[row] as number, conflict: () => true }];
    expect(roots(3, [...groupLinks([[2, 0, 1]], 3, 0)], { vetoes })).toEqual([0, 1, 1]);
  });

  test("without constraints it is the union-find, and every cluster keeps to the constraints", () => {
    const pair = fc.tuple(fc.nat(11), fc.nat(11)).filter(([a, b]) => a !== b);
    fc.assert(
      fc.property(
        fc.array(pair, { maxLength: 30 }),
        fc.array(fc.nat(3), { minLength: 12, maxLength: 12 }),
        (pairs, values) => {
          const links = pairs.map(([a, b]) => link(Math.min(a, b), Math.max(a, b)));
          const sets = new UnionFind(12);
          for (const { a, b } of links) sets.unite(a, b);
          expect(roots(12, links, {})).toEqual([...rows(12)].map((row) => sets.find(row)));

          const limits = [{ name: "v", limit: 2, values: (row: number) => [values[row] as number] }];
          const found = roots(12, links, { limits, maxSize: 5 });
          for (const root of new Set(found)) {
            const members = found.flatMap((at, row) => (at === root ? [row] : []));
            expect(members.length).toBeLessThanOrEqual(5);
            expect(new Set(members.map((row) => values[row])).size).toBeLessThanOrEqual(2);
          }
        },
      ),
      { seed: 4, numRuns: 300 },
    );
  });
});

test.each([
  ["DATE", "1980-01-02", "1980-01-03", false],
  ["DATE", "1980-01-02", "1980-02-01", false],
  ["DATE", "1980-01-02", "1981-03-02", true],
  ["NAME_FIRST", "jo", "joanna", false],
  ["NAME_FIRST", "steven", "stephen", false],
  ["NAME_FIRST", "anna", "peter", true],
  ["PROVIDER_ID", "1", "2", true],
] as const)("%s %s against %s: contradicts %s", (type, a, b, expected) => {
  expect(contradicts(type, a, b)).toBe(expected);
  expect(contradicts(type, b, a)).toBe(expected);
});
