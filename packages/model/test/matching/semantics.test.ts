import fc from "fast-check";
import {
  blockStatistics,
  type Condition,
  conditionOfKeys,
  cosineDistance,
  levenshtein,
  type Matched,
  MatchingBoundError,
  type MatchingSemantics,
  type MatchRecord,
  matchOne,
  matchRecords,
  parseCondition,
  recordReader,
  soundex,
} from "../../src";
import { grammarCases } from "./grammar.cases";
import { normaliseCases } from "./normalise.cases";
import { type SemanticsCase, semanticsCases, type Values } from "./semantics.cases";

function record(id: string, values: Values): MatchRecord {
  const keys = Object.entries(values).map(([key, fields]) => [
    key,
    fields.split("|").map((value, index) => ({ field: `${key}${index}`, value: value === "_" ? "" : value })),
  ]);
  return { id, keys: Object.fromEntries(keys) as MatchRecord["keys"] };
}

const rulesOf = (rules: readonly string[]): MatchingSemantics["rules"] =>
  rules.map((rule, index) => ({
    name: `r${index + 1}`,
    ...(rule.includes("(") ? { condition: rule } : { matchKeys: rule.split("+") }),
  })) as MatchingSemantics["rules"];

const semanticsOf = ({ mode, comparison = "MANY_TO_MANY", rules }: Omit<SemanticsCase, "records">) => ({
  mode,
  comparison,
  rules: rulesOf(rules),
});

function groupsOf(matched: readonly Matched[]): Matched[][] {
  const groups = new Map<number, Matched[]>();
  for (const given of matched) groups.set(given.group, [...(groups.get(given.group) ?? []), given]);
  return [...groups.entries()].sort(([a], [b]) => a - b).map(([, members]) => members);
}

function shown(members: readonly Matched[]): string {
  const lead = members[0]?.rule;
  return `${lead}: ${members.map(({ id, rule }) => (rule === lead ? id : `${id}(${rule})`)).join(" ")}`;
}

describe("semantics of Entity Resolution", () => {
  test.each(semanticsCases.map((given) => [given.source, given.mode, given.name, given] as const))(
    "%s: %s: %s",
    (_source, _mode, _name, given) => {
      const records = Object.entries(given.records).map(([id, values]) => record(id, values));
      expect(groupsOf(matchRecords(records, semanticsOf(given))).map(shown)).toEqual(given.gives);
    },
  );

  test("there are at least 200 golden cases, and what AWS leaves open is marked", () => {
    const all = [...grammarCases, ...normaliseCases, ...semanticsCases];
    expect(all.length).toBeGreaterThanOrEqual(200);
    const open = all.filter(({ source }) => source === "undocumented").length;
    expect(open).toBeGreaterThan(0);
    expect(all.length - open).toBeGreaterThanOrEqual(150);
  });
});

