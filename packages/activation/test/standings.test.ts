import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  all,
  audience,
  type CustomerEvent,
  count,
  defaultIdentityRules,
  event,
  foldTraits,
  type Identifier,
  last,
  matches,
  nodeKey,
  not,
  type Profile,
  recordOf,
  retractionKey,
  segment,
  sql,
  sum,
  type TraitFact,
  trait,
  traitFactOf,
} from "@tributary/model";
import { ProfileStore, setAwsDoor } from "@tributary/runtime";
import type { DynamoDBRecord } from "aws-lambda";
import fc from "fast-check";
import { makeResolver } from "../../identity-resolution/src/functions/resolver";
import { makeSteward } from "../../identity-resolution/src/functions/steward";
import { DynamoGraph } from "../../identity-resolution/src/store/dynamo-graph";
import { DynamoStewardGraph } from "../../identity-resolution/src/store/dynamo-steward";
import { Kernel } from "../../local/src/kernel";
import { install } from "../../local/src/services/dynamodb";
import type { AudienceEvent } from "../src/domain/audience-event";
import { definitionsOf, withComputed } from "../src/domain/standing/computed";
import { dueIndex } from "../src/env";
import { audienceEventOf } from "../src/functions/announce";
import { makeRecompute } from "../src/functions/recompute";
import { makeSegmentImporter, type SegmentPlan } from "../src/functions/segment-importer";
import { makeSettleProfiles } from "../src/functions/settle-profiles";
import { makeSweep } from "../src/functions/sweep";
import { makeTraitFacts } from "../src/functions/trait-facts";
import { computeBy } from "../src/store/computed-profiles";
import { SegmentMembers } from "../src/store/segment-members";
import { SettleStore, settleOver, tellOver } from "../src/store/settle-store";

/**
 * Computed traits and audiences kept up by many functions at once, over the embedded runtime's DynamoDB and its streams,
 * with the resolver and the steward beside them. The oracle is `foldTraits` over everything at one instant.
 */

const minute = 60_000;
const start = Date.parse("2026-05-01T12:00:00.000Z");
let clock = start;
/** Lets other calls go first, a random number of turns. */
let random = () => 0;
const calls = new Map<string, number>();

const folder = mkdtempSync(join(tmpdir(), "tributary-standings-"));
const kernel = new Kernel({ dataDir: folder, now: () => clock });

beforeAll(() => {
  install(kernel);
  setAwsDoor({
    call: async (service, operation, input) => {
      calls.set(operation, (calls.get(operation) ?? 0) + 1);
      for (let turns = random(); turns > 0; turns--) await new Promise((resolve) => setImmediate(resolve));
      return kernel.call(service, operation, input);
    },
  });
});

afterAll(async () => {
  setAwsDoor(undefined);
  await kernel.close();
  rmSync(folder, { recursive: true, force: true });
});

const predicates = {
  buyers: audience(trait("orders").atLeast(2)),
  spenders: audience(all(trait("revenue").atLeast(50), trait("vip").equals(true))),
  active: audience(trait("orders_1h").atLeast(1)),
  idle: audience(all(event("Viewed").atLeast(1), not(event("Viewed").atLeast(1).within({ minutes: 20 })))),
  lost: audience(event("Order Completed").none().within({ minutes: 45 })),
};
const definitions = definitionsOf(
  {
    orders: count(event("Order Completed")),
    revenue: sum(event("Order Completed").property("total")),
    orders_1h: count(event("Order Completed")).within({ hours: 1 }),
    last_page: last(event("Viewed").property("page")).within({ minutes: 30 }),
  },
  { ...predicates, picked: segment(sql("select profile_id from curated.people")) },
);

type Item = Record<string, { S?: string; N?: string; BOOL?: boolean }>;
let worlds = 0;

