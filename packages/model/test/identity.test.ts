import fc from "fast-check";
import {
  absorbEvidence,
  type CustomerEvent,
  canonicalJson,
  decodeComponent,
  defaultIdentityRules,
  type Evidence,
  emptyEvidence,
  encodeComponent,
  evidenceOf,
  explain,
  type IdentityRules,
  identifiersOf,
  identityRulesSchema,
  type JsonObject,
  mergeEvidence,
  parseIdentifier,
  profileIdOf,
  type Resolution,
  resolve,
} from "../src";

const start = Date.parse("2026-01-01T00:00:00.000Z");

interface Sketch {
  readonly id?: string;
  readonly minute?: number;
  readonly user?: string;
  readonly anonymous?: string;
  readonly device?: string;
  readonly traits?: JsonObject;
  readonly context?: JsonObject;
  readonly consent?: JsonObject;
  readonly previous?: string;
}

let counter = 0;

/** An identify event, or an alias where `previous` is given. */
function event(sketch: Sketch): CustomerEvent {
  const at = new Date(start + (sketch.minute ?? 0) * 60_000).toISOString();
  const envelope = {
    messageId: sketch.id ?? `m${++counter}`,
    sourceId: "web",
    timestamp: at,
    receivedAt: at,
    ...(sketch.anonymous === undefined ? {} : { anonymousId: sketch.anonymous }),
    context: {
      ...(sketch.device === undefined ? {} : { device: { id: sketch.device } }),
      ...(sketch.consent === undefined ? {} : { consent: { categoryPreferences: sketch.consent } }),
      ...sketch.context,
    },
  };
  if (sketch.previous !== undefined) {
    return { ...envelope, type: "alias", previousId: sketch.previous, userId: sketch.user ?? "" };
  }
  const userId = sketch.user === undefined ? {} : { userId: sketch.user };
  return { ...envelope, ...userId, type: "identify", traits: sketch.traits ?? {} };
}

function gather(events: readonly CustomerEvent[], rules: IdentityRules = defaultIdentityRules): Evidence {
  const evidence = emptyEvidence();
  for (const item of events) {
    const more = evidenceOf(item, rules);
    if (more) absorbEvidence(evidence, more.evidence);
  }
  return evidence;
}

function bytes(evidence: Evidence): string {
  return Buffer.from(encodeComponent({ evidence, profile: undefined })).toString("base64");
}

/** Groups of node keys, as text. */
function partition(resolution: Resolution): string[] {
  const groups = new Map<string, string[]>();
  for (const [key, id] of [...resolution.assignment].sort()) groups.set(id, [...(groups.get(id) ?? []), key]);
  return [...groups.values()].map((group) => group.join(" ")).sort();
}

