import {
  all,
  audience,
  count,
  event,
  type Profile,
  profileIdOf,
  type TraitFact,
  trait,
  traitFactOf,
} from "@tributary/model";
import type { DynamoDBRecord } from "aws-lambda";
import { definitionsOf } from "../src/domain/standing/computed";
import { type SettlePorts, settle } from "../src/domain/standing/settle";
import type { Reason, Standing, Step } from "../src/domain/standing/standing";
import { audienceEventOf, makeAnnounce } from "../src/functions/announce";
import { makeSweep } from "../src/functions/sweep";

/** Single steps of settling, in memory: what time alone does, and races that must not be lost. */

const minute = 60_000;
const start = Date.parse("2026-05-01T12:00:00.000Z");
const id = profileIdOf("user_id:u1");
const definitions = definitionsOf(
  { orders_1h: count(event("Order")).within({ hours: 1 }), orders: count(event("Order")) },
  {
    active: audience(trait("orders_1h").atLeast(1)),
    regulars: audience(trait("orders_1h").atLeast(2)),
    vips: audience(all(trait("orders").atLeast(1), trait("vip").equals(true))),
    quiet: audience(event("Order").none().within({ minutes: 30 })),
  },
);

function person(traits: Profile["traits"] = {}): Profile {
  const at = new Date(start).toISOString();
  const identifiers = [{ type: "user_id", value: "u1", firstSeen: at, lastSeen: at }];
  const version = JSON.stringify(traits);
  return {
    profileId: id,
    identifiers,
    traits,
    lineage: {},
    consent: {},
    firstSeen: at,
    lastSeen: at,
    version,
  };
}

function order(at: number, messageId = `m${at}`): TraitFact {
  const timestamp = new Date(at).toISOString();
  const one = { type: "track", event: "Order", messageId, sourceId: "web", timestamp, receivedAt: timestamp };
  const fact = traitFactOf({ ...one, userId: "u1", context: {}, properties: {} } as never, definitions.all);
  if (!fact) throw new Error("no trait is about it");
  return fact;
}

/** The ports in memory; hooks stand for what others do meanwhile. */
class World implements SettlePorts {
  now_ = start;
  person: Profile | undefined = person();
  known: TraitFact[] = [];
  stored: Standing | undefined;
  readonly steps: Step[] = [];
  before: { commit?: () => Promise<void>; facts?: () => Promise<void> } = {};

  now = () => this.now_;
  profile = async () => this.person;
  heir = async () => this.person?.profileId;
  standing = async () => this.stored;
  memberships = async () => ({});
  backoff = async () => undefined;
  facts = async () => {
    const facts = [...this.known];
    await this.hook("facts");
    return facts;
  };
  commit = async (step: Step) => {
    await this.hook("commit");
    if ((this.stored?.revision ?? 0) !== step.standing.revision - 1) return false;
    this.stored = step.standing;
    this.steps.push(step);
    return true;
  };
  settle(cause: Reason) {
    return settle(id, cause, definitions, this);
  }
  /** Entries and exits so far: `active+ window 12:00:00`. */
  told(): string[] {
    return this.steps.flatMap(({ transitions }) =>
      transitions.map(({ audience: name, member, reason, at }) => {
        return `${name}${member ? "+" : "-"} ${reason} ${new Date(at).toISOString().slice(11, 19)}`;
      }),
    );
  }
  /** Runs a hook once. */
  private async hook(name: "commit" | "facts"): Promise<void> {
    const work = this.before[name];
    delete this.before[name];
    await work?.();
  }
}

test("windows that passed unnoticed are told one by one, each with its own instant", async () => {
  const world = new World();
  world.known = [order(start), order(start - 10 * minute)];
  await world.settle("event");
  expect(world.told()).toEqual(["active+ event 12:00:00", "regulars+ event 12:00:00"]);
  // No sweep for a day.
  world.now_ += 24 * 60 * minute;
  await world.settle("event");
  expect(world.told().slice(2)).toEqual([
    "quiet+ window 12:30:00",
    "regulars- window 12:50:00",
    "active- window 13:00:00",
  ]);
  expect(world.stored).toMatchObject({ nextChange: undefined, values: { orders: 2 } });
  const written = world.steps.length;
  await world.settle("event");
  expect(world.steps).toHaveLength(written);
});

test("an event that comes late counts from now on: the past is not told anew", async () => {
  const world = new World();
  world.known = [order(start)];
  await world.settle("event");
  world.now_ += 3 * 60 * minute;
  await world.settle("event");
  const told = world.told();
  // Two orders of two hours ago: "active" and "regulars" would have been true for a while.
  world.known.push(order(start + 60 * minute, "late-1"), order(start + 60 * minute, "late-2"));
  await world.settle("event");
  expect(world.told()).toEqual(told);
  expect(world.stored?.values).toEqual({ orders: 3 });
});

test("an event of the future counts when its time comes", async () => {
  const world = new World();
  world.known = [order(start + 5 * minute)];
  await world.settle("event");
  expect(world.told()).toEqual(["quiet+ event 12:00:00"]);
  world.now_ += 6 * minute;
  await world.settle("event");
  expect(world.told().slice(1)).toEqual(["active+ event 12:05:00", "quiet- event 12:05:00"]);
});