/** A platform of its own: tables, functions, queues of what is not delivered yet. */
async function fresh() {
  const world = ++worlds;
  const name = (table: string) => `${table}-${world}`;
  const streams = new Map<string, string>();
  for (const [table, hash, range] of [
    ["graph", "key", "part"],
    ["profiles", "profileId", undefined],
    ["facts", "identifier", "fact"],
    ["standings", "profileId", undefined],
    ["events", "id", undefined],
    ["memberships", "audience", "profileId"],
  ] as const) {
    const keys = [hash, ...(range ? [range] : [])];
    const due = table === "standings";
    const { TableDescription } = await kernel.call<{ TableDescription: { LatestStreamArn?: string } }>(
      "dynamodb",
      "CreateTable",
      {
        TableName: name(table),
        KeySchema: keys.map((key, place) => ({ AttributeName: key, KeyType: place === 0 ? "HASH" : "RANGE" })),
        AttributeDefinitions: [
          ...keys.map((key) => ({ AttributeName: key, AttributeType: "S" })),
          ...(due
            ? [
                { AttributeName: "dueShard", AttributeType: "S" },
                { AttributeName: "nextChange", AttributeType: "N" },
              ]
            : []),
        ],
        BillingMode: "PAY_PER_REQUEST",
        StreamSpecification: { StreamEnabled: true, StreamViewType: "NEW_AND_OLD_IMAGES" },
        ...(due
          ? {
              GlobalSecondaryIndexes: [
                {
                  IndexName: dueIndex,
                  KeySchema: [
                    { AttributeName: "dueShard", KeyType: "HASH" },
                    { AttributeName: "nextChange", KeyType: "RANGE" },
                  ],
                  Projection: { ProjectionType: "KEYS_ONLY" },
                },
              ],
            }
          : {}),
      },
    );
    streams.set(table, TableDescription.LatestStreamArn ?? "");
  }
  const tables = {
    GRAPH_TABLE: name("graph"),
    PROFILES_TABLE: name("profiles"),
    TRAIT_FACTS_TABLE: name("facts"),
    STANDINGS_TABLE: name("standings"),
    MEMBERSHIPS_TABLE: name("memberships"),
  };
  const identity = { graph: name("graph"), profiles: name("profiles") };
  const store = new SettleStore(tables, () => clock);
  const settle = settleOver(store, definitions);
  const rules = defaultIdentityRules;
  const known = new SegmentMembers({ memberships: name("memberships"), traitFacts: name("facts") });
  return {
    importer: makeSegmentImporter(["picked"], {
      size: async () => 0,
      lines: async function* (_bucket, key) {
        yield '"segment","profile_id"';
        for (const id of JSON.parse(key) as string[]) yield `"picked","${id}"`;
      },
      begin: (segmentName, run) => known.begin(segmentName, run),
      members: (segmentName, range) => known.members(segmentName, range),
      ...tellOver(store, definitions),
    }),
    resolver: makeResolver(new DynamoGraph(identity), rules, { backoff: async () => undefined }),
    steward: makeSteward(new DynamoStewardGraph(identity), rules, { backoff: async () => undefined }),
    traitFacts: makeTraitFacts({ definitions, rules, facts: store.traitFacts, profiles: store.profiles, settle }),
    propagate: makeSettleProfiles(settle),
    sweep: makeSweep(store.standings, settle, () => clock),
    compute: computeBy(tables, definitions, () => clock),
    recompute: makeRecompute({
      definitions,
      rules,
      facts: store.traitFacts,
      settle,
      tables: { events: name("events"), profiles: name("profiles") },
    }),
    store,
    profiles: new ProfileStore(identity),
    dispose: async () => {
      for (const TableName of [...Object.values(tables), name("events")])
        await kernel.call("dynamodb", "DeleteTable", { TableName });
    },
    scan: async (table: string) =>
      (await kernel.call<{ Items?: Item[] }>("dynamodb", "Scan", { TableName: name(table) })).Items ?? [],
    /** Records of a stream by shard, after a sequence number. */
    read: (table: string, shard: number, after: string | undefined, limit: number) => {
      const log = kernel.logs.get(streams.get(table) ?? "");
      if (!log) throw new Error(`no stream of ${table}`);
      const id = log.shards()[shard] ?? "";
      return log.read(id, after, limit).map((record) => ({
        sequence: record.sequenceNumber,
        record: log.toLambda(id, record) as unknown as DynamoDBRecord,
      }));
    },
  };
}
type World = Awaited<ReturnType<typeof fresh>>;