/** The same by pairs: every pair of records is judged by the condition itself, sets grow until nothing changes. */
function naive(records: readonly MatchRecord[], { rules, mode, comparison }: MatchingSemantics): string[] {
  const filled = (given: MatchRecord, key: string) => (given.keys[key] ?? []).filter(({ value }) => value !== "");
  const holds = (condition: Condition, a: MatchRecord, b: MatchRecord): boolean => {
    const some = (key: string, test: (x: string, y: string) => boolean, all = false) =>
      (all ? (a.keys[key] ?? []) : filled(a, key)).some((x) =>
        (all ? (b.keys[key] ?? []) : filled(b, key)).some(
          (y) => (comparison === "MANY_TO_MANY" || x.field === y.field) && test(x.value, y.value),
        ),
      );
    switch (condition.kind) {
      case "and":
        return condition.operands.every((operand) => holds(operand, a, b));
      case "or":
        return condition.operands.some((operand) => holds(operand, a, b));
      case "exact":
        return some(condition.key, (x, y) => x === y, condition.emptyValues === "Process");
      case "exactManyToMany": {
        const values = (given: MatchRecord) => condition.keys.flatMap((key) => filled(given, key).map((x) => x.value));
        return values(a).some((value) => values(b).includes(value));
      }
      case "levenshtein":
        return some(condition.key, (x, y) => levenshtein(x, y) <= condition.threshold);
      case "cosine":
        return some(condition.key, (x, y) => cosineDistance(x, y) <= condition.threshold);
      case "soundex":
        return some(condition.key, (x, y) => soundex(x) !== "" && soundex(x) === soundex(y));
    }
  };
  const conditions = rules.map((rule) =>
    "matchKeys" in rule ? conditionOfKeys(rule.matchKeys) : parseCondition(rule.condition),
  );
  const components = (among: number[], linked: (a: number, b: number) => boolean) => {
    const left = new Set(among);
    const sets: number[][] = [];
    for (const start of among) {
      if (!left.delete(start)) continue;
      const set = [start];
      for (const at of set) {
        for (const other of [...left]) if (linked(at, other) && left.delete(other)) set.push(other);
      }
      sets.push(set.sort((x, y) => x - y));
    }
    return sets.filter((set) => set.length > 1);
  };
  const link = (rule: number) => (a: number, b: number) =>
    holds(conditions[rule] as Condition, records[a] as MatchRecord, records[b] as MatchRecord);
  const all = records.map((_, index) => index);
  const found = new Map<number, { id: number; level: number }>();
  let ids = 0;
  if (mode === "closure") {
    for (const set of components(all, (a, b) => conditions.some((_, rule) => link(rule)(a, b)))) {
      for (const member of set) found.set(member, { id: ids, level: 0 });
      ids++;
    }
  } else {
    conditions.forEach((_, level) => {
      const among = mode === "aws-waterfall" ? all.filter((index) => !found.has(index)) : all;
      const earlier = new Map(found);
      for (const set of components(among, link(level))) {
        const candidates = set.flatMap((index) => earlier.get(index) ?? []);
        candidates.sort((a, b) => a.level - b.level || a.id - b.id);
        const id = candidates[0]?.id ?? ids++;
        for (const index of set) if (!found.has(index)) found.set(index, { id, level });
      }
    });
  }
  const sets = new Map<number, string[]>();
  for (const index of all) {
    const given = found.get(index);
    if (given) sets.set(given.id, [...(sets.get(given.id) ?? []), (records[index] as MatchRecord).id]);
  }
  return [...sets.values()].map((set) => set.join(" ")).sort();
}