test("a change of the profile that saw nothing to write yet is not lost to a writer that had not seen it", async () => {
  const world = new World();
  await world.settle("profile");
  world.known = [order(start)];
  // While the event's function is about to write by the old profile, the profile changes. Its function found no order
  // in the standing of then, so that nothing followed, and wrote nothing.
  world.before.commit = async () => {
    world.person = person({ vip: true });
  };
  await world.settle("event");
  expect(world.told()).toContain("vips+ event 12:00:00");
});

test("an older computation never overwrites a newer one", async () => {
  const world = new World();
  world.known = [order(start)];
  // Ours has read its facts; another event comes and is computed first.
  world.before.commit = async () => {
    world.known.push(order(start, "second"));
    await world.settle("event");
  };
  await world.settle("event");
  expect(world.stored?.values).toMatchObject({ orders: 2, orders_1h: 2 });
  expect(world.told()).toEqual(["active+ event 12:00:00", "regulars+ event 12:00:00"]);
});

test("who goes up in another leaves all audiences; who comes back goes on counting", async () => {
  const world = new World();
  world.known = [order(start)];
  await world.settle("event");
  world.person = undefined;
  await world.settle("merge");
  world.person = person();
  await world.settle("identity");
  expect(world.told()).toEqual(["active+ event 12:00:00", "active- merge 12:00:00", "active+ identity 12:00:00"]);
  const last = world.steps.at(-1)?.transitions[0];
  expect(last?.sequence).toBe(3);
});

test("a clock that is behind does not turn time back", async () => {
  const world = new World();
  world.known = [order(start - 59 * minute)];
  world.now_ = start + 2 * minute;
  await world.settle("event");
  world.now_ = start;
  await world.settle("event");
  expect(world.stored?.values).toEqual({ orders: 1 });
  expect(world.told()).toEqual(["quiet+ event 12:02:00"]);
});

describe("the sweep", () => {
  const pages = new Map([
    ["0", [["a", "b"], ["c"]]],
    ["7", [["d"]]],
  ]);
  const due = async (shard: string, _now: number, from: object | undefined) => {
    const all = pages.get(shard) ?? [];
    const place = Number((from as { page?: { N: string } } | undefined)?.page?.N ?? 0);
    const next = place + 1 < all.length ? { page: { N: String(place + 1) } } : undefined;
    return { profileIds: all[place] ?? [], next };
  };
  test("takes every page; one profile that fails holds up no other and is reported", async () => {
    const settled: string[] = [];
    const sweep = makeSweep({ due }, async (profileId) => {
      if (profileId === "b") throw new Error("throttled");
      settled.push(profileId);
      return [];
    });
    await expect(sweep({}, { getRemainingTimeInMillis: () => 50_000 })).rejects.toThrow(
      "1 profiles could not be settled",
    );
    expect(settled.sort()).toEqual(["a", "c", "d"]);
  });
  test("stops in time and says so", async () => {
    let left = 10_001;
    const sweep = makeSweep({ due }, async () => []);
    expect(await sweep({}, { getRemainingTimeInMillis: () => left-- })).toEqual({ settled: 2, unfinished: true });
  });
});

describe("announcing", () => {
  const image = (member: boolean, sequence: number) => ({
    member: { BOOL: member },
    sequence: { N: String(sequence) },
    at: { S: "2026-05-01T12:00:00.000Z" },
    reason: { S: "window" },
  });
  const record = (before: object | undefined, after: object | undefined) =>
    ({
      dynamodb: {
        SequenceNumber: "1",
        ApproximateCreationDateTime: start / 1_000,
        Keys: { audience: { S: "vips" }, profileId: { S: "p" } },
        ...(before ? { OldImage: before } : {}),
        ...(after ? { NewImage: after } : {}),
      },
    }) as DynamoDBRecord;

  test("an entry and an exit are events, a membership that stays is none, a deleted one is an exit", () => {
    const entered = audienceEventOf(record(undefined, image(true, 1)));
    expect(entered).toEqual({
      type: "track",
      event: "Audience Entered",
      messageId: expect.stringMatching(/^audience-[0-9a-f]{32}$/),
      timestamp: "2026-05-01T12:00:00.000Z",
      profileId: "p",
      properties: { audience_key: "vips", vips: true, reason: "window", sequence: 1 },
      context: { personas: { computation_class: "audience", computation_key: "vips" } },
    });
    expect(audienceEventOf(record(undefined, image(true, 1)))).toEqual(entered);
    expect(audienceEventOf(record(image(true, 1), image(true, 1)))).toBeUndefined();
    expect(audienceEventOf(record(undefined, image(false, 2)))).toBeUndefined();
    expect(audienceEventOf(record(image(true, 1), undefined))).toMatchObject({
      event: "Audience Exited",
      timestamp: new Date(start).toISOString(),
      properties: { sequence: 2, reason: "deletion" },
    });
  });
  test("goes out in tens; what the bus refuses fails the batch", async () => {
    const sizes: number[] = [];
    const client = (failed: number) => () => ({
      send: (async ({ input }: { input: { Entries: object[] } }) => {
        sizes.push(input.Entries.length);
        return { FailedEntryCount: failed, Entries: failed > 0 ? [{ ErrorCode: "InternalFailure" }] : [] };
      }) as never,
    });
    const Records = Array.from({ length: 23 }, () => record(undefined, image(true, 1)));
    expect(await makeAnnounce("bus", client(0))({ Records })).toEqual({ batchItemFailures: [] });
    expect(sizes).toEqual([10, 10, 3]);
    await expect(makeAnnounce("bus", client(1))({ Records })).rejects.toThrow(
      "EventBridge refused 1 of 10 events: InternalFailure",
    );
  });
});
