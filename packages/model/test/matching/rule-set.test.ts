import fc from "fast-check";
import {
  defaultIdentityRules,
  defineRules,
  identityRulesSchema,
  type MatchRulesInput,
  matchingSchema,
  resolverRules,
  ruleSetSchema,
} from "../../src";

const attributes: MatchRulesInput["attributes"] = [
  { column: "id", type: "UNIQUE_ID" },
  { column: "first", type: "NAME_FIRST", group: "name", matchKey: "name" },
  { column: "last", type: "NAME_LAST", group: "name", matchKey: "name" },
  { column: "email", type: "EMAIL_ADDRESS", matchKey: "email" },
  { column: "mobile", type: "PHONE", matchKey: "phone" },
  { column: "born", type: "DATE", matchKey: "born" },
];

/** Faults as `path: message`. */
function faults(value: unknown, schema: { safeParse(value: unknown): unknown } = matchingSchema): string[] {
  const result = schema.safeParse(value) as {
    error?: { issues: readonly { path: readonly PropertyKey[]; message: string }[] };
  };
  return (result.error?.issues ?? []).map(({ path, message }) => `${path.join(".")}: ${message}`);
}

const rule = (name: string, condition: string) => ({ name, condition });

describe("faults of match rules", () => {
  test("rules without faults get their defaults", () => {
    const rules = matchingSchema.parse({ attributes, rules: [{ name: "email", matchKeys: ["email"] }] });
    expect(rules).toMatchObject({
      mode: "closure",
      comparison: "MANY_TO_MANY",
      normalisation: "tributary",
      constraints: { limits: [], veto: [], mustLink: [], cannotLink: [], maxSize: 500 },
    });
  });

  const cases: Record<string, [change: Partial<Record<keyof MatchRulesInput, unknown>>, ...expected: string[]]> = {
    "an unknown match key in a simple rule": [
      { rules: [{ name: "r", matchKeys: ["email", "emial"] }] },
      'rules.0.matchKeys.1: no column has match key "emial"; did you mean "email"?',
    ],
    "an unknown match key in a condition": [
      { rules: [rule("r", "Exact(email) AND Soundex(surname)")] },
      'rules.0.condition: no column has match key "surname"; there are "name", "email", "phone", "born"',
    ],
    "match keys are as written": [
      { rules: [rule("r", "Exact(Email)")] },
      'rules.0.condition: no column has match key "Email"; did you mean "email"?',
    ],
    "a condition that cannot be read": [
      { rules: [rule("r", "Exact(email) AND Levenstein(name)")] },
      'rules.0.condition: "Levenstein" is no matching function at character 18: write Levenshtein',
    ],
    "a condition with too many alternatives": [
      { rules: [rule("r", Array(9).fill("(Exact(email) OR Exact(phone))").join(" AND "))] },
      "rules.0.condition: the condition has 512 alternatives, at most 256 are allowed: split it into several rules",
    ],
    "rules of one name": [
      { rules: [rule("r", "Exact(email)"), rule("r", "Exact(phone)")] },
      'rules.1.name: "r" is already rules[0]: name them apart',
    ],
    "a match key twice in a rule": [
      { rules: [{ name: "r", matchKeys: ["email", "email"] }] },
      'rules.0.matchKeys.1: "email" is there twice',
    ],
    "simple and advanced rules mixed": [
      { rules: [{ name: "s", matchKeys: ["email", "phone"] }, rule("a", "Exact(email)")] },
      'rules.0.matchKeys: simple and advanced rules cannot be mixed: write condition: "Exact(email) AND Exact(phone)"',
    ],
    "a match key over incompatible types": [
      { attributes: [...attributes, { column: "work", type: "EMAIL_ADDRESS", matchKey: "phone" }] },
      'attributes.6.matchKey: "phone" compares mobile (PHONE); work is EMAIL_ADDRESS and never the same thing: give it a match key of its own',
    ],
    "a first and a last name compared with each other": [
      {
        attributes: [
          { column: "a", type: "NAME_FIRST", matchKey: "n" },
          { column: "b", type: "NAME_LAST", matchKey: "n" },
        ],
      },
      'attributes.1.matchKey: "n" compares a (NAME_FIRST); b is NAME_LAST and never the same thing: give it a match key of its own',
    ],
    "a group of mixed types": [
      { attributes: [...attributes, { column: "town", type: "ADDRESS_CITY", group: "name", matchKey: "name" }] },
      'attributes.6.group: town (ADDRESS_CITY) cannot be of group "name", which is a NAME: group only name, address or phone columns with their like',
    ],
    "a group of what has no parts": [
      { attributes: [{ column: "e", type: "STRING", group: "g" }] },
      "attributes.0.group: STRING columns cannot be grouped: only names, addresses and phones have parts",
    ],
    "two match keys in one group": [
      { attributes: [...attributes, { column: "middle", type: "NAME_MIDDLE", group: "name" }] },
      'attributes.6.matchKey: group "name" is one value and has one match key ("name" at attributes[1]): give all its columns the same',
    ],
    "a column twice, and two unique ids": [
      { attributes: [...attributes, { column: "id", type: "UNIQUE_ID" }] },
      'attributes.6.column: "id" is already attributes[0]: give a column one place',
      'attributes.6.type: "id" already is the unique id: give this column another type, such as STRING',
    ],
    "constraints that name nothing": [
      {
        constraints: { limits: [{ matchKey: "fone", limit: 1 }], veto: [{ attribute: "birth" }] },
        probabilistic: { blocking: [["email"], ["postcode"]] },
      },
      'constraints.limits.0.matchKey: no column has match key "fone"; did you mean "phone"?',
      'constraints.veto.0.attribute: "birth" is no column of attributes; did you mean "born"?',
      'probabilistic.blocking.1.0: "postcode" is no column of attributes; there are "id", "first", "last", "email", "mobile", "born"',
    ],
    "constraints that contradict each other": [
      {
        constraints: {
          mustLink: [["1", "2"]],
          cannotLink: [
            ["2", "1"],
            ["3", "3"],
          ],
        },
      },
      'constraints.cannotLink.0: "2" and "1" must also link (mustLink): take one of the two away',
      'constraints.cannotLink.1: "3" is paired with itself: name two records',
    ],
    "nothing that would match": [
      { rules: [], probabilistic: false },
      "probabilistic: there are no rules and no probabilistic stage, so nothing would match: add rules, or leave it out",
    ],
    "more rules than a workflow has": [
      { mode: "aws-waterfall", rules: Array.from({ length: 26 }, (_, i) => rule(`r${i}`, "Exact(email)")) },
      "rules: 26 rules: Entity Resolution has at most 25: merge some",
    ],
    "a fuzzy function without an exact one, as AWS refuses it": [
      { mode: "aws-waterfall", rules: [rule("r", "Exact(email) AND Soundex(name) OR Levenshtein(name, 1)")] },
      "rules.0.condition: a fuzzy function stands without an exact one: Entity Resolution wants it ANDed with Exact(…)",
    ],
    "EmptyValues=Ignore with transitive matching": [
      { mode: "aws-transitive", rules: [rule("r", "Exact(email, EmptyValues=Ignore)")] },
      "rules.0.condition: EmptyValues=Ignore is not supported with transitive matching: take it away",
    ],
  };
  test.each(Object.entries(cases))("%s", (_, [change, ...expected]) => {
    expect(faults({ attributes, ...change })).toEqual(expected);
  });

  test("what AWS would refuse is none of our modes' business", () => {
    const rules = [rule("r", "Levenshtein(name, 1)"), rule("s", "Exact(email, EmptyValues=Ignore)")];
    expect(faults({ attributes, rules })).toEqual([]);
  });

  test("faults of shape and of meaning are told together", () => {
    const value = {
      attributes: [...attributes, { column: "x", type: "NOSE" }],
      mode: "avalanche",
      rules: [rule("r", "Exact(nose)"), { name: "s" }, 7],
      constraints: { veto: [{ attribute: "y", above: 2 }] },
    };
    const told = faults(value);
    for (const path of ["attributes.6.type", "mode", "rules.1", "rules.2", "constraints.veto.0.above"]) {
      expect(told).toContainEqual(expect.stringMatching(new RegExp(`^${path}`)));
    }
    expect(told).toContainEqual(expect.stringMatching(/^rules.0.condition: no column has match key "nose"/));
    expect(told).toContainEqual(expect.stringMatching(/^constraints.veto.0.attribute/));
  });

  test("no value makes the check throw", () => {
    const member = fc.oneof(fc.anything(), fc.array(fc.anything()));
    const value = fc.oneof(
      fc.anything(),
      fc.record(
        { attributes: member, rules: member, constraints: member, probabilistic: member, mode: member },
        { requiredKeys: [] },
      ),
    );
    fc.assert(
      fc.property(value, (given) => void matchingSchema.safeParse(given)),
      { numRuns: 500, seed: 11 },
    );
  });
});