const inserted = (events: readonly CustomerEvent[]) => ({
  Records: events.map((one, index) => ({
    eventName: "INSERT" as const,
    dynamodb: { SequenceNumber: String(index + 1), NewImage: { event: { S: JSON.stringify(one) } } },
  })),
});

function made(id: string, at: number, names: object, content: object): CustomerEvent {
  const timestamp = new Date(at).toISOString();
  return {
    messageId: id,
    sourceId: "web",
    timestamp,
    receivedAt: timestamp,
    context: {},
    ...names,
    ...content,
  } as CustomerEvent;
}
const order = (total: number) => ({ type: "track", event: "Order Completed", properties: { total } });
const viewed = (page: string) => ({ type: "track", event: "Viewed", properties: { page } });

/** The functions with what each has read so far. */
class Platform {
  readonly events: CustomerEvent[] = [];
  readonly retracted = new Set<string>();
  /** Nights come one after the other. */
  importing: Promise<unknown> = Promise.resolve();
  private nights = 0;
  private readonly read = { resolver: 0, traitFacts: 0 };
  private readonly shards: { after: string | undefined; busy: Promise<void> }[] = Array.from({ length: 4 }, () => ({
    after: undefined,
    busy: Promise.resolve(),
  }));

  constructor(readonly world: World) {}

  /** Delivers the next events, and some before them again. */
  async deliver(to: "resolver" | "traitFacts", some: number, again: number): Promise<void> {
    const from = this.read[to];
    this.read[to] = Math.min(this.events.length, from + some);
    const batch = this.events.slice(Math.max(0, from - again), this.read[to]);
    if (batch.length === 0) return;
    for (let left = 20; left > 0; left--) {
      const { batchItemFailures } = await this.world[to](inserted(batch));
      if (batchItemFailures.length === 0) return;
    }
    throw new Error(`${to} keeps failing`);
  }

  /** One shard of the profiles' stream; the last batch comes again where `advance` is false. */
  propagate(shard: number, some: number, advance: boolean): Promise<void> {
    const state = this.shards[shard];
    if (!state) throw new Error(`no shard ${shard}`);
    state.busy = state.busy.then(async () => {
      const batch = this.world.read("profiles", shard, state.after, some);
      if (batch.length === 0) return;
      const { batchItemFailures } = await this.world.propagate({ Records: batch.map(({ record }) => record) });
      if (batchItemFailures.length === 0 && advance) state.after = batch.at(-1)?.sequence;
    });
    return state.busy;
  }

  sweep(): Promise<unknown> {
    return this.world.sweep({}, { getRemainingTimeInMillis: () => 60_000 });
  }

  /** The lake's night: some of the profiles that it knows are in the segment. */
  async night(bits: number): Promise<string[]> {
    const all = (await this.world.scan("profiles")).filter(({ kind }) => kind?.S === "profile");
    const ids = all.map(({ profileId }) => profileId?.S ?? "").sort();
    const picked = ids.filter((_, index) => (bits >> (index % 8)) & 1);
    const asOf = new Date(start + ++this.nights * minute).toISOString();
    const common = { location: `s3://lake/${JSON.stringify(picked)}`, asOf, startedAt: asOf };
    const context = { getRemainingTimeInMillis: () => 900_000 };
    const { ranges } = (await this.world.importer({ action: "plan", ...common }, context)) as SegmentPlan;
    for (const action of ["enter", "leave"])
      await Promise.all(ranges.map((range) => this.world.importer({ action, ...common, ...range }, context)));
    return picked;
  }

  async drain(): Promise<void> {
    await this.deliver("traitFacts", 10_000, 0);
    await this.deliver("resolver", 10_000, 0);
    for (const [shard, state] of this.shards.entries()) {
      for (let before: string | undefined | null = null; before !== state.after; ) {
        before = state.after;
        await this.propagate(shard, 100, true);
      }
    }
    await this.sweep();
  }

