import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import {
  absorbEvidence,
  type CustomerEvent,
  defaultIdentityRules,
  emptyEvidence,
  evidenceOf,
  type IdentityRules,
  identityRulesSchema,
  type Json,
  type JsonObject,
  type Profile,
  resolve,
  type Statement,
  type Survivorship,
  type SurvivorshipStrategy,
  stewardSource,
  survivorOf,
  survivorshipSchema,
} from "../src";

const start = Date.parse("2026-01-01T00:00:00.000Z");

/** A value stated by a source in an hour, for an identifier. */
type Stated = readonly [value: Json, source?: string, hour?: number, identifier?: string];

function statement([value, sourceId = "web", hour = 0, identifier = "user_id:u"]: Stated, index: number): Statement {
  return { fact: { value, at: start + hour * 3_600_000, messageId: `m${index}` }, identifier, sourceId };
}

describe("a field of the golden record", () => {
  const cases: readonly [string, readonly SurvivorshipStrategy[], readonly Stated[], Json | undefined, string?][] = [
    ["is what the only statement says", ["recency"], [["a"]], "a", "only"],
    ["is gone where the only statement takes it back", ["recency"], [[null]], undefined],
    ["is the newest value", ["recency"], [["old"], ["new", "crm", 1]], "new", "recency"],
    ["is gone after the newest statement took it back", ["recency"], [["old"], [null, "crm", 1]], undefined],
    ["comes back when stated again", ["recency"], [["old"], [null, "crm", 1], ["new", "web", 2]], "new", "only"],
    ["is not emptied by a blank text", ["recency"], [["kept"], [" ", "crm", 1]], "kept", "only"],
    ["is not emptied by an empty list or object", ["recency"], [["kept"], [[], "crm", 1], [{}, "app", 2]], "kept"],
    ["is empty where all say so", ["recency"], [[""], ["", "crm", 1]], ""],
    [
      "is the best source's",
      [{ sources: ["crm", "web"] }],
      [
        ["web", "web", 9],
        ["crm", "crm"],
      ],
      "crm",
      "sources",
    ],
    [
      "takes unnamed sources last",
      [{ sources: ["crm"] }],
      [
        ["app", "app", 9],
        ["crm", "crm"],
      ],
      "crm",
      "sources",
    ],
    [
      "falls to the next strategy among equal sources",
      [{ sources: ["crm"] }, "completeness"],
      [
        ["Jo", "crm", 2],
        ["Joanna", "crm", 1, "user_id:v"],
        ["Joanna Maria", "web", 3],
      ],
      "Joanna",
      "completeness",
    ],
    [
      "is what most say",
      ["frequency"],
      [
        ["a", "web", 9],
        ["b", "crm"],
        ["b", "app"],
      ],
      "b",
      "frequency",
    ],
    [
      "counts equal objects as one voice each",
      ["frequency"],
      [
        [{ x: 1, y: 2 }, "web"],
        [{ y: 2, x: 1 }, "crm"],
        ["z", "app", 5],
      ],
      { x: 1, y: 2 },
    ],
    [
      "falls to the newest of equally frequent ones",
      ["frequency"],
      [
        ["a", "web", 1],
        ["b", "crm", 2],
      ],
      "b",
      "recency",
    ],
    [
      "is the longest text",
      ["completeness"],
      [
        ["Joanna", "web"],
        ["Jo", "crm", 5],
      ],
      "Joanna",
      "completeness",
    ],
    [
      "is the fullest object",
      ["completeness"],
      [
        [{ a: 1 }, "web", 5],
        [{ a: 1, b: 2 }, "crm"],
      ],
      { a: 1, b: 2 },
    ],
    [
      "is the least number",
      ["min"],
      [
        [10, "web"],
        [9, "crm"],
      ],
      9,
      "min",
    ],
    [
      "is the greatest number",
      ["max"],
      [
        [10, "web"],
        [9, "crm", 5],
      ],
      10,
      "max",
    ],
    [
      "is the earliest ISO date",
      ["min"],
      [
        ["2026-02-01", "web"],
        ["2025-12-31", "crm", 5],
      ],
      "2025-12-31",
      "min",
    ],
    [
      "is all values together",
      ["union"],
      [
        [["b", "a"], "web"],
        ["c", "crm"],
        [["a"], "app"],
      ],
      ["a", "b", "c"],
      "union",
    ],
    [
      "is what the steward pinned",
      ["recency"],
      [
        ["typo", "web", 9],
        ["right", stewardSource],
      ],
      "right",
      "pin",
    ],
    [
      "is chosen again once the pin is taken back",
      ["recency"],
      [
        ["web", "web", 1],
        [null, stewardSource, 9],
      ],
      "web",
    ],
    [
      "knows the last of two pins",
      ["recency"],
      [
        ["a", stewardSource, 1],
        ["b", stewardSource, 2, "email:e"],
        ["web", "web", 3],
      ],
      "b",
      "pin",
    ],
  ];
  test.each(cases.map(([name, strategies, stated, value, by]) => ({ name, strategies, stated, value, by })))(
    "$name",
    ({ strategies, stated, value, by }) => {
      const survivor = survivorOf(stated.map(statement), strategies);
      expect(survivor?.value).toEqual(value);
      if (by !== undefined) expect(survivor?.by).toBe(by);
    },
  );

  test("does not depend on the order of the statements, and is always one of them or their union", () => {
    const strategies = fc.array(
      fc.oneof(
        fc.constantFrom(
          "recency" as const,
          "frequency" as const,
          "completeness" as const,
          "min" as const,
          "max" as const,
          "union" as const,
        ),
        fc.subarray(["web", "crm", "app"], { minLength: 1 }).map((sources) => ({ sources })),
      ),
      { minLength: 1, maxLength: 4 },
    );
    const stated = fc.array(
      fc.tuple(
        fc.oneof(fc.constantFrom<Json>(null, "", "a", "b", 1, 2, ["a"], { k: 1 }), fc.string({ maxLength: 3 })),
        fc.constantFrom("web", "crm", "app", stewardSource),
        fc.integer({ min: 0, max: 3 }),
        fc.constantFrom("user_id:u", "user_id:v", "email:e"),
      ),
      { minLength: 1, maxLength: 8 },
    );
    const shuffled = stated.chain((list) => {
      const statements = list.map((one, index) => statement(one, index % 3));
      return fc.tuple(fc.constant(statements), fc.shuffledSubarray(statements, { minLength: list.length }));
    });
    fc.assert(
      fc.property(shuffled, strategies, ([a, b], chosen) => {
        const survivor = survivorOf(a, chosen);
        expect(survivorOf(b, chosen)).toEqual(survivor);
        if (survivor && survivor.by !== "union") expect(a.map(({ fact }) => fact.value)).toContainEqual(survivor.value);
        if (!survivor) expect(a.some(({ fact }) => fact.value === null)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});

function identify(
  id: string,
  sourceId: string,
  hour: number,
  userId: string,
  traits: JsonObject,
  more: JsonObject = {},
): CustomerEvent {
  const at = new Date(start + hour * 3_600_000).toISOString();
  return { type: "identify", messageId: id, sourceId, timestamp: at, receivedAt: at, userId, traits, context: more };
}

function rulesWith(survivorship: Partial<Survivorship>): IdentityRules {
  const { identifiers, blocked } = defaultIdentityRules;
  return identityRulesSchema.parse({ identifiers, blocked, survivorship });
}

function profilesOf(events: readonly CustomerEvent[], rules: IdentityRules): readonly Profile[] {
  const evidence = emptyEvidence();
  for (const event of events) absorbEvidence(evidence, evidenceOf(event, rules)?.evidence ?? emptyEvidence());
  return resolve(evidence, rules).profiles;
}

describe("the golden record", () => {
  const events = [
    identify("1", "crm", 1, "u1", { email: "jo@x.yz", name: "Joanna Miller", plan: "gold" }),
    identify("2", "web", 5, "u1", { email: "jo@x.yz", name: "jo", interests: ["shoes"] }),
    identify("3", "app", 3, "u1", { interests: ["hats"], name: null }),
  ];

  test("keeps each source's values apart, and where each field came from", () => {
    const rules = rulesWith({ fields: { name: [{ sources: ["crm"] }, "recency"], interests: ["union"] } });
    const [profile] = profilesOf(events, rules);
    expect(profile?.traits).toEqual({ email: "jo@x.yz", interests: ["hats", "shoes"], name: "jo", plan: "gold" });
    expect(profile?.lineage.name).toEqual({
      sourceId: "web",
      identifier: "user_id:u1",
      at: "2026-01-01T05:00:00.000Z",
      by: "only",
    });
    expect(profile?.lineage.plan?.sourceId).toBe("crm");
    const [kept] = profilesOf(events.slice(0, 2), rules);
    expect(kept?.traits.name).toBe("Joanna Miller");
    expect(kept?.lineage.name).toMatchObject({ sourceId: "crm", by: "sources" });
  });

  test("comes of the members alone: in any order, with repeats", () => {
    const rules = rulesWith({ fields: { name: ["frequency"], interests: ["union"] }, default: ["completeness"] });
    const expected = profilesOf(events, rules);
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...events), { maxLength: 6 }), (more) => {
        expect(profilesOf([...more, ...[...events].reverse()], rules)).toEqual(expected);
      }),
    );
  });

  const consent = (marketing: boolean): JsonObject => ({ consent: { categoryPreferences: { marketing } } });
  const choices = [
    { ...identify("1", "web", 1, "u1", { email: "jo@x.yz" }, consent(true)) },
    { ...identify("2", "app", 1, "", { email: "jo@x.yz" }, consent(false)) },
    { ...identify("3", "web", 9, "u1", {}, consent(true)) },
  ];
  test.each([
    ["recency", true],
    ["most-restrictive", false],
  ] as const)("holds consent by %s", (how, granted) => {
    const [profile, ...others] = profilesOf(choices, rulesWith({ consent: how }));
    expect(others).toEqual([]);
    expect(profile?.consent.marketing?.granted).toBe(granted);
  });

  test("says what is wrong with a survivorship", () => {
    const faults = survivorshipSchema.safeParse({ fields: { name: ["newest"] }, default: [], consent: "any" });
    expect(faults.error?.issues.map(({ path }) => path.join("."))).toEqual(["fields.name.0", "default", "consent"]);
  });
});

test("docs/identity/golden-record.md shows a survivorship that the rules take", () => {
  const page = readFileSync(join(__dirname, "..", "..", "..", "docs", "identity", "golden-record.md"), "utf8");
  const example = /const survivorship = (\{[\s\S]*?\n\});/.exec(page)?.[1];
  const value: unknown = new Function(`return ${example}`)();
  expect(survivorshipSchema.parse(value).fields.name).toEqual([{ sources: ["crm", "shop"] }, "completeness"]);
});