describe("identifiers of an event", () => {
  const cases: readonly [string, Sketch, readonly string[]][] = [
    ["a user with a browser", { user: "u1", anonymous: "ab-1" }, ["user_id:u1", "anonymous_id:ab-1"]],
    ["blanks around a user id", { user: "  u1 " }, ["user_id:u1"]],
    ["an address in capitals", { traits: { email: " Jo@Shop.COM " } }, ["email:jo@shop.com"]],
    ["a mailto address", { traits: { email: "mailto:jo@shop.com" } }, ["email:jo@shop.com"]],
    ["dots and plus at Gmail", { traits: { email: "J.o+news@googlemail.com" } }, ["email:jo@gmail.com"]],
    ["dots elsewhere", { traits: { email: "j.o+x@shop.com" } }, ["email:j.o+x@shop.com"]],
    ["no address", { traits: { email: "jo at shop" } }, []],
    ["a phone with blanks", { traits: { phone: "+44 20 7946 0958" } }, ["phone:+442079460958"]],
    ["a phone with 00", { traits: { phone: "0044 20 7946 0958" } }, ["phone:+442079460958"]],
    ["a phone without a country", { traits: { phone: "020 7946 0958" } }, []],
    ["a phone of ones", { traits: { phone: "+1 111 111 1111" } }, []],
    ["an address in context.traits", { context: { traits: { email: "a.b@c.de" } } }, ["email:a.b@c.de"]],
    [
      "the same address twice",
      { traits: { email: "x@y.zz" }, context: { traits: { email: "X@y.zz" } } },
      ["email:x@y.zz"],
    ],
    ["a device", { device: "idfv-77" }, ["device_id:idfv-77"]],
    ["a number as a user id is no text in a trait", { traits: { email: 7 } }, []],
    ["an object where a text should be", { traits: { email: { a: 1 } } }, []],
    ...[
      ..."0 000 00-00 -1 null NULL anonymous undefined none guest unknown test".split(" "),
      ...["00000000-0000-0000-0000-000000000000", "aaaaaaaa", "(not set)", "", "   ", "x".repeat(600)],
    ].map((junk): [string, Sketch, readonly string[]] => [`junk user id ${junk.slice(0, 40)}`, { user: junk }, []]),
    ...["test@test.com", "noreply@shop.com", "no-reply@shop.com", "null@null.com", "a@a.com", "jo@example"].map(
      (junk): [string, Sketch, readonly string[]] => [`junk address ${junk}`, { traits: { email: junk } }, []],
    ),
    ["small whole numbers are user ids", { user: "17" }, ["user_id:17"]],
  ];
  test.each(cases)("%s", (_name, sketch, expected) => {
    expect(identifiersOf(event(sketch), defaultIdentityRules).map(({ type, value }) => `${type}:${value}`)).toEqual(
      expected,
    );
  });

  test("external ids of one type, and a country for phones", () => {
    const rules = identityRulesSchema.parse({
      defaultCountry: "gb",
      identifiers: [
        { type: "crm_id", selectors: ["context.externalIds[crm]"], limit: 1, priority: 1 },
        { type: "phone", selectors: ["traits.phones"], normalise: ["phone"], limit: 5, priority: 2 },
      ],
    });
    const sketch = {
      traits: { phones: ["020 7946 0958", "020 7946 0999"] },
      context: { externalIds: [{ id: "C-1", type: "crm" }, { id: "X", type: "other" }, "junk"] },
    };
    expect(identifiersOf(event(sketch), rules).map(({ value }) => value)).toEqual([
      "C-1",
      "+442079460958",
      "+442079460999",
    ]);
  });

  test("what a person types is normalised by the same rules", () => {
    expect(parseIdentifier("email:J.O@gmail.com", defaultIdentityRules)?.value).toBe("jo@gmail.com");
    expect(parseIdentifier("shoe_size:44", defaultIdentityRules)).toBeUndefined();
    expect(parseIdentifier("p_abc", defaultIdentityRules)).toBeUndefined();
  });
});

describe("rules", () => {
  test("every fault at once, with its path", () => {
    const result = identityRulesSchema.safeParse({
      identifiers: [
        { type: "User", selectors: ["a..b"], limit: 0, priority: 1, blocked: { patterns: ["("] } },
        { type: "email", selectors: [], limit: 1, priority: 1, normalise: ["upper"] },
      ],
    });
    const paths = result.error?.issues.map((issue) => issue.path.join("."));
    expect(paths).toEqual(
      expect.arrayContaining([
        "identifiers.0.type",
        "identifiers.0.selectors.0",
        "identifiers.0.limit",
        "identifiers.0.blocked.patterns.0",
        "identifiers.1.selectors",
        "identifiers.1.normalise.0",
      ]),
    );
  });
  test("two rules for one type are refused", () => {
    const rule = { type: "email", selectors: ["traits.email"], limit: 1, priority: 1 };
    expect(identityRulesSchema.safeParse({ identifiers: [rule, rule] }).error?.issues[0]?.message).toContain("twice");
  });
  test("the defaults survive JSON", () => {
    expect(identityRulesSchema.parse(JSON.parse(JSON.stringify(defaultIdentityRules)))).toEqual(defaultIdentityRules);
  });
});