describe("one rule set for stream and batch", () => {
  const rules = defineRules({
    identifiers: [
      { type: "email", selectors: ["traits.email"], normalise: ["email"], limit: 5, priority: 1 },
      {
        type: "phone",
        selectors: ["traits.phone"],
        limit: 5,
        priority: 2,
        limitWithin: [{ days: 30, limit: 2 }],
      },
    ],
    matching: {
      attributes: [{ column: "email", type: "EMAIL_ADDRESS", matchKey: "email", identifier: "email" }],
      rules: [{ name: "email", matchKeys: ["email"] }],
    },
  });

  test("holds both, and gives the resolver its own part", () => {
    const whole = ruleSetSchema.parse(rules);
    expect(whole.matching?.mode).toBe("closure");
    const resolver = resolverRules(whole);
    expect(resolver).not.toHaveProperty("matching");
    expect(identityRulesSchema.parse(resolver)).toEqual(resolver);
    expect(ruleSetSchema.parse(defaultIdentityRules)).toEqual(defaultIdentityRules);
  });

  test("tells the faults of both parts, and those between them", () => {
    const [email, phone] = rules.identifiers;
    const told = faults(
      {
        identifiers: [email, { ...phone, limit: 2, priority: 0 }, email],
        matching: {
          attributes: [{ column: "email", type: "EMAIL_ADDRESS", matchKey: "email", identifier: "e-mail" }],
          rules: [{ name: "email", matchKeys: ["mail"] }],
        },
      },
      ruleSetSchema,
    );
    expect(told).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^identifiers.1.priority/),
        'matching.rules.0.matchKeys.0: no column has match key "mail"; did you mean "email"?',
        'matching.attributes.0.identifier: "e-mail" is no identifier type of these rules; did you mean "email"?',
      ]),
    );
  });

  test("a window that bounds nothing is a fault", () => {
    const [email, phone] = rules.identifiers;
    expect(faults({ identifiers: [email, { ...phone, limit: 2 }] }, ruleSetSchema)).toEqual([
      "identifiers.1.limitWithin.0.limit: 2 within 30 days bounds nothing, since limit is 2: give less",
    ]);
  });
});