describe("the engine in memory", () => {
  const value = fc.constantFrom("", "", "a", "b", "ab", "abc", "robert", "rupert");
  const records = fc
    .array(fc.record({ email: value, phone: fc.tuple(value, value), name: value }), { maxLength: 12 })
    .map((rows) =>
      rows.map(({ email, phone, name }, index): MatchRecord => {
        const phones = phone.map((number, place) => ({ field: `p${place}`, value: number }));
        const one = (field: string, given: string) => [{ field, value: given }];
        return { id: `n${index}`, keys: { email: one("email", email), phone: phones, name: one("name", name) } };
      }),
    );
  const conditions = fc.constantFrom(
    "email",
    "phone",
    "email+phone",
    "Exact(email)",
    "Exact(name, EmptyValues=Process) AND Exact(email)",
    "ExactManyToMany(email, name)",
    "Exact(email) AND Levenshtein(name, 1)",
    "Exact(phone) AND (Soundex(name) OR Cosine(email, 50))",
    "(Exact(email) OR Exact(name)) AND Levenshtein(phone)",
    "Exact(email) AND Exact(phone) OR Exact(name)",
  );
  const semantics = fc.record({
    mode: fc.constantFrom("closure" as const, "aws-waterfall" as const, "aws-transitive" as const),
    comparison: fc.constantFrom("ONE_TO_ONE" as const, "MANY_TO_MANY" as const),
    rules: fc.array(conditions, { minLength: 1, maxLength: 4 }).map(rulesOf),
  });

  test("groups as a search over all pairs does", () => {
    fc.assert(
      fc.property(records, semantics, (given, how) => {
        const sets = groupsOf(matchRecords(given, how)).map((members) => members.map(({ id }) => id).join(" "));
        expect(sets.sort()).toEqual(naive(given, how));
      }),
      { numRuns: 600, seed: 21 },
    );
  });

  test("one record finds what all of the first rule that finds any match", () => {
    fc.assert(
      fc.property(records, semantics, ([probe, ...others], how) => {
        if (!probe) return;
        const found = matchOne(probe, others, how);
        const byRule = how.rules.map((rule) => {
          const alone = { ...how, rules: [rule] };
          return others.filter((other) => matchRecords([probe, other], alone).length > 0).map(({ id }) => id);
        });
        const first = byRule.findIndex(({ length }) => length > 0);
        expect(found).toEqual(first < 0 ? undefined : { rule: how.rules[first]?.name, ids: byRule[first] });
      }),
      { numRuns: 200, seed: 4 },
    );
  });

  test("the blocks of rules, for the lint", () => {
    const rows = Array.from({ length: 60 }, (_, index) =>
      record(`n${index}`, { zip: String(index % 3), email: `x${index}`, name: index === 0 ? "" : "n" }),
    );
    const rules = rulesOf(["Exact(zip) AND Soundex(name)", "Exact(email) OR Exact(name)", "Soundex(name)"]);
    const statistics = blockStatistics(rows, { rules, comparison: "MANY_TO_MANY" });
    expect(statistics).toEqual({
      r1: [{ records: 60, blocks: 3, largest: 20, pairs: 570 }],
      r2: [{ records: 59, blocks: 1, largest: 59, pairs: 1_711 }],
      r3: [],
    });
  });

  test("a fuzzy rule over a block that is too large is refused, with what to do", () => {
    const many = Array.from({ length: 10_100 }, (_, index) => record(`n${index}`, { zip: "1", name: `x${index}` }));
    const how = { mode: "closure", rules: ["Exact(zip) AND Soundex(name)"] } as const;
    const refused = () => matchRecords(many, semanticsOf({ ...how, source: "advanced", name: "", gives: [] }));
    expect(refused).toThrow(MatchingBoundError);
    expect(refused).toThrow(/rule "r1" .* 10100 records\. AND an exact function/);
  });

  test("columns become values of match keys; the parts of a group are one value", () => {
    const seen: unknown[] = [];
    const read = recordReader(
      [
        { column: "id", type: "UNIQUE_ID" },
        { column: "last", type: "NAME_LAST", group: "full", matchKey: "name" },
        { column: "first", type: "NAME_FIRST", group: "full", matchKey: "name" },
        { column: "mobile", type: "PHONE", matchKey: "phone" },
        { column: "home", type: "PHONE", matchKey: "phone", hashed: true },
        { column: "land", type: "ADDRESS_COUNTRY" },
        { column: "note", type: "STRING" },
      ],
      (text, type, options) => {
        seen.push([text, type, options]);
        return text.toLowerCase();
      },
    );
    const row: Record<string, string> = { first: "John", last: "Smith", mobile: "1", home: "A", land: "US", note: "x" };
    expect(read("7", (column) => row[column] ?? "")).toEqual({
      id: "7",
      keys: {
        name: [{ field: "full", value: "john smith" }],
        phone: [
          { field: "mobile", value: "1" },
          { field: "home", value: "a" },
        ],
      },
    });
    expect(seen).toEqual([
      ["John Smith", "NAME", { grouped: true, hashed: false, country: "US" }],
      ["1", "PHONE", { grouped: false, hashed: false, country: "US" }],
      ["A", "PHONE", { grouped: false, hashed: true, country: "US" }],
    ]);
  });

  test.each([
    ["Robert", "R163"],
    ["Rupert", "R163"],
    ["Rubin", "R150"],
    ["Ashcraft", "A261"],
    ["Ashcroft", "A261"],
    ["Tymczak", "T522"],
    ["Pfister", "P236"],
    ["Honeyman", "H555"],
    ["Lee", "L000"],
    ["Müller", "M460"],
    ["", ""],
  ])("Soundex of %s", (name, code) => {
    expect(soundex(name)).toBe(code);
  });

  test("distances", () => {
    expect(levenshtein("kitten", "sitting")).toBe(3);
    expect(levenshtein("kitten", "sitting", 2)).toBeGreaterThan(2);
    expect(levenshtein("", "abc")).toBe(3);
    expect(cosineDistance("abc", "abc")).toBe(0);
    expect(cosineDistance("ab", "cd")).toBe(100);
    expect(cosineDistance("night", "nacht")).toBeCloseTo(75, 5);
  });
});
