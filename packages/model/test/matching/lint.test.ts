import fc from "fast-check";
import {
  alternativesOf,
  type LintStatistics,
  lint,
  type MatchRecord,
  type MatchRulesInput,
  matchingSchema,
  matchOne,
  parseCondition,
} from "../../src";
import { implies } from "../../src/matching/implies";

const attributes: MatchRulesInput["attributes"] = [
  { column: "name", type: "NAME", matchKey: "name" },
  { column: "email", type: "EMAIL_ADDRESS", matchKey: "email" },
  { column: "phone", type: "PHONE", matchKey: "phone" },
  { column: "born", type: "DATE", matchKey: "born" },
  { column: "zip", type: "ADDRESS_POSTALCODE", matchKey: "zip" },
];
const waterfall = "aws-waterfall" as const;

function codes(
  conditions: Record<string, string>,
  { mode, statistics }: { mode?: MatchRulesInput["mode"]; statistics?: LintStatistics } = {},
): string[] {
  const rules = Object.entries(conditions).map(([name, condition]) => ({ name, condition }));
  const found = lint(matchingSchema.parse({ attributes, rules, mode }), statistics);
  for (const { why, remedy } of found) expect([why, remedy].every((text) => text.length > 10)).toBe(true);
  return found.map(({ rule, code }) => `${rule}: ${code}`);
}