  /** What everything that is known comes to at an instant. */
  async expected(at: number): Promise<{ person: Profile; values: object; audiences: string[] }[]> {
    const hung = new Map<string, TraitFact[]>();
    for (const one of this.events) {
      const fact = traitFactOf(one, definitions.all);
      const hub = recordOf(one, defaultIdentityRules)?.hub;
      if (!fact || !hub || this.retracted.has(retractionKey(fact))) continue;
      hung.set(nodeKey(hub), [...(hung.get(nodeKey(hub)) ?? []), fact]);
    }
    const ids = (await this.world.scan("profiles")).filter(({ kind }) => kind?.S === "profile");
    const profiles = await this.world.profiles.byIds(ids.map(({ profileId }) => profileId?.S ?? ""));
    return [...profiles.values()].map((profile) => {
      const facts = profile.identifiers.flatMap((one: Identifier) => hung.get(nodeKey(one)) ?? []);
      const { values } = foldTraits(facts, definitions.all, at);
      const person = withComputed(profile, values, definitions);
      const audiences = Object.entries(predicates).filter(([, { predicate }]) => matches(predicate, person));
      return { person, values, audiences: audiences.map(([name]) => name).sort() };
    });
  }

  /** Who is in the audience that is a segment by SQL. */
  async picked(): Promise<string[]> {
    const items = await this.world.scan("memberships");
    return items.flatMap(({ audience: name, profileId, member }) =>
      name?.S === "picked" && member?.BOOL ? [profileId?.S ?? ""] : [],
    );
  }

  async members(): Promise<Map<string, string[]>> {
    const found = new Map<string, string[]>();
    for (const { audience: name, profileId, member } of await this.world.scan("memberships")) {
      if (!member?.BOOL || name?.S === "picked") continue;
      found.set(profileId?.S ?? "", [...(found.get(profileId?.S ?? "") ?? []), name?.S ?? ""].sort());
    }
    return found;
  }

  /** Everything that the memberships' stream told, by profile and audience. */
  announced(): Map<string, AudienceEvent[]> {
    const told = new Map<string, AudienceEvent[]>();
    for (let shard = 0; shard < 4; shard++) {
      for (const { record } of this.world.read("memberships", shard, undefined, 10_000)) {
        const one = audienceEventOf(record);
        if (!one) continue;
        const place = `${one.profileId} ${one.properties.audience_key}`;
        told.set(place, [...(told.get(place) ?? []), one]);
      }
    }
    return told;
  }
}

async function check(platform: Platform): Promise<void> {
  const expected = await platform.expected(clock);
  const members = await platform.members();
  const alive = new Set(expected.map(({ person }) => person.profileId));
  for (const { person, values, audiences } of expected) {
    const standing = await platform.world.store.standing(person.profileId);
    expect(standing?.values).toEqual(values);
    expect(members.get(person.profileId) ?? []).toEqual(audiences);
  }
  expect([...members.keys()].filter((id) => !alive.has(id))).toEqual([]);
  const ids = new Set<string>();
  for (const [place, told] of platform.announced()) {
    told.forEach((one, index) => {
      expect(one.properties.sequence).toBe(index + 1);
      expect(one.event).toBe(index % 2 === 0 ? "Audience Entered" : "Audience Exited");
      expect(ids.has(one.messageId)).toBe(false);
      ids.add(one.messageId);
    });
    const [profileId = "", name = ""] = place.split(" ");
    if (name === "picked") continue;
    expect(told.length % 2 === 1).toBe((members.get(profileId) ?? []).includes(name));
  }
}

type Command =
  | { do: "event"; who: number; kind: number; ago: number }
  | { do: "deliver"; to: "resolver" | "traitFacts"; some: number; again: number }
  | { do: "propagate"; shard: number; some: number; advance: boolean }
  | { do: "sweep" }
  | { do: "wait"; minutes: number }
  | { do: "steward"; action: "unlink" | "link" | "withdraw"; a: number; b: number }
  | { do: "rush"; parts: number }
  | { do: "look"; who: number }
  | { do: "night"; bits: number };

const people = [
  { userId: "u1", anonymousId: "b1" },
  { userId: "u2", anonymousId: "b2" },
  { anonymousId: "b1" },
  { anonymousId: "b2" },
  { anonymousId: "b3" },
  { userId: "u1", anonymousId: "b3" },
  { userId: "u2", anonymousId: "b1" },
];
const named = ["user_id:u1", "user_id:u2", "anonymous_id:b1", "anonymous_id:b2", "anonymous_id:b3"];

