import {
  absorbEvidence,
  type CustomerEvent,
  canonicalJson,
  defaultIdentityRules,
  emptyEvidence,
  evidenceOf,
  type IdentityRules,
  identityRulesSchema,
  type Profile,
  resolve,
} from "@tributary/model";
import { parseStoredEvent } from "@tributary/runtime";
import fc from "fast-check";
import { type ResolveOptions, resolveBatch } from "../src/domain/resolve-batch";
import { MemoryGraph } from "./memory-graph";

const start = Date.parse("2026-01-01T00:00:00.000Z");

function identify(
  id: string,
  minute: number,
  names: { user?: string; anonymous?: string; email?: string },
): CustomerEvent {
  const at = new Date(start + minute * 60_000).toISOString();
  return {
    type: "identify",
    messageId: id,
    sourceId: "web",
    timestamp: at,
    receivedAt: at,
    ...(names.user === undefined ? {} : { userId: names.user }),
    ...(names.anonymous === undefined ? {} : { anonymousId: names.anonymous }),
    context: {},
    traits: { from: id, ...(names.email === undefined ? {} : { email: names.email }) },
  };
}

/** What the profiles must be: the model over all evidence at once, with no graph. */
function expected(events: readonly CustomerEvent[], rules: IdentityRules): Profile[] {
  const evidence = emptyEvidence();
  for (const event of events) {
    const more = evidenceOf(event, rules);
    if (more) absorbEvidence(evidence, more.evidence);
  }
  return [...resolve(evidence, rules).profiles];
}

function stateOf(graph: MemoryGraph): string {
  return canonicalJson([...graph.profiles.values()].sort((a, b) => (a.profileId < b.profileId ? -1 : 1)));
}

const nowait: ResolveOptions = { backoff: async () => undefined, maxAttempts: 200 };

const world = fc.record({
  events: fc.array(
    fc
      .record({
        minute: fc.integer({ min: 0, max: 30 }),
        user: fc.option(fc.integer({ min: 1, max: 8 }), { nil: undefined }),
        anonymous: fc.option(fc.integer({ min: 1, max: 8 }), { nil: undefined }),
        email: fc.option(fc.integer({ min: 1, max: 6 }), { nil: undefined }),
      })
      .map(({ minute, user, anonymous, email }) => ({
        minute,
        names: {
          ...(user === undefined ? {} : { user: `user-${user}` }),
          ...(anonymous === undefined ? {} : { anonymous: `anon-${anonymous}` }),
          ...(email === undefined ? {} : { email: `person${email}@x.yz` }),
        },
      })),
    { minLength: 1, maxLength: 40 },
  ),
  workers: fc.integer({ min: 1, max: 8 }),
  batch: fc.integer({ min: 1, max: 9 }),
});

test("any number of workers, batches, repeats and interleavings end in the state that the evidence alone gives", async () => {
  await fc.assert(
    fc.asyncProperty(world, fc.scheduler(), fc.infiniteStream(fc.nat()), async (drawn, scheduler, order) => {
      const events = drawn.events.map(({ minute, names }, index) => identify(`m${index}`, minute, names));
      const deliveries = [...events, ...events.slice(0, Math.ceil(events.length / 3))]
        .map((event) => ({ event, key: order.next().value }))
        .sort((a, b) => a.key - b.key)
        .map(({ event }) => event);
      const batches: CustomerEvent[][] = [];
      for (let at = 0; at < deliveries.length; at += drawn.batch) batches.push(deliveries.slice(at, at + drawn.batch));

      const graph = new MemoryGraph(() => scheduler.schedule(Promise.resolve()));
      const work = Array.from({ length: drawn.workers }, async (_, worker) => {
        for (let at = worker; at < batches.length; at += drawn.workers) {
          const result = await resolveBatch(batches[at] ?? [], graph, defaultIdentityRules, nowait);
          expect(result.dispositions.every(({ kind }) => kind === "ok")).toBe(true);
        }
      });
      await scheduler.waitFor(Promise.all(work));
      const wanted = expected(events, defaultIdentityRules);
      expect(stateOf(graph)).toBe(canonicalJson(wanted));
      // Every id that was ever given out leads to a profile.
      for (const id of graph.redirects.keys()) expect(wanted).toContainEqual(graph.follow(id));
    }),
    { numRuns: 150 },
  );
});

test("what tells nothing new writes nothing", async () => {
  const graph = new MemoryGraph();
  const events = [identify("a", 0, { user: "u", anonymous: "ab" }), identify("b", 1, { anonymous: "ab" })];
  await resolveBatch(events, graph, defaultIdentityRules, nowait);
  const before = graph.commits;
  const again = await resolveBatch([...events].reverse(), graph, defaultIdentityRules, nowait);
  expect(again).toMatchObject({ transactions: 0, profilesChanged: 0 });
  expect(graph.commits).toBe(before);
});

test("people who meet in one batch are one transaction", async () => {
  const graph = new MemoryGraph();
  const events = [0, 1, 2, 3].map((n) => identify(`m${n}`, n, { user: "u", anonymous: `browser-${n}` }));
  const result = await resolveBatch(events, graph, defaultIdentityRules, nowait);
  expect(result).toMatchObject({ transactions: 1, conflicts: 0, profilesChanged: 1 });
});

