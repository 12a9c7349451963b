import { compileForEntityResolution, type ErOptions, type MatchRulesInput, matchingSchema } from "../../src";

const id = { column: "record_id", type: "UNIQUE_ID" } as const;
const email = { column: "email", type: "EMAIL_ADDRESS", matchKey: "email" } as const;
const phone = { column: "phone", type: "PHONE", matchKey: "phone" } as const;
const fullName = [
  { column: "first_name", type: "NAME_FIRST", group: "name", matchKey: "name" },
  { column: "last_name", type: "NAME_LAST", group: "name", matchKey: "name" },
] as const;
const columns = [id, email, phone, ...fullName];

const compile = (rules: MatchRulesInput, options: ErOptions = {}) =>
  compileForEntityResolution(matchingSchema.parse(rules), options);
const planOf = (rules: MatchRulesInput, options?: ErOptions) => {
  const compiled = compile(rules, options);
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.faults));
  return compiled.plan;
};
const faultsOf = (rules: MatchRulesInput, options?: ErOptions) => {
  const compiled = compile(rules, options);
  return compiled.ok ? [] : compiled.faults.map(({ path, message }) => `${path.join(".")}: ${message}`);
};

describe("what Entity Resolution can express", () => {
  test("simple rules, with the columns that are carried along", () => {
    const rules = {
      attributes: columns,
      mode: "aws-waterfall",
      rules: [{ name: "mail", matchKeys: ["email", "name"] }],
    } as const;
    const plan = planOf({ ...rules, normalisation: "aws-glossary", comparison: "ONE_TO_ONE" }, { carry: ["kind"] });
    expect(plan).toEqual({
      attributes: [
        { fieldName: "record_id", type: "UNIQUE_ID" },
        { fieldName: "email", type: "EMAIL_ADDRESS", matchKey: "email" },
        { fieldName: "phone", type: "PHONE", matchKey: "phone" },
        { fieldName: "first_name", type: "NAME_FIRST", groupName: "name", matchKey: "name" },
        { fieldName: "last_name", type: "NAME_LAST", groupName: "name", matchKey: "name" },
        { fieldName: "kind", type: "STRING" },
      ],
      technique: {
        resolutionType: "RULE_MATCHING",
        ruleBasedProperties: {
          attributeMatchingModel: "ONE_TO_ONE",
          matchPurpose: "IDENTIFIER_GENERATION",
          rules: [{ ruleName: "mail", matchingKeys: ["email", "name"] }],
        },
      },
      notes: [],
    });
  });

  test.each([
    ["aws-waterfall", "Exact(email)", undefined],
    ["aws-transitive", "Exact(email)", true],
    // The nearest to a closure, where its conditions allow it.
    ["closure", "Exact(email)", true],
    ["closure", "Exact(email, EmptyValues=Ignore)", undefined],
  ] as const)("conditions in the mode %s: %s", (mode, condition, transitive) => {
    const { technique, notes } = planOf({
      attributes: columns,
      mode,
      rules: [{ name: "fuzzy", condition: `${condition} and Levenshtein(name)` }],
    });
    expect(technique).toEqual({
      resolutionType: "RULE_MATCHING",
      ruleConditionProperties: {
        // Written out: AWS's default threshold, its operator.
        rules: [{ ruleName: "fuzzy", condition: `${condition} AND Levenshtein(name, 2)` }],
        ...(transitive ? { matchingConfig: { enableTransitiveMatching: true } } : {}),
      },
    });
    expect(notes.some((note) => note.includes("closure"))).toBe(mode === "closure");
  });

  test("machine learning, with rules left unused and hashes kept out", () => {
    const plan = planOf(
      { attributes: columns, rules: [{ name: "mail", matchKeys: ["email"] }], probabilistic: true },
      { ml: true },
    );
    expect(plan.technique).toEqual({ resolutionType: "ML_MATCHING" });
    expect(plan.notes.join()).toContain("rules are not used");
    const hashed = planOf({
      attributes: [id, { ...email, hashed: true }],
      rules: [{ name: "mail", matchKeys: ["email"] }],
    });
    expect(hashed.attributes[1]).toMatchObject({ hashed: true });
  });

  test("constraints are ours, which is said and no fault", () => {
    const constraints = { limits: [{ matchKey: "email", limit: 2 }], veto: [{ attribute: "phone" }] };
    const { notes } = planOf({ attributes: columns, rules: [{ name: "mail", matchKeys: ["email"] }], constraints });
    expect(notes.find((note) => note.startsWith("constraints"))).toContain("(limits, veto)");
  });
});