describe("resolution of named cases", () => {
  const kiosk = [1, 2, 3, 4, 5, 6, 7].map((n) => ({ minute: n, user: `u${n}`, anonymous: "kiosk" }));
  const cases: readonly [string, readonly Sketch[], readonly string[]][] = [
    [
      "an anonymous visit before login",
      [{ anonymous: "ab" }, { minute: 1, user: "u", anonymous: "ab" }],
      ["anonymous_id:ab user_id:u"],
    ],
    [
      "a device shared by two: the first has it",
      [
        { minute: 5, user: "late", anonymous: "tablet" },
        { minute: 1, user: "early", anonymous: "tablet" },
      ],
      ["anonymous_id:tablet user_id:early", "user_id:late"],
    ],
    ["a kiosk belongs to nobody", kiosk, [1, 2, 3, 4, 5, 6, 7].map((n) => `user_id:u${n}`)],
    [
      "strangers who typed test@test.com",
      [
        { user: "a", traits: { email: "test@test.com" } },
        { user: "b", traits: { email: "test@test.com" } },
      ],
      ["user_id:a", "user_id:b"],
    ],
    [
      "a household address: two users, one address",
      [
        { minute: 2, user: "b", traits: { email: "home@x.yz" } },
        { minute: 3, user: "a", traits: { email: "home@x.yz" } },
      ],
      ["email:home@x.yz user_id:b", "user_id:a"],
    ],
    [
      "a sixth address is one too many",
      [1, 2, 3, 4, 5, 6].map((n) => ({ minute: n, anonymous: "ab", traits: { email: `e${n}@x.yz` } })),
      // More than five addresses on one browser: it is shared, and each address stands alone.
      [1, 2, 3, 4, 5, 6].map((n) => `email:e${n}@x.yz`),
    ],
    [
      "an alias renames a user id",
      [{ user: "old" }, { minute: 1, user: "new" }, { minute: 2, previous: "old", user: "new" }],
      ["user_id:new user_id:old"],
    ],
    [
      "an alias from an anonymous id",
      [{ anonymous: "ab" }, { minute: 2, previous: "ab", user: "u" }],
      ["anonymous_id:ab user_id:u"],
    ],
    ["an alias from an id that nobody has seen", [{ previous: "ghost", user: "u" }], ["user_id:u"]],
    [
      "a kiosk that aliases at each login cannot weld its users",
      [{ anonymous: "ab" }, ...[1, 2, 3].map((n) => ({ minute: n, previous: "ab", user: `u${n}` }))],
      ["anonymous_id:ab user_id:u1", "user_id:u2", "user_id:u3"],
    ],
    [
      "a chain of aliases ends at the limit",
      [
        ...[0, 1, 2, 3, 4, 5, 6].map((n) => ({ user: `u${n}` })),
        ...[1, 2, 3, 4, 5, 6].map((n) => ({ minute: n, previous: `u${n - 1}`, user: `u${n}` })),
      ],
      ["user_id:u0 user_id:u1 user_id:u2 user_id:u3 user_id:u4", "user_id:u5 user_id:u6"],
    ],
  ];
  test.each(cases)("%s", (_name, sketches, expected) => {
    expect(partition(resolve(gather(sketches.map(event)), defaultIdentityRules))).toEqual(expected);
  });

  test("cut links and suppressed identifiers say why", () => {
    const shared = resolve(gather(kiosk.map(event)), defaultIdentityRules);
    expect(shared.suppressed).toEqual([
      { key: "anonymous_id:kiosk", reason: "shared: linked with more than 5 values of user_id" },
    ]);
    const two = resolve(gather(kiosk.slice(0, 2).map(event)), defaultIdentityRules);
    expect(two.cut.map((cut) => [cut.a, cut.b, cut.reason])).toEqual([
      ["anonymous_id:kiosk", "user_id:u2", "a profile has at most 1 user_id, this would make 2"],
    ]);
  });

  test("rules that came after the evidence hold for it", () => {
    const evidence = gather([event({ user: "a", traits: { email: "x@y.zz" } })]);
    const emailOnly = { ...defaultIdentityRules, identifiers: defaultIdentityRules.identifiers.slice(1) };
    const resolution = resolve(evidence, emailOnly);
    expect(partition(resolution)).toEqual(["email:x@y.zz"]);
    expect(resolution.suppressed[0]?.reason).toContain("no rule names the type user_id");
  });
});