function commandOf(): fc.Arbitrary<Command> {
  const small = fc.integer({ min: 0, max: 6 });
  const weighted: [number, fc.Arbitrary<Command>][] = [
    [
      8,
      fc.record({
        do: fc.constant("event" as const),
        who: small,
        kind: fc.integer({ min: 0, max: 9 }),
        ago: fc.integer({ min: -2, max: 90 }),
      }),
    ],
    [
      6,
      fc.record({
        do: fc.constant("deliver" as const),
        to: fc.constantFrom("resolver" as const, "traitFacts" as const),
        some: fc.integer({ min: 1, max: 5 }),
        again: small,
      }),
    ],
    [
      5,
      fc.record({
        do: fc.constant("propagate" as const),
        shard: fc.integer({ min: 0, max: 3 }),
        some: fc.integer({ min: 1, max: 4 }),
        advance: fc.boolean(),
      }),
    ],
    [5, fc.record({ do: fc.constant("rush" as const), parts: fc.integer({ min: 1, max: 4 }) })],
    [2, fc.record({ do: fc.constant("sweep" as const) })],
    [2, fc.record({ do: fc.constant("wait" as const), minutes: fc.integer({ min: 1, max: 40 }) })],
    [
      1,
      fc.record({
        do: fc.constant("steward" as const),
        action: fc.constantFrom("unlink" as const, "link" as const, "withdraw" as const),
        a: fc.integer({ min: 0, max: 4 }),
        b: fc.integer({ min: 0, max: 4 }),
      }),
    ],
    [1, fc.record({ do: fc.constant("look" as const), who: fc.integer({ min: 0, max: 4 }) })],
    [1, fc.record({ do: fc.constant("night" as const), bits: fc.integer({ min: 0, max: 255 }) })],
  ];
  return fc.oneof(...weighted.map(([weight, arbitrary]) => ({ weight, arbitrary })));
}

async function run(platform: Platform, command: Command): Promise<unknown> {
  switch (command.do) {
    case "event": {
      const { who, kind, ago } = command;
      const at = clock - ago * minute + platform.events.length;
      const content =
        kind < 4
          ? order(kind * 10 + 0.5)
          : kind < 7
            ? viewed(`/${kind}`)
            : kind < 9
              ? { type: "identify", traits: { vip: kind === 7, orders: "stated" } }
              : { type: "track", event: "Nobody Asks", properties: {} };
      platform.events.push(made(`m${platform.events.length}`, at, people[who] ?? {}, content));
      return;
    }
    case "deliver":
      return platform.deliver(command.to, command.some, command.again);
    case "propagate":
      return platform.propagate(command.shard, command.some, command.advance);
    case "rush":
      // All at once: what races there can be.
      return Promise.all([
        ...Array.from({ length: command.parts }, () => platform.deliver("traitFacts", 2, 0)),
        ...Array.from({ length: command.parts }, () => platform.deliver("resolver", 2, 0)),
        ...[0, 1, 2, 3].map((shard) => platform.propagate(shard, 2, true)),
      ]);
    case "sweep":
      return platform.sweep();
    case "wait":
      clock += command.minutes * minute;
      return;
    case "steward": {
      const [a, b] = [named[command.a], named[command.b]];
      if (a === b) return;
      return platform.world.steward({ action: command.action, a, b, by: "sam@example.org" });
    }
    case "night":
      platform.importing = platform.importing.then(() => platform.night(command.bits));
      return platform.importing;
    case "look": {
      const [type = "", value = ""] = (named[command.who] ?? "").split(":");
      const found = await platform.world.profiles.byIdentifier({ type, value });
      return found && platform.world.compute(found);
    }
  }
}

