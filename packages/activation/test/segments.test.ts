import { audience, isStreamed, type Profile, segment, sql, trait } from "@tributary/model";
import fc from "fast-check";
import { idRanges, inRange, membersIn } from "../src/domain/segment-import";
import { definitionsOf } from "../src/domain/standing/computed";
import { hear, type Said } from "../src/domain/standing/said";
import { type SettlePorts, settle, settleWithHeir, tell } from "../src/domain/standing/settle";
import type { Standing, Step } from "../src/domain/standing/standing";
import { makeSegmentImporter, type SegmentPlan, type SegmentProgress } from "../src/functions/segment-importer";

/** Audiences that are segments by SQL: what the lake says of people, who merge, part and go meanwhile. In memory. */

const definitions = definitionsOf(
  {},
  { picked: segment(sql("select profile_id from curated.people")), vips: audience(trait("vip").equals(true)) },
);
const segments = Object.entries(definitions.audiences).flatMap(([name, one]) => (isStreamed(one) ? [] : [name]));
const idOf = (n: number) => `p_${n.toString(16)}${"0".repeat(31)}`;
const ids = Array.from({ length: 16 }, (_, n) => idOf(n));
const hours = (n: number) => new Date(Date.parse("2026-05-01T00:00:00.000Z") + n * 3_600_000).toISOString();

/** People, their standings, and what the lake answers. */
class World implements SettlePorts {
  /** By id: `live`, gone, or merged into another. */
  readonly people = new Map<string, "live" | { readonly into: string }>(ids.map((id) => [id, "live"]));
  readonly versions = new Map<string, number>();
  readonly standings = new Map<string, Standing>();
  readonly steps: Step[] = [];
  readonly begun = new Map<string, string>();
  answer: readonly string[] = [];
  /** Writes that go through before one fails. */
  failAfter = Number.POSITIVE_INFINITY;
  /** Looks at the clock before time is up. */
  looks = Number.POSITIVE_INFINITY;

  now = () => 0;
  backoff = async () => undefined;
  memberships = async () => ({});
  facts = async () => {
    throw new Error("nothing is computed from events");
  };
  profile = async (id: string) => (this.people.get(id) === "live" ? this.person(id) : undefined);
  heir = async (id: string) => this.heirOf(id);
  standing = async (id: string) => this.standings.get(id);
  commit = async (step: Step) => {
    if (this.failAfter-- <= 0) throw new Error("the table is throttled");
    const { profileId, revision } = step.standing;
    if ((this.standings.get(profileId)?.revision ?? 0) !== revision - 1) return false;
    this.standings.set(profileId, step.standing);
    this.steps.push(step);
    return true;
  };

  heirOf(id: string): string | undefined {
    const found = this.people.get(id);
    return found === undefined || found === "live" ? found && id : this.heirOf(found.into);
  }
  person = (id: string): Profile => ({
    profileId: id,
    identifiers: [],
    traits: {},
    lineage: {},
    consent: {},
    firstSeen: "",
    lastSeen: "",
    version: `${id}/${this.versions.get(id) ?? 0}`,
  });
  /** Changes a profile, as its stream tells the function that settles. */
  async change(id: string, to: "live" | { readonly into: string } | undefined): Promise<void> {
    if (to === undefined) this.people.delete(id);
    else this.people.set(id, to);
    this.versions.set(id, (this.versions.get(id) ?? 0) + 1);
    await settleWithHeir(id, to === undefined ? "deletion" : to === "live" ? "identity" : "merge", definitions, this);
  }
  members(): string[] {
    return [...this.standings.values()]
      .filter(({ audiences }) => audiences.picked?.member)
      .map(({ profileId }) => profileId)
      .sort();
  }

  wait: (attempt: number) => Promise<void> = async () => undefined;
  readonly importer = makeSegmentImporter(
    segments,
    {
      size: async () => 40 * 1024 * 1024,
      lines: (_bucket, key) => this.lines(key),
      begin: async (name, run) => {
        if ((this.begun.get(name) ?? "") > run) return false;
        this.begun.set(name, run);
        return true;
      },
      members: (_name, range) => this.pages(range),
      enter: (id, news) => tell(id, "segment", definitions, this, news),
      leave: (id, news) => settle(id, "segment", definitions, this, news),
    },
    (attempt) => this.wait(attempt),
  );
  private async *lines(key: string): AsyncGenerator<string> {
    yield '"segment","profile_id"';
    for (const id of JSON.parse(key) as string[]) yield `"picked","${id}"`;
    yield "";
  }
  private async *pages(range: { readonly from: string; readonly to: string }): AsyncGenerator<readonly string[]> {
    for (const id of this.members()) if (inRange(id, range)) yield [id];
  }

