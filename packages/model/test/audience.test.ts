import {
  all,
  any,
  audience,
  audienceDefinitionSchema,
  consent,
  identifier,
  matches,
  not,
  type Predicate,
  type Profile,
  predicateSchema,
  trait,
} from "../src";

const profile: Profile = {
  profileId: "p_1",
  identifiers: [
    { type: "email", value: "jo@x.yz", firstSeen: "2026-01-01T00:00:00.000Z", lastSeen: "2026-01-01T00:00:00.000Z" },
  ],
  traits: {
    lifetime_value: 500,
    plan: "gold",
    tags: ["vip", "new"],
    active: true,
    address: { city: "Rome" },
    "address.zip": "00100",
    signed_up: "2026-03-01T10:00:00Z",
    last_order_ms: Date.parse("2026-05-01T00:00:00Z"),
    zero: 0,
    text_number: "600",
  },
  lineage: {},
  consent: {
    marketing: { granted: true, at: "2026-01-01T00:00:00.000Z" },
    sms: { granted: false, at: "2026-01-01T00:00:00.000Z" },
  },
  firstSeen: "2026-01-01T00:00:00.000Z",
  lastSeen: "2026-01-01T00:00:00.000Z",
  version: "v",
};

const yes = trait("active").equals(true);
const no = trait("active").equals(false);

const cases: readonly [string, Predicate, boolean][] = [
  ["atLeast at the bound", trait("lifetime_value").atLeast(500), true],
  ["atLeast above the value", trait("lifetime_value").atLeast(500.01), false],
  ["above at the bound", trait("lifetime_value").above(500), false],
  ["atMost at the bound", trait("lifetime_value").atMost(500), true],
  ["below at the bound", trait("lifetime_value").below(500), false],
  ["a text is no number", trait("text_number").atLeast(1), false],
  ["a missing trait is not zero", trait("orders").atMost(10), false],
  ["zero is there", trait("zero").exists(), true],
  ["equals a text", trait("plan").equals("gold"), true],
  ["case matters", trait("plan").equals("Gold"), false],
  ["equals knows types", trait("text_number").equals(600), false],
  ["oneOf", trait("plan").oneOf("silver", "gold"), true],
  ["oneOf of a list's items", trait("tags").oneOf("vip"), true],
  ["oneOf, none", trait("plan").oneOf("iron"), false],
  ["exists", trait("plan").exists(), true],
  ["exists not", trait("nothing").exists(), false],
  ["nested trait", trait("address.city").equals("Rome"), true],
  ["an exact name wins over a path", trait("address.zip").equals("00100"), true],
  ["a path through a text", trait("plan.name").exists(), false],
  ["an inherited name is no trait", trait("constructor").exists(), false],
  ["before", trait("signed_up").before("2026-03-02"), true],
  ["after", trait("signed_up").after(new Date("2026-03-02")), false],
  ["after, epoch milliseconds", trait("last_order_ms").after("2026-04-30"), true],
  ["a text that is no date", trait("plan").before("2027-01-01"), false],
  ["identifier", identifier("email").exists(), true],
  ["identifier missing", identifier("phone").exists(), false],
  ["consent granted", consent("marketing").granted(), true],
  ["consent refused", consent("sms").granted(), false],
  ["consent never asked", consent("ads").granted(), false],
  ["consent named like an inherited property", consent("toString").granted(), false],
  ["all", all(yes, identifier("email").exists()), true],
  ["all, one false", all(yes, no), false],
  ["any, one true", any(no, yes), true],
  ["any, none", any(no, no), false],
  ["not", not(no), true],
  ["nested", all(any(no, yes), not(all(yes, no))), true],
];

test.each(cases)("%s", (_name, predicate, expected) => {
  expect(matches(predicate, profile)).toBe(expected);
  // An audience travels as JSON and must mean the same there.
  const there = audienceDefinitionSchema.parse(JSON.parse(JSON.stringify(audience(predicate, "x"))));
  expect(matches(there.predicate, profile)).toBe(expected);
});

test.each<[string, unknown]>([
  ["an unknown operation", { kind: "trait", name: "a", op: "near", value: 1 }],
  ["an unknown kind", { kind: "event", name: "a" }],
  ["a bound that is no number", { kind: "trait", name: "a", op: "atLeast", value: "5" }],
  ["a date that is none", { kind: "trait", name: "a", op: "before", value: "tomorrow" }],
  ["no name", { kind: "trait", name: "", op: "exists" }],
  ["all of nothing", { kind: "all", of: [] }],
  ["a fault deep inside", { kind: "not", of: { kind: "all", of: [{ kind: "trait", name: "a" }] } }],
  ["a misspelt property", { kind: "trait", name: "a", op: "equals", value: 1, valeu: 1 }],
])("refuses %s", (_name, predicate) => {
  expect(predicateSchema.safeParse(predicate).success).toBe(false);
});
