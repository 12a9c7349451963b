import {
  all,
  any,
  type CollectedRecord,
  collectItem,
  consent,
  context,
  count,
  defaultIdentityRules,
  distinct,
  type EventFilter,
  event,
  eventOf,
  eventTraitsOf,
  first,
  foldTraits,
  type IdentityRules,
  identifier,
  identify,
  isRejection,
  isStreamed,
  type Json,
  last,
  matches,
  max,
  min,
  mostFrequent,
  nodeKey,
  not,
  type Predicate,
  type Profile,
  page,
  property,
  recordOf,
  type SegmentDefinition,
  screen,
  segment,
  source,
  sql,
  sum,
  type TraitDefinition,
  type TraitDefinitions,
  type TraitFact,
  type TraitWindow,
  trait,
  traitFactOf,
} from "@tributary/model";
import fc from "fast-check";

export const minute = 60_000;
export const start = Date.parse("2026-03-01T00:00:00.000Z");
/** Phones are read less exactly in SQL (docs/lake/traits.md): those with a country code alone are in the worlds. */
export const rules: IdentityRules = defaultIdentityRules;

const texts = [
  "gold", "Gold", "", " ", "5", "12.50", "1e3", "-0", "true", "null", "null ", "a'b", 'say "hi"', "back\\slash", "tab\tnl\n", "\u0001\u001f\u007f",
  "é", "e\u0301", "日本", "👩‍👧", "\uffee", "𝒳", "[1]", '{"a":1}', "x".repeat(500), "x".repeat(501), "👩".repeat(500), "2026-03-01", "2026-03-01T00:05:00Z",
]; // biome-ignore format: a list of odd texts
const numbers = [
  0, -0, 1, -1, 2.5, 0.1, 0.2, 0.3, 1e-7, 5e-7, 51.1234565, -51.1234565, 1e7, 12345678.9, 1.5e-6, 999999999999.5, 1e15,
  -1e15, 1e21, 123456789012345,
];
const scalar = fc.oneof(
  { arbitrary: fc.constantFrom<Json>(...numbers), weight: 4 },
  { arbitrary: fc.constantFrom<Json>(...texts), weight: 3 },
  fc.integer({ min: -1000, max: 1000 }).map((n): Json => n / 100),
  fc.constantFrom<Json>(true, false, null),
  fc.string({ unit: "binary", maxLength: 4 }).filter((text) => !text.includes("\0")),
);
const value = fc.oneof(
  { arbitrary: scalar, weight: 8 },
  fc.constantFrom<Json>([], [1, "gold"], {}, { b: 1 }, { b: "gold", c: [null] }),
);
const values = fc.dictionary(fc.constantFrom("a", "b", "my prop", "o"), value, {
  minKeys: 2,
  maxKeys: 4,
}) as fc.Arbitrary<Record<string, Json>>;
const nested = fc
  .tuple(values, fc.option(values, { nil: undefined }))
  .map(([own, inner]): Record<string, Json> => (inner === undefined ? own : { ...own, o: inner }));

const userIds = [
  "u1",
  " u1 ",
  "\tu1\u3000",
  "u2",
  "null",
  "Undefined",
  "000",
  "aaaaaa",
  "AaAaAaA",
  " ",
  undefined,
  undefined,
  undefined,
];
const anonymousIds = ["a1", "b2", "c3", "zz", "x", undefined];
const emails = [
  "Jo@X.org",
  "jo@x.org",
  "mailto:jo@x.org",
  "J.o+tag@gmail.com",
  "jo@googlemail.com",
  "test@test.com",
  "no mail",
  "a@b",
  "jo@x.org\n",
  5,
  true,
  null,
];
const phones = ["+44 20 7946 0958", "0044 20 7946 0958", "+1 (201) 555-0123", "not", null];
const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined, freq: 2 });