describe("the fold", () => {
  const profileOf = (sketches: readonly Sketch[]) => {
    const [profile, ...others] = resolve(gather(sketches.map(event)), defaultIdentityRules).profiles;
    expect(others).toEqual([]);
    if (!profile) throw new Error("no profile");
    return profile;
  };
  test("traits, consent, times and ids", () => {
    const profile = profileOf([
      { id: "m1", minute: 90, anonymous: "ab", traits: { name: "J", city: "Rome" } },
      {
        id: "m2",
        minute: 95,
        user: "u",
        anonymous: "ab",
        traits: { name: "Jo", email: "Jo@x.yz" },
        consent: { marketing: true },
      },
      {
        id: "m3",
        minute: 200,
        user: "u",
        traits: { city: null },
        consent: { marketing: false, analytics: true, bad: "yes" },
      },
    ]);
    expect(profile).toMatchObject({
      profileId: profileIdOf("anonymous_id:ab"),
      traits: { name: "Jo", email: "Jo@x.yz" },
      consent: {
        marketing: { granted: false, at: "2026-01-01T03:20:00.000Z" },
        analytics: { granted: true, at: "2026-01-01T03:20:00.000Z" },
      },
      firstSeen: "2026-01-01T01:30:00.000Z",
      lastSeen: "2026-01-01T03:00:00.000Z",
    });
    expect(profile.identifiers.map(({ type }) => type)).toEqual(["user_id", "email", "anonymous_id"]);
    expect(profile.traits).not.toHaveProperty("city");
    expect(profile.profileId).toMatch(/^[a-zA-Z0-9_-]{1,38}$/);
  });
  test("at equal times the greater message id wins, whatever the order", () => {
    const one = { id: "m1", user: "u", traits: { a: 1 } };
    const two = { id: "m2", user: "u", traits: { a: 2 } };
    expect(profileOf([one, two]).traits.a).toBe(2);
    expect(profileOf([two, one]).traits.a).toBe(2);
  });
  test("the version changes with the content and only with it", () => {
    const base = profileOf([{ id: "m1", user: "u", traits: { a: 1 } }]);
    expect(profileOf([{ id: "m1", user: "u", traits: { a: 1 } }]).version).toBe(base.version);
    expect(profileOf([{ id: "m1", user: "u", traits: { a: 2 } }]).version).not.toBe(base.version);
  });
  test("a trait named __proto__ does no harm", () => {
    const traits = JSON.parse('{"__proto__": {"admin": true}, "a": 1}') as JsonObject;
    const profile = profileOf([{ user: "u", traits }]);
    expect(Object.keys(profile.traits)).toEqual(["a"]);
    expect((profile.traits as { admin?: boolean }).admin).toBeUndefined();
  });
});

describe("explain", () => {
  const evidence = gather([
    event({ minute: 1, user: "early", anonymous: "tablet" }),
    event({ minute: 2, anonymous: "tablet", traits: { email: "x@y.zz" } }),
    event({ id: "late-login", minute: 5, user: "late", anonymous: "tablet" }),
    event({ user: "stranger" }),
  ]);
  test("one person: every link with its source and time", () => {
    const explanation = explain(evidence, defaultIdentityRules, "user_id:early", "email:x@y.zz");
    expect(explanation).toMatchObject({ samePerson: true, summary: "One person: 2 links connect them." });
    expect(explanation.path.map((step) => `${step.from}>${step.to}`)).toEqual([
      "user_id:early>anonymous_id:tablet",
      "anonymous_id:tablet>email:x@y.zz",
    ]);
  });
  test("two people: the link that was cut and why", () => {
    const explanation = explain(evidence, defaultIdentityRules, "user_id:early", "user_id:late");
    expect(explanation.samePerson).toBe(false);
    expect(explanation.path[1]).toMatchObject({
      messageId: "late-login",
      cut: expect.stringContaining("at most 1 user_id"),
    });
  });
  test("nothing connects them", () => {
    expect(explain(evidence, defaultIdentityRules, "user_id:early", "user_id:stranger")).toMatchObject({
      path: [],
      summary: "Two people: no evidence connects them.",
    });
    expect(explain(evidence, defaultIdentityRules, "user_id:early", "user_id:nobody").summary).toContain(
      "not in the evidence",
    );
  });
});