describe("lint names dangerous rules", () => {
  test("nothing to say of sound rules", () => {
    expect(
      codes(
        { a: "Exact(email) AND Levenshtein(name, 2)", b: "Exact(phone) AND Exact(born)", c: "Exact(email)" },
        { mode: waterfall },
      ),
    ).toEqual([]);
  });

  test.each([
    ["Levenshtein(name, 1)", ["r: fuzzy-without-exact", "r: low-entropy"]],
    ["Soundex(email)", ["r: fuzzy-without-exact"]],
    ["Exact(email) OR Cosine(name, 10) AND Soundex(email)", ["r: fuzzy-without-exact"]],
    ["Exact(email, EmptyValues=Process)", ["r: empty-values-process"]],
    ["Exact(name)", ["r: low-entropy"]],
    ["Exact(born)", ["r: low-entropy"]],
    ["Exact(zip)", ["r: low-entropy"]],
    ["Exact(name) AND Soundex(name)", ["r: low-entropy"]],
    ["Exact(email) OR Exact(name)", ["r: low-entropy"]],
    ["Exact(name) AND Exact(born)", []],
    ["Exact(email) AND Exact(phone, EmptyValues=Ignore)", []],
  ])("%s", (condition, expected) => {
    expect(codes({ r: condition })).toEqual(expected);
  });

  test.each([
    // AWS's own example: Rule 1 is name and address, Rule 2 those and the phone; Rule 2 finds nothing (glossary).
    ["Exact(email)", "Exact(email) AND Exact(phone)", true],
    ["Exact(email) AND Levenshtein(name, 3)", "Exact(email) AND Levenshtein(name, 2)", true],
    ["Exact(email) AND Soundex(name)", "Exact(email) AND Exact(name)", true],
    ["ExactManyToMany(email, phone)", "Exact(email) AND Exact(born)", true],
    ["Exact(email) OR Exact(phone)", "Exact(phone) AND Exact(born)", true],
    ["Exact(email) AND Exact(phone)", "Exact(email)", false],
    ["Exact(email)", "Exact(email, EmptyValues=Process)", false],
    ["Exact(email)", "Exact(email) OR Exact(phone)", false],
    ["Exact(email) AND Levenshtein(name, 2)", "Exact(email) AND Cosine(name, 2)", false],
  ])("%s before %s", (earlier, later, nothing) => {
    const found = codes({ earlier, later }, { mode: waterfall });
    expect(found.includes("later: finds-nothing-new")).toBe(nothing);
    expect(found.includes("earlier: general-before-specific")).toBe(nothing);
    // Order says nothing where the closure is taken, a rule that adds nothing still does.
    const closed = codes({ earlier, later });
    expect(closed.includes("later: finds-nothing-new")).toBe(nothing);
    expect(closed).not.toContain("earlier: general-before-specific");
  });

  const block = (records: number, blocks: number, largest = 10) => ({ records, blocks, largest });
  test.each<[string, LintStatistics[string], string[]]>([
    ["an identifier keeps its blocks", [block(10_000, 5_000), block(100_000, 48_000)], []],
    ["names repeat", [block(10_000, 2_000), block(100_000, 6_000)], ["r: blocks-grow"]],
    ["in any order", [block(100_000, 6_000), block(10_000, 2_000)], ["r: blocks-grow"]],
    ["sizes too near to tell", [block(10_000, 2_000), block(12_000, 2_001)], []],
    ["one size tells no growth", [block(10_000, 2_000)], []],
    ["but blocks larger than people are", [block(10_000, 200, 90)], ["r: blocks-grow"]],
    ["few large blocks among many small", [{ ...block(10_000, 8_000, 400), pairs: 140_000 }], ["r: blocks-grow"]],
    ["one shared value among many people", [{ ...block(10_000, 4_000, 300), pairs: 55_000 }], []],
    ["people with several records each", [block(10_000, 8_000), block(100_000, 25_000)], []],
    ["a value that everyone has", [block(10_000, 9_000, 700)], ["r: large-block"]],
    ["an empty sample", [block(0, 0, 0), block(10, 10, 1)], []],
  ])("statistics: %s", (_, given, expected) => {
    expect(codes({ r: "Exact(email)" }, { statistics: { r: given } })).toEqual(expected);
  });

  test("more simple rules than the console takes", () => {
    const rules = Array.from({ length: 16 }, (_, index) => ({ name: `r${index}`, matchKeys: ["email"] }));
    const found = lint(matchingSchema.parse({ attributes, rules }));
    expect(found.filter(({ code }) => code === "many-simple-rules").map(({ rule }) => rule)).toEqual(["r15"]);
  });

  test("a rule that is said to imply another never links a pair that the other does not", () => {
    const functions = [
      ...["Exact(a)", "Exact(b)", "Exact(a, EmptyValues=Process)", "Exact(a, EmptyValues=Ignore)"],
      ...["ExactManyToMany(a, b)", "ExactManyToMany(a, b, c)", "Levenshtein(a, 0)", "Levenshtein(a, 1)"],
      ...["Levenshtein(b, 2)", "Soundex(a)", "Cosine(a, 20)", "Cosine(a, 60)"],
    ];
    const condition = fc
      .array(fc.uniqueArray(fc.constantFrom(...functions), { minLength: 1, maxLength: 3 }), {
        minLength: 1,
        maxLength: 2,
      })
      .map((alternatives) => alternatives.map((all) => `(${all.join(" AND ")})`).join(" OR "));
    const value = fc.constantFrom("", "ann", "anne", "bob", "a1");
    const record = fc.record({ a: value, b: value, c: value });
    const asRecord = (id: string, values: Record<string, string>): MatchRecord => ({
      id,
      keys: Object.fromEntries(Object.entries(values).map(([key, text]) => [key, [{ field: key, value: text }]])),
    });
    let implied = 0;
    fc.assert(
      fc.property(condition, condition, fc.array(record, { minLength: 6, maxLength: 6 }), (strong, weak, rows) => {
        const [left, right] = [strong, weak].map((text) => alternativesOf(parseCondition(text)));
        if (!left || !right || !implies(left, right)) return;
        implied++;
        const [first, ...others] = rows.map((values, index) => asRecord(String(index), values));
        if (!first) return;
        const found = (text: string) =>
          matchOne(first, others, { rules: [{ name: "r", condition: text }], comparison: "ONE_TO_ONE" })?.ids ?? [];
        expect(found(weak)).toEqual(expect.arrayContaining([...found(strong)]));
      }),
      { numRuns: 3_000, seed: 17 },
    );
    expect(implied).toBeGreaterThan(100);
  });
});