/** What a client sends, with when it arrives. Few ids, times and names: they are to collide. */
const sent = fc
  .record({
    kind: fc.constantFrom("track", "track", "track", "page", "screen", "identify", "group"),
    name: fc.constantFrom("Order Completed", "Viewed", "", "It's 👩", undefined),
    userId: fc.constantFrom(...userIds),
    anonymousId: fc.constantFrom(...anonymousIds),
    email: maybe(fc.constantFrom<Json>(...emails)),
    phone: maybe(fc.constantFrom<Json>(...phones)),
    device: maybe(fc.constantFrom<Json>("d-1", "{d-2}", "dd", { a: 1 })),
    inContext: fc.constantFrom("no", "no", "yes", "yes", "as text"),
    properties: nested,
    campaign: maybe(value),
    messageId: fc.oneof(
      fc.constantFrom("m1", "M3", "m\uffee", "m👩"),
      fc.nat(40).map((n) => `m${n}`),
    ),
    sourceId: fc.constantFrom("shop", "app"),
    /** Minutes from the start that it happened, that the clock is off, and that it took to arrive. */
    minutes: fc.integer({ min: 0, max: 30 }),
    millis: fc.constantFrom(0, 0, 1, -1, 500),
    clock: fc.constantFrom(0, 0, 7, 8, -53, 525_600),
    late: fc.constantFrom(0, 0, 1, 7.5, 600, 40_000),
    timed: fc.constantFrom("both", "both", "stated", "none"),
  })
  .map((given) => {
    const { kind, name, email, phone, properties } = given;
    const people = { ...(email === undefined ? {} : { email }), ...(phone === undefined ? {} : { phone }) };
    const happened = start + given.minutes * minute + given.millis;
    const stated = happened + given.clock * minute;
    const arrived = happened + given.late * minute;
    const at = (time: number) => new Date(time).toISOString();
    const item = {
      type: kind,
      ...(kind === "track" ? { event: name || "Order Completed" } : {}),
      ...(kind === "page" || kind === "screen" ? { name } : {}),
      ...(kind === "group" ? { groupId: "g" } : {}),
      userId: given.userId,
      anonymousId: given.anonymousId ?? (given.userId === undefined ? "a1" : undefined),
      messageId: given.messageId,
      ...(kind === "identify" || kind === "group"
        ? { traits: { ...properties, ...people } }
        : { properties: { ...properties, ...(given.inContext === "yes" ? {} : people) } }),
      context: {
        ...(given.campaign === undefined ? {} : { campaign: { source: given.campaign } }),
        ...(given.device === undefined ? {} : { device: { id: given.device } }),
        ...(given.inContext === "no" ? {} : { traits: given.inContext === "yes" ? people : JSON.stringify(people) }),
      },
      ...(given.timed === "none" ? {} : { originalTimestamp: at(stated) }),
      ...(given.timed === "both" ? { sentAt: at(stated + 3) } : {}),
    };
    return { item: JSON.parse(JSON.stringify(item)) as Json, sourceId: given.sourceId, receivedAt: at(arrived) };
  });

const window: fc.Arbitrary<TraitWindow> = fc.oneof(
  fc.constantFrom<TraitWindow>({ minutes: 1 }, { minutes: 5 }, { hours: 1 }, { days: 30 }),
  fc.integer({ min: 1, max: 40 }).map((minutes) => ({ minutes })),
);
const plain = fc.oneof(
  fc.constantFrom<string | number | boolean>(...texts, ...numbers.filter((n) => Math.abs(n) < 1e15), true, false),
);
const filter: fc.Arbitrary<EventFilter> = fc
  .tuple(
    fc.constantFrom("a", "b", "my prop", "o.b"),
    fc.nat(7),
    fc.array(plain, { minLength: 1, maxLength: 3 }),
    fc.constantFrom(0, 1, -0.5, 12.5, 100),
  )
  .map(([path, op, wanted, bound]) => {
    const field = path === "b" && op === 0 ? context("campaign.source") : property(path);
    const one = wanted[0] ?? "";
    return (
      (
        [
          field.exists(),
          field.equals(one),
          field.oneOf(...wanted),
          field.noneOf(...wanted),
          field.atLeast(bound),
          field.atMost(bound),
          field.above(bound),
          source().equals("shop"),
        ] as const
      )[op] ?? field.exists()
    );
  });
const selection = fc
  .tuple(
    fc.constantFrom(
      event("Order Completed"),
      event("Order Completed"),
      event("It's 👩"),
      page(),
      page("Viewed"),
      screen(),
      identify(),
    ),
    fc.oneof(
      { arbitrary: fc.constant<EventFilter[]>([]), weight: 2 },
      fc.array(filter, { minLength: 1, maxLength: 2 }),
    ),
  )
  .map(([events, filters]) => (filters.length === 0 ? events : events.where(...filters)));