/** Small worlds in which everything meets everything: few names, colliding times. */
const arbitraryEvent = fc
  .record({
    id: fc.integer({ min: 0, max: 60 }),
    minute: fc.integer({ min: 0, max: 12 }),
    user: fc.option(fc.integer({ min: 1, max: 5 }), { nil: undefined, freq: 2 }),
    anonymous: fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined, freq: 3 }),
    email: fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined, freq: 2 }),
    device: fc.option(fc.integer({ min: 1, max: 2 }), { nil: undefined, freq: 1 }),
    trait: fc.option(fc.integer({ min: 0, max: 3 }), { nil: undefined }),
    marketing: fc.option(fc.boolean(), { nil: undefined, freq: 1 }),
    alias: fc
      .boolean()
      .chain((yes) => (yes ? fc.option(fc.integer({ min: 1, max: 5 }), { nil: undefined }) : fc.constant(undefined))),
  })
  .map((draw) =>
    event({
      id: `m${String(draw.id).padStart(2, "0")}`,
      minute: draw.minute,
      ...(draw.user === undefined ? {} : { user: `user-${draw.user}` }),
      ...(draw.anonymous === undefined ? {} : { anonymous: `anon-${draw.anonymous}` }),
      ...(draw.device === undefined ? {} : { device: `device-${draw.device}` }),
      traits: {
        ...(draw.email === undefined ? {} : { email: `person${draw.email}@x.yz` }),
        ...(draw.trait === undefined ? {} : { colour: draw.trait }),
      },
      ...(draw.marketing === undefined ? {} : { consent: { marketing: draw.marketing } }),
      ...(draw.alias !== undefined && draw.user !== undefined ? { previous: `user-${draw.alias}` } : {}),
    }),
  );

/** Tight rules, so that small worlds break them. */
const tight = identityRulesSchema.parse({
  ...defaultIdentityRules,
  aliasLimit: 2,
  identifiers: defaultIdentityRules.identifiers.map((rule) => ({
    ...rule,
    limit: Math.min(rule.limit, 2),
    ...(rule.sharedAbove === undefined ? {} : { sharedAbove: 3 }),
  })),
});

/**
 * The rules again, written from their description and with nothing shared: sets of names, and for each link in order
 * the question whether the union of two sets is allowed.
 */
function naivePartition(events: readonly CustomerEvent[], rules: IdentityRules): string[] {
  const strength = [...rules.identifiers].sort((a, b) => a.priority - b.priority).map((rule) => rule.type);
  const typeOf = (key: string) => key.split(":")[0] as string;
  const seen = new Set<string>();
  const links: { a: string; b: string; alias: boolean; at: number }[] = [];
  for (const item of events) {
    const keys = identifiersOf(item, rules).map(({ type, value }) => `${type}:${value}`);
    const at = Date.parse(item.timestamp);
    for (const key of keys) {
      seen.add(key);
      if (key !== keys[0]) links.push({ a: keys[0] as string, b: key, alias: false, at });
    }
    if (item.type === "alias" && keys[0]) {
      for (const type of ["user_id", "anonymous_id"])
        links.push({ a: keys[0], b: `${type}:${item.previousId}`, alias: true, at });
    }
  }
  const shared = (key: string): boolean => {
    const bound = rules.identifiers.find((rule) => rule.type === typeOf(key))?.sharedAbove;
    if (bound === undefined) return false;
    return strength.slice(0, strength.indexOf(typeOf(key))).some((stronger) => {
      const partners = links
        .filter((link) => !link.alias && (link.a === key || link.b === key))
        .flatMap(({ a, b }) => [a, b]);
      return new Set(partners.filter((partner) => typeOf(partner) === stronger)).size > bound;
    });
  };
  const present = [...seen].filter((key) => !shared(key));
  const rank = (key: string) => strength.indexOf(typeOf(key));
  const sorted = links
    .filter((link) => link.a !== link.b && present.includes(link.a) && present.includes(link.b))
    .map((link) => {
      const [a, b] = [link.a, link.b].sort() as [string, string];
      const order = link.alias ? [-1, -1] : [Math.max(rank(a), rank(b)), Math.min(rank(a), rank(b))];
      return {
        ...link,
        order: [...order, link.at] as number[],
        text: `${a}\n${b}\n${link.alias ? "alias" : "same-event"}`,
      };
    })
    .sort((x, y) => {
      for (let i = 0; i < 3; i++) if (x.order[i] !== y.order[i]) return (x.order[i] ?? 0) - (y.order[i] ?? 0);
      return x.text < y.text ? -1 : x.text > y.text ? 1 : 0;
    });
  let groups: { members: string[]; renamed: Record<string, number> }[] = present.map((key) => ({
    members: [key],
    renamed: {},
  }));
  for (const link of sorted) {
    const left = groups.find((group) => group.members.includes(link.a));
    const right = groups.find((group) => group.members.includes(link.b));
    if (!left || !right || left === right) continue;
    const members = [...left.members, ...right.members];
    const renamed: Record<string, number> = { ...left.renamed };
    for (const [type, n] of Object.entries(right.renamed)) renamed[type] = (renamed[type] ?? 0) + n;
    const sameType = typeOf(link.a) === typeOf(link.b);
    if (link.alias && sameType) renamed[typeOf(link.a)] = (renamed[typeOf(link.a)] ?? 0) + 1;
    const fits = rules.identifiers.every((rule) => {
      const held = members.filter((key) => typeOf(key) === rule.type).length;
      if (held - (renamed[rule.type] ?? 0) > rule.limit) return false;
      return (
        !(link.alias && sameType && typeOf(link.a) === rule.type) || held <= Math.max(rules.aliasLimit, rule.limit)
      );
    });
    if (fits) groups = [...groups.filter((group) => group !== left && group !== right), { members, renamed }];
  }
  return groups.map(({ members }) => members.sort().join(" ")).sort();
}