  /** What the state machine does: plan, then all ranges' entries, then all ranges' exits; a failed task again. */
  async night(answer: readonly string[], asOf: number, startedAt = asOf): Promise<SegmentProgress> {
    const common = { location: `s3://lake/${JSON.stringify(answer)}`, asOf: hours(asOf), startedAt: hours(startedAt) };
    const context = { getRemainingTimeInMillis: () => (this.looks-- > 0 ? 900_000 : 0) };
    const call = async (request: object) => {
      for (let tries = 0; ; tries++) {
        try {
          const result = await this.importer({ ...common, ...request }, context);
          if (!("done" in result) || result.done) return result;
        } catch (error) {
          if (tries > 3) throw error;
        }
        this.failAfter = Number.POSITIVE_INFINITY;
        this.looks = Number.POSITIVE_INFINITY;
      }
    };
    const { ranges } = (await call({ action: "plan" })) as SegmentPlan;
    const totals = { entered: 0, exited: 0, unknown: 0, done: true };
    for (const action of ["enter", "leave"]) {
      const parts = (await Promise.all(ranges.map((range) => call({ action, ...range })))) as SegmentProgress[];
      for (const part of parts) for (const key of ["entered", "exited", "unknown"] as const) totals[key] += part[key];
    }
    this.failAfter = Number.POSITIVE_INFINITY;
    this.looks = Number.POSITIVE_INFINITY;
    return totals;
  }
  told(): string[] {
    return this.steps.flatMap(({ standing, transitions }) =>
      transitions.map(({ member, reason }) => `${standing.profileId.slice(2, 3)}${member ? "+" : "-"} ${reason}`),
    );
  }
}

test("who is in the answer enters, who is no more leaves; the same answer again is silent", async () => {
  const world = new World();
  expect(await world.night([idOf(1), idOf(15)], 1)).toEqual({ entered: 2, exited: 0, unknown: 0, done: true });
  expect(await world.night([idOf(2), idOf(15)], 2)).toEqual({ entered: 1, exited: 1, unknown: 0, done: true });
  expect(world.told().sort()).toEqual(["1+ segment", "1- segment", "2+ segment", "f+ segment"]);
  const written = world.steps.length;
  await world.night([idOf(2), idOf(15)], 2, 9);
  expect(world.steps).toHaveLength(written);
  // The same night once more, made of other rows.
  await world.night([idOf(3)], 2, 10);
  expect(world.members()).toEqual([idOf(3)]);
  // A night before it, late.
  expect(await world.night([idOf(1)], 1, 11)).toEqual({ entered: 0, exited: 0, unknown: 0, done: true });
  // A part of it that was under way.
  const late = { asOf: hours(1), startedAt: hours(11), location: `s3://lake/${JSON.stringify([idOf(7)])}` };
  const context = { getRemainingTimeInMillis: () => 900_000 };
  await world.importer({ action: "enter", from: "!", to: "~", ...late }, context);
  expect(world.members()).toEqual([idOf(3)]);
});

test("a profile that was merged since the night: whoever it is by now enters, and stays though the lake does not name it", async () => {
  const world = new World();
  await world.change(idOf(1), { into: idOf(2) });
  await world.night([idOf(1)], 1);
  expect(world.told()).toEqual(["2+ segment"]);
  await world.night([idOf(2)], 2);
  expect(world.members()).toEqual([idOf(2)]);
});

test("somebody who becomes another in the day takes the membership along, and keeps it when they part", async () => {
  const world = new World();
  await world.night([idOf(1)], 1);
  await world.change(idOf(1), { into: idOf(2) });
  expect(world.told()).toEqual(["1+ segment", "1- merge", "2+ identity"]);
  await world.change(idOf(1), "live");
  expect(world.members()).toEqual([idOf(1), idOf(2)]);
  await world.night([idOf(1)], 2);
  expect(world.members()).toEqual([idOf(1)]);
  // The merge is told again, late: what the night said since counts.
  await settleWithHeir(idOf(1), "merge", definitions, world);
  expect(world.members()).toEqual([idOf(1)]);
});

test("who left is let out alone: not whoever it was merged into a moment ago", async () => {
  const world = new World();
  await world.night([idOf(1), idOf(2)], 1);
  // Merged, and nobody has settled it yet.
  world.people.set(idOf(1), { into: idOf(2) });
  await world.night([idOf(2)], 2);
  expect(world.members()).toEqual([idOf(2)]);
  // Merged while it is being let in.
  const commit = world.commit;
  world.commit = async (step) => {
    world.people.set(idOf(3), { into: idOf(4) });
    return commit(step);
  };
  await world.night([idOf(2), idOf(3)], 3);
  expect(world.members()).toEqual([idOf(2), idOf(4)]);
});

test("a table that refuses for a while is waited for; one that goes on refusing is told", async () => {
  const world = new World();
  const waits: number[] = [];
  world.failAfter = 1;
  world.wait = async (attempt) => {
    waits.push(attempt);
    if (attempt === 3) world.failAfter = Number.POSITIVE_INFINITY;
  };
  expect(await world.night([idOf(1), idOf(2), idOf(3)], 1)).toMatchObject({ entered: 3, unknown: 0 });
  expect(waits).toEqual([1, 2, 3]);
  world.failAfter = 0;
  world.wait = async () => undefined;
  const request = { location: `s3://lake/${JSON.stringify([idOf(9)])}`, asOf: hours(2), startedAt: hours(2) };
  const failed = world.importer(
    { action: "enter", from: "!", to: "~", ...request },
    { getRemainingTimeInMillis: () => 900_000 },
  );
  await expect(failed).rejects.toThrow(
    `1 profiles of segment picked could not be settled; run the import again. The first, ${idOf(9)}: Error: the table`,
  );
});