const definition: fc.Arbitrary<TraitDefinition> = fc
  .tuple(selection, fc.nat(10), fc.constantFrom("a", "b", "my prop", "o.b"), fc.option(window, { nil: undefined }))
  .map(([of, fold, path, within]) => {
    const field = of.property(path);
    const made = [
      count(of), sum(field), sum(field), min(field), max(field), first(field), last(field), distinct(field), mostFrequent(field), last(of.time()),
      last(of.context("campaign.source")),
    ][fold]; // biome-ignore format: one a fold
    if (made === undefined) throw new Error("no such fold");
    return within === undefined ? made : made.within(within);
  });
const traitNames = ["one", "two", "three", "plan"];
const traits: fc.Arbitrary<TraitDefinitions> = fc.dictionary(fc.constantFrom(...traitNames), definition, {
  minKeys: 1,
});

const eventPredicate: fc.Arbitrary<Predicate> = fc
  .tuple(
    selection,
    fc.constantFrom("atLeast", "atMost", "none"),
    fc.integer({ min: 1, max: 3 }),
    fc.option(window, { nil: undefined }),
  )
  .map(([of, op, times, within]) => {
    const made = op === "none" ? of.none() : op === "atLeast" ? of.atLeast(times) : of.atMost(times);
    return within === undefined ? made : made.within(within);
  });
const traitPredicate: fc.Arbitrary<Predicate> = fc
  .tuple(
    fc.constantFrom(...traitNames, "tags", "city.name", "born", "plan.x"),
    fc.nat(8),
    fc.array(plain, { minLength: 1, maxLength: 2 }),
    fc.constantFrom(0, 1, 2.5, 100),
  )
  .map(([name, op, wanted, bound]) => {
    const of = trait(name);
    const made = [
      of.exists(),
      of.equals(wanted[0] ?? ""),
      of.oneOf(...wanted),
      of.atLeast(bound),
      of.atMost(bound),
      of.above(bound),
      of.below(bound),
      of.before("2026-03-01T00:06:00Z"),
      of.after("2026-03-01"),
    ];
    return made[op] ?? of.exists();
  });
const predicate: fc.Arbitrary<Predicate> = fc.letrec<{ some: Predicate }>((tie) => ({
  some: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    eventPredicate,
    traitPredicate,
    fc.constantFrom(identifier("email").exists(), identifier("user_id").exists(), consent("marketing").granted()),
    fc.array(tie("some"), { minLength: 1, maxLength: 3 }).map((of) => all(...of)),
    fc.array(tie("some"), { minLength: 1, maxLength: 3 }).map((of) => any(...of)),
    tie("some").map(not),
  ),
})).some;
const segments: fc.Arbitrary<Record<string, SegmentDefinition>> = fc
  .dictionary(fc.constantFrom("vip", "lapsed", "all-3"), predicate, { minKeys: 1 })
  .map(
    (given): Record<string, SegmentDefinition> => ({
      ...Object.fromEntries(Object.entries(given).map(([name, of]) => [name, segment(of)])),
      asked: segment(sql("select profile_id from curated.people where profile_id <> 'p2' -- by hand\n;")),
    }),
  );

const profileIds = ["p1", "p2", "p3"];
/** Who is who: each identifier a profile's, or nobody's. */
const owners = fc.array(fc.constantFrom(...profileIds, ...profileIds, undefined), { minLength: 16, maxLength: 16 });
const stored = fc.dictionary(
  fc.constantFrom("plan", "tags", "city", "born", "one"),
  fc.oneof(
    scalar.filter((each) => typeof each !== "number" || Math.abs(each) < 1e7),
    fc.constantFrom<Json>(["gold", 5, "a'b"], ["5"], { name: "gold" }, [], [true]),
  ),
);

export interface World {
  readonly sent: readonly { readonly item: Json; readonly sourceId: string; readonly receivedAt: string }[];
  readonly traits: TraitDefinitions;
  readonly segments: Readonly<Record<string, SegmentDefinition>>;
  readonly owners: readonly (string | undefined)[];
  readonly stored: readonly Readonly<Record<string, Json>>[];
  readonly granted: readonly (boolean | undefined)[];
  /** Instants: which edge of which event each is at, and milliseconds beside it. */
  readonly instants: readonly (readonly [event: number, definition: number, leaving: boolean, beside: number])[];
}