test("whatever the order, the batches, the repeats and the races: traits and audiences are those of everything known", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(commandOf(), { minLength: 1, maxLength: 5 }), { minLength: 4, maxLength: 40 }),
      fc.infiniteStream(fc.integer({ min: 0, max: 9 })),
      async (groups, turns) => {
        clock = start;
        random = () => turns.next().value as number;
        const world = await fresh();
        const platform = new Platform(world);
        for (const [index, group] of groups.entries()) {
          // Time moves between groups; within one, everything goes on at once.
          for (const command of group)
            if (command.do === "wait" || command.do === "event") await run(platform, command);
          await Promise.all(
            group
              .filter((command) => command.do !== "wait" && command.do !== "event")
              .map((command) => run(platform, command)),
          );
          if (index % 13 === 12) {
            await platform.drain();
            await check(platform);
          }
        }
        await platform.drain();
        await check(platform);
        const picked = await platform.night(0b1011);
        expect((await platform.picked()).sort()).toEqual(picked);
        clock += 2 * 60 * minute;
        // The profile API is exact while no sweep has run.
        for (const { person } of await platform.expected(clock)) {
          const stored = (await platform.world.profiles.byIds([person.profileId])).get(person.profileId);
          const shown = stored && (await platform.world.compute(stored));
          const wanted = Object.entries(person.traits).filter(([name]) => !name.startsWith("event:"));
          expect(shown?.traits).toEqual(Object.fromEntries(wanted));
        }
        await platform.sweep();
        await check(platform);
        await world.dispose();
      },
    ),
    {
      numRuns: Number(process.env.RUNS ?? 25),
      endOnFailure: process.env.RUNS !== undefined,
      ...(process.env.SEED ? { seed: Number(process.env.SEED) } : {}),
    },
  );
}, 120_000);

test("an event that a steward took back counts no longer, and comes back neither by delivery nor by a merge", async () => {
  clock = start;
  random = () => 0;
  const world = await fresh();
  const platform = new Platform(world);
  const jo = { userId: "u1", anonymousId: "b1" };
  platform.events.push(
    made("a", start - 3 * minute, jo, order(70)),
    made("b", start - 2 * minute, jo, order(30)),
    made("c", start - minute, { anonymousId: "b2" }, order(5)),
  );
  await platform.drain();
  await check(platform);
  const taken = { action: "retract", identifier: "user_id:u1", sourceId: "web", messageId: "a", by: "sam@example.org" };
  expect(await world.steward(taken)).toMatchObject({ ok: true });
  platform.retracted.add(retractionKey({ sourceId: "web", messageId: "a" }));
  platform.events.push(made("d", start, { userId: "u1", anonymousId: "b2" }, viewed("/")));
  await platform.deliver("traitFacts", 10, 4);
  await platform.deliver("resolver", 10, 4);
  await platform.drain();
  await check(platform);
  const person = await world.profiles.byIdentifier({ type: "user_id", value: "u1" });
  expect(person && (await world.compute(person)).traits).toMatchObject({ orders: 2, revenue: 35 });
});

test("what was there before the traits were declared is computed on demand, page by page", async () => {
  clock = start;
  random = () => 0;
  const world = await fresh();
  const platform = new Platform(world);
  for (let n = 0; n < 1_100; n++) {
    const names = { userId: `u${n % 700}`, anonymousId: `b${n % 900}` };
    platform.events.push(made(`m${n}`, start - n * 1_000, names, n % 5 === 0 ? viewed("/") : order(n % 60)));
  }
  await platform.deliver("resolver", 10_000, 0);
  for (const one of platform.events) {
    const Item = { id: { S: `web#${one.messageId}` }, event: { S: JSON.stringify(one) } };
    await kernel.call("dynamodb", "PutItem", { TableName: `events-${worlds}`, Item });
  }
  // A call's time is up after each page.
  let answer: Awaited<ReturnType<World["recompute"]>> | undefined;
  let seen = 0;
  let call = 0;
  for (; answer?.position !== null && call < 20; call++) {
    let looks = 0;
    answer = await world.recompute(answer ? { position: answer.position } : {}, {
      getRemainingTimeInMillis: () => (looks++ === 0 ? 50_000 : 0),
    });
    seen += answer.events;
  }
  expect([seen, call > 4, answer?.position]).toEqual([1_100, true, null]);
  await check(platform);
  await expect(world.recompute({ from: 1 }, { getRemainingTimeInMillis: () => 1 })).rejects.toThrow("give {} to begin");
});