test("an erased or unknown profile is counted, and nothing is kept of it", async () => {
  const world = new World();
  await world.change(idOf(4), undefined);
  const result = await world.night([idOf(4), `p_${"e".repeat(32)}`, idOf(5)], 1);
  expect(result).toEqual({ entered: 1, exited: 0, unknown: 2, done: true });
  expect([...world.standings.keys()]).toEqual([idOf(5)]);
});

test("whatever fails, ends early, merges or parts before: after a night the audience is what the lake says", async () => {
  const someone = fc.integer({ min: 0, max: 15 });
  const command = fc.oneof(
    fc.record({ do: fc.constant("merge" as const), a: someone, b: someone }),
    fc.record({ do: fc.constant("part" as const), a: someone }),
    fc.record({ do: fc.constant("erase" as const), a: someone }),
    fc.record({ do: fc.constant("archive" as const) }),
    fc.record({
      do: fc.constant("night" as const),
      picked: fc.array(someone),
      failAfter: fc.integer({ min: 0, max: 12 }),
      looks: fc.integer({ min: 0, max: 6 }),
      repeats: fc.integer({ min: 1, max: 2 }),
    }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(command, { maxLength: 25 }), async (commands) => {
      const world = new World();
      let archived = new Set(ids);
      const live = () => new Set(ids.filter((id) => world.people.get(id) === "live"));
      for (const [index, one] of commands.entries()) {
        if (one.do === "archive") archived = live();
        else if (one.do === "night") {
          const answer = [...new Set(one.picked.map(idOf))].filter((id) => archived.has(id));
          for (let n = 0; n < one.repeats; n++) {
            world.failAfter = one.failAfter;
            world.looks = one.looks;
            await world.night(answer, index * 10, index * 10 + n);
          }
          const heirs = answer.flatMap((id) => world.heirOf(id) ?? []);
          expect(world.members()).toEqual([...new Set(heirs)].sort());
        } else {
          const id = idOf(one.a);
          const into = one.do === "merge" ? world.heirOf(idOf(one.b)) : undefined;
          const now = world.people.get(id);
          if (one.do === "merge" && now === "live" && into !== undefined && into !== id)
            await world.change(id, { into });
          // Who is not merged into others' heirs can part and go.
          if (one.do === "part" && typeof now === "object") await world.change(id, "live");
          if (one.do === "erase" && now === "live") {
            await world.change(id, undefined);
            world.standings.delete(id);
          }
        }
      }
      // Entries and exits take turns.
      const states = new Map<string, boolean>();
      for (const { standing, transitions } of world.steps)
        for (const { member } of transitions) {
          expect(states.get(standing.profileId) ?? false).toBe(!member);
          states.set(standing.profileId, member);
        }
    }),
    { numRuns: Number(process.env.RUNS ?? 300), ...(process.env.SEED ? { seed: Number(process.env.SEED) } : {}) },
  );
});

test("what was said is heard alike in any order and any number of times", () => {
  const said = fc.record({ member: fc.boolean(), run: fc.constantFrom("1", "2", "3") });
  fc.assert(
    fc.property(fc.array(said, { maxLength: 6 }), fc.nat(), (words: Said[], turn) => {
      const heard = (order: readonly Said[]) => order.reduce((so, picked) => hear(so, { picked }), {});
      const at = words.length === 0 ? 0 : turn % words.length;
      expect(heard([...words.slice(at), ...words.slice(0, at), ...words])).toEqual(heard(words));
      expect(heard([...words].reverse())).toEqual(heard(words));
    }),
  );
});

test("ranges hold every id once; an answer that is none is refused", async () => {
  for (const megabytes of [0, 31, 500, 100_000]) {
    const ranges = idRanges(megabytes * 1024 * 1024);
    for (const id of [...ids, `p_${"f".repeat(32)}`, "p1", "Z"]) {
      expect(ranges.filter((range) => inRange(id, range))).toHaveLength(1);
    }
  }
  expect([idRanges(0).length, idRanges(100 * 2 ** 20).length, idRanges(2 ** 40).length]).toEqual([1, 4, 256]);
  const read = async (...lines: string[]) =>
    membersIn(
      (async function* () {
        yield* lines;
      })(),
      { from: "!", to: "~" },
      ["picked"],
    );
  await expect(read()).rejects.toThrow("is empty");
  await expect(read('"a","b"')).rejects.toThrow("line 1 of the lake's answer is no header");
  await expect(read('"segment","profile_id"', '"other","p_1"')).rejects.toThrow("line 2");
  await expect(read('"segment","profile_id"', '"picked",')).rejects.toThrow("line 2");
  expect(await read('"segment","profile_id"', '"picked","p_1"\r', "")).toEqual(new Map([["picked", new Set(["p_1"])]]));
});