describe("what it cannot", () => {
  test("is told all at once", () => {
    const many = Array.from({ length: 26 }, (_, index) => ({ column: `c${index}`, type: "STRING" as const }));
    const faults = faultsOf({
      attributes: [email, { column: "Source", type: "STRING" }, { column: "lastName", type: "NAME_LAST" }, ...many],
      probabilistic: true,
      rules: [{ name: "bare", condition: "Levenshtein(email, 2)" }],
    });
    for (const part of [
      "attributes: no column is of type UNIQUE_ID",
      "attributes: 29 columns",
      'attributes.1.column: "Source" is a name that Entity Resolution writes itself',
      'attributes.2.column: "lastName": names in the Glue catalog are in lower case: write "last_name"',
      "rules.0.condition: a fuzzy function stands without an exact one",
      "probabilistic: Entity Resolution has no probabilistic stage",
    ]) {
      expect(faults.filter((fault) => fault.startsWith(part))).toHaveLength(1);
    }
  });

  const rule = { name: "r", condition: "Exact(email)" };
  const thousand = Array.from({ length: 90 }, () => "(Exact(email) OR (Exact(phone)))").join(" or ");
  test.each<[string, MatchRulesInput, ErOptions | undefined, string]>([
    ["no rule", { attributes: columns }, undefined, "rules: there are no rules"],
    [
      "simple rules in transitive matching",
      { attributes: columns, mode: "aws-transitive", rules: [{ name: "r", matchKeys: ["email", "name"] }] },
      undefined,
      'write condition: "Exact(email) AND Exact(name)"',
    ],
    [
      "empty values left out in transitive matching",
      {
        attributes: columns,
        mode: "aws-transitive",
        rules: [{ ...rule, condition: "Exact(email, EmptyValues=Ignore)" }],
      },
      undefined,
      "EmptyValues=Ignore is not supported",
    ],
    [
      "two columns of one key in a condition",
      { attributes: [...columns, { ...phone, column: "mobile" }], rules: [rule] },
      undefined,
      "ExactManyToMany",
    ],
    [
      "26 rules",
      { attributes: columns, rules: Array.from({ length: 26 }, (_, index) => ({ ...rule, name: `r${index}` })) },
      undefined,
      "rules: 26 rules",
    ],
    [
      "a long condition",
      { attributes: columns, rules: [{ ...rule, condition: thousand.slice(0, 2045) }] },
      undefined,
      "rules.0.condition",
    ],
    ["a name", { attributes: columns, rules: [{ ...rule, name: "r.1" }] }, undefined, "rename it"],
    [
      "carried columns too many",
      {
        attributes: [
          id,
          ...Array.from({ length: 23 }, (_, index) => ({
            column: `c${index}`,
            type: "STRING" as const,
            matchKey: `k${index}`,
          })),
        ],
        rules: [{ name: "r", matchKeys: ["k1"] }],
      },
      { carry: ["a", "b"] },
      "26 columns, 2 of them carried along",
    ],
    [
      "hashes in machine learning",
      { attributes: [id, { ...email, hashed: true }] },
      { ml: true },
      "attributes.1.hashed: machine learning takes",
    ],
    [
      "a part in machine learning",
      { attributes: [id, { column: "city", type: "ADDRESS_CITY", matchKey: "city" }] },
      { ml: true },
      "attributes.1.group",
    ],
    [
      "text in machine learning",
      { attributes: [id, email, { column: "plan", type: "STRING", matchKey: "plan" }] },
      { ml: true },
      "compares no STRING",
    ],
    [
      "a date in machine learning",
      { attributes: [id, email, { column: "born", type: "DATE", matchKey: "born" }] },
      { ml: true },
      '"Date of birth"',
    ],
    [
      "nothing to compare in machine learning",
      { attributes: [id, { column: "plan", type: "STRING" }] },
      { ml: true },
      "machine learning needs",
    ],
  ])("%s", (_what, rules, options, part) => {
    const shape = matchingSchema.safeParse(rules);
    const told = shape.success
      ? faultsOf(rules, options)
      : shape.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
    expect(told.filter((fault) => fault.includes(part))).not.toEqual([]);
  });
});