export const world: fc.Arbitrary<World> = fc.record({
  sent: fc.array(sent, { minLength: 10, maxLength: 60, size: "max" }),
  traits,
  segments,
  owners,
  stored: fc.array(stored, { minLength: 3, maxLength: 3 }),
  granted: fc.array(fc.constantFrom(true, false, undefined), { minLength: 3, maxLength: 3 }),
  instants: fc.array(fc.tuple(fc.nat(), fc.nat(), fc.boolean(), fc.constantFrom(-1, 0, 0, 1, 333, 3_600_000)), {
    minLength: 4,
    maxLength: 4,
  }),
});

/** The records of the raw zone: each as collected, some delivered again. */
export function recordsOf(given: World): CollectedRecord[] {
  return given.sent.map(({ item, sourceId, receivedAt }) =>
    collectItem(item, {}, { sourceId, receivedAt }, () => Buffer.from("")),
  );
}

export interface Streamed {
  /** By identifier `type:value`: whose it is. */
  readonly owners: ReadonlyMap<string, string>;
  readonly profiles: readonly Profile[];
  readonly facts: ReadonlyMap<string, readonly TraitFact[]>;
  readonly all: TraitDefinitions;
}

/** What the stream knows: of each message the first that arrived, hung on its strongest identifier. */
export function streamed(given: World, records: readonly CollectedRecord[]): Streamed {
  const all = { ...given.traits, ...eventTraitsOf(given.segments) };
  const hubs = new Map<string, TraitFact[]>();
  const seen = new Set<string>();
  const identifiers = new Map<string, { type: string; value: string }>();
  for (const record of [...records].sort((a, b) =>
    a.received_at < b.received_at ? -1 : a.received_at > b.received_at ? 1 : a.payload < b.payload ? -1 : 1,
  )) {
    const found = record.type === "rejected" ? undefined : eventOf(record);
    if (found === undefined || isRejection(found)) continue;
    const key = `${found.sourceId}#${found.messageId}`;
    if (seen.has(key)) continue;
    seen.add(key);
    const about = recordOf(found, rules);
    if (about === undefined) continue;
    for (const each of [about.hub, ...about.others]) identifiers.set(nodeKey(each), each);
    const fact = traitFactOf(found, all);
    if (fact) hubs.set(nodeKey(about.hub), [...(hubs.get(nodeKey(about.hub)) ?? []), fact]);
  }
  const owned = new Map<string, string>();
  [...identifiers.keys()].sort().forEach((key, index) => {
    const owner = given.owners[index % given.owners.length];
    if (owner !== undefined) owned.set(key, owner);
  });
  const facts = new Map<string, TraitFact[]>();
  for (const [hub, said] of hubs) {
    const owner = owned.get(hub);
    if (owner !== undefined) facts.set(owner, [...(facts.get(owner) ?? []), ...said]);
  }
  const seenAt = "2026-03-01T00:00:00.000Z";
  const profiles = profileIds.map((profileId, index): Profile => {
    const granted = given.granted[index];
    return {
      profileId,
      identifiers: [...owned].flatMap(([key, owner]) => {
        const known = identifiers.get(key);
        return owner === profileId && known ? [{ ...known, firstSeen: seenAt, lastSeen: seenAt }] : [];
      }),
      traits: given.stored[index] ?? {},
      lineage: {},
      consent: granted === undefined ? {} : { marketing: { granted, at: seenAt } },
      firstSeen: seenAt,
      lastSeen: seenAt,
      version: "1",
    };
  });
  return { owners: owned, profiles, facts, all };
}

/** Computed traits by profile, and members by segment, as the stream has them at an instant. */
export function standing({ profiles, facts, all }: Streamed, given: World, at: number) {
  const computed = new Map(
    profiles.map(({ profileId }) => [profileId, foldTraits(facts.get(profileId) ?? [], all, at).values]),
  );
  const members = Object.entries(given.segments).flatMap(([name, definition]) =>
    isStreamed(definition)
      ? profiles.flatMap((profile) => {
          const stored = Object.fromEntries(Object.entries(profile.traits).filter(([key]) => !Object.hasOwn(all, key)));
          const whole = { ...profile, traits: { ...stored, ...computed.get(profile.profileId) } };
          return matches(definition.predicate, whole) ? [`${name} ${profile.profileId}`] : [];
        })
      : profiles.filter(({ profileId }) => profileId !== "p2").map(({ profileId }) => `${name} ${profileId}`),
  );
  return { computed, members: members.sort() };
}