describe("properties", () => {
  test("order, repetition and batching of events do not matter", () => {
    fc.assert(
      fc.property(
        fc
          .array(arbitraryEvent, { minLength: 1, maxLength: 25 })
          .chain((events) =>
            fc.tuple(
              fc.constant(events),
              fc.shuffledSubarray([...events, ...events], { minLength: events.length * 2 }),
              fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 8 }),
            ),
          ),
        ([events, shuffled, sizes]) => {
          const straight = gather(events, tight);
          // Batches are gathered apart and merged in pairs: associativity and commutativity together.
          const batches: Evidence[] = [];
          for (let at = 0, turn = 0; at < shuffled.length; turn++) {
            const size = sizes[turn % sizes.length] ?? 1;
            batches.push(gather(shuffled.slice(at, at + size), tight));
            at += size;
          }
          const merged = batches.reduceRight((all, one) => mergeEvidence(one, all), emptyEvidence());
          expect(bytes(merged)).toBe(bytes(straight));
          expect(absorbEvidence(merged, straight)).toBe(false);
          const [one, other] = [resolve(straight, tight), resolve(merged, tight)];
          expect(canonicalJson(other.profiles)).toBe(canonicalJson(one.profiles));
          expect([...other.assignment].sort()).toEqual([...one.assignment].sort());
        },
      ),
      { numRuns: 600 },
    );
  });

  test("an independent solver finds the same people", () => {
    fc.assert(
      fc.property(fc.array(arbitraryEvent, { maxLength: 25 }), (events) => {
        expect(partition(resolve(gather(events, tight), tight))).toEqual(naivePartition(events, tight));
      }),
      { numRuns: 600 },
    );
  });

  test("what is stored is what was known", () => {
    fc.assert(
      fc.property(fc.array(arbitraryEvent, { maxLength: 25 }), (events) => {
        const evidence = gather(events, tight);
        const [first] = resolve(evidence, tight).profiles;
        const profile = first && { id: first.profileId, version: first.version };
        const back = decodeComponent(encodeComponent({ evidence, profile }));
        expect(back).toEqual({ evidence, profile });
      }),
      { numRuns: 200 },
    );
  });

  test("no profile holds more of a type than its limit, and ids belong to their members", () => {
    fc.assert(
      fc.property(fc.array(arbitraryEvent, { maxLength: 40 }), (events) => {
        const noAlias = events.filter((item) => item.type !== "alias");
        for (const profile of resolve(gather(noAlias, tight), tight).profiles) {
          for (const rule of tight.identifiers) {
            expect(profile.identifiers.filter(({ type }) => type === rule.type).length).toBeLessThanOrEqual(rule.limit);
          }
          expect(profile.identifiers.map(({ type, value }) => profileIdOf(`${type}:${value}`))).toContain(
            profile.profileId,
          );
        }
      }),
      { numRuns: 200 },
    );
  });
});

test("a component of 500 identifiers resolves and stores in time and space", () => {
  const events = Array.from({ length: 499 }, (_, n) =>
    event({ minute: n, user: "hub", anonymous: `anon-${n}-x`, traits: { [`t${n % 40}`]: `value ${n}` } }),
  );
  const evidence = gather(events);
  expect(evidence.nodes.size).toBe(500);
  const began = performance.now();
  const { profiles } = resolve(evidence, defaultIdentityRules);
  expect(performance.now() - began).toBeLessThan(250);
  // 50 browsers belong to the hub; each of the others stands alone.
  expect(profiles.length).toBe(500 - 50);
  expect(encodeComponent({ evidence, profile: undefined }).byteLength).toBeLessThan(60_000);
});