test("a merged profile leaves a redirect, and a profile of a shared device is removed", async () => {
  const graph = new MemoryGraph();
  const run = (events: CustomerEvent[]) => resolveBatch(events, graph, defaultIdentityRules, nowait);
  await run([identify("a", 0, { anonymous: "ab" })]);
  await run([identify("b", 1, { user: "u" })]);
  expect(graph.profiles.size).toBe(2);
  await run([identify("c", 2, { user: "u", anonymous: "ab" })]);
  expect(graph.profiles.size).toBe(1);
  expect([...graph.redirects.keys()]).toHaveLength(1);

  const kiosk = new MemoryGraph();
  await resolveBatch([identify("k", 0, { anonymous: "kiosk" })], kiosk, defaultIdentityRules, nowait);
  expect(kiosk.profiles.size).toBe(1);
  const logins = [1, 2, 3, 4, 5, 6, 7].map((n) => identify(`k${n}`, n, { user: `u${n}`, anonymous: "kiosk" }));
  await resolveBatch(logins, kiosk, defaultIdentityRules, nowait);
  expect([...kiosk.profiles.values()].flatMap((p) => p.identifiers.map(({ value }) => value)).sort()).toEqual(
    [1, 2, 3, 4, 5, 6, 7].map((n) => `u${n}`),
  );
});

describe("the cap on a component's size", () => {
  const small = identityRulesSchema.parse({ ...defaultIdentityRules, maxComponentSize: 4 });
  test("an identifier with more links belongs to nobody, in any order", async () => {
    const events = [0, 1, 2, 3, 4, 5].map((n) => identify(`m${n}`, n, { user: "hub", anonymous: `browser-${n}` }));
    const states = [events, [...events].reverse()].map(async (batch) => {
      const graph = new MemoryGraph();
      let frozen = 0;
      for (const event of batch) frozen += (await resolveBatch([event], graph, small, nowait)).frozen.length;
      expect(frozen).toBe(1);
      expect([...graph.profiles.values()].flatMap((p) => p.identifiers.map(({ value }) => value)).sort()).toEqual(
        [0, 1, 2, 3, 4, 5].map((n) => `browser-${n}`),
      );
      return stateOf(graph);
    });
    expect(new Set(await Promise.all(states)).size).toBe(1);
  });
});

test("a change that no transaction holds is made in smaller steps, with the same result", async () => {
  const events = Array.from({ length: 60 }, (_, n) => identify(`m${n}`, n, { user: "u", anonymous: `browser-${n}` }));
  const rules = identityRulesSchema.parse({
    ...defaultIdentityRules,
    identifiers: defaultIdentityRules.identifiers.map((rule) => ({
      ...rule,
      limit: rule.type === "user_id" ? 1 : 100,
    })),
  });
  const graph = new MemoryGraph(undefined, 12);
  const result = await resolveBatch(events, graph, rules, nowait);
  expect(result.transactions).toBeGreaterThan(5);
  expect(stateOf(graph)).toBe(canonicalJson(expected(events, rules)));
});

test("an event that can never be written is poison, the others of its batch are applied", async () => {
  const graph = new MemoryGraph();
  const refusing = Object.assign(Object.create(graph) as MemoryGraph, {
    commit: async (change: Parameters<MemoryGraph["commit"]>[0]) =>
      change.profiles.some((profile) => profile.traits.from === "bad")
        ? ({ kind: "refused", detail: "ValidationException: too deep" } as const)
        : graph.commit(change),
  });
  const events = ["a", "b", "bad", "c"].map((id, minute) => identify(id, minute === 2 ? 9 : minute, { user: "u" }));
  const other = identify("other", 0, { user: "someone-else" });
  const result = await resolveBatch([...events, other], refusing, defaultIdentityRules, nowait);
  expect(result.dispositions.map(({ kind }) => kind)).toEqual(["ok", "ok", "poison", "ok", "ok"]);
  expect([...graph.profiles.values()].map((profile) => profile.traits.from).sort()).toEqual(["c", "other"]);
});

test("a component that never stands still goes back to the stream", async () => {
  const graph = new MemoryGraph();
  const busy = Object.assign(Object.create(graph) as MemoryGraph, {
    commit: async () => ({ kind: "conflict" }) as const,
  });
  const result = await resolveBatch([identify("a", 0, { user: "u" })], busy, defaultIdentityRules, {
    ...nowait,
    maxAttempts: 3,
  });
  expect(result.dispositions).toEqual([{ kind: "retry", reason: "others keep changing the same component" }]);
  expect(result.conflicts).toBe(3);
});

test.each<[string, string | undefined, string]>([
  ["no attribute", undefined, "no attribute event"],
  ["not JSON", "{", "not JSON"],
  ["no message id", JSON.stringify({ ...identify("a", 0, {}), messageId: undefined }), "messageId"],
  ["a time that is none", JSON.stringify({ ...identify("a", 0, {}), timestamp: "soon" }), "timestamp: is no time"],
  ["traits that are none", JSON.stringify({ ...identify("a", 0, {}), traits: [] }), "traits"],
  ["an alias of nothing", JSON.stringify({ ...identify("a", 0, {}), type: "alias" }), "previousId"],
])("a stored event with %s is refused by name", (_name, text, detail) => {
  const parsed = parseStoredEvent(text);
  expect(parsed.ok ? "" : parsed.detail).toContain(detail);
});
