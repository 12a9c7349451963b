import {
  absorbEvidence,
  addRecord,
  canonicalJson,
  decodeComponent,
  defaultIdentityRules,
  type EventRecord,
  type Evidence,
  type EvidenceEdge,
  edgeKey,
  emptyEvidence,
  encodeComponent,
  type Identifier,
  type IdentityRules,
  identityRulesSchema,
  isEventLink,
  type LinkKind,
  nodeKey,
  type Profile,
  resolve,
  retractionKey,
} from "@tributary/model";
import fc from "fast-check";
import type { EvidenceItem } from "../src/domain/items";
import { applyEvidence, type ResolveOptions } from "../src/domain/resolve-batch";
import { MemoryGraph } from "./memory-graph";

/**
 * Histories of events, matches, stewards' words and retractions, shuffled, repeated and spread over workers that get in
 * each other's way. What is stored in the end, to the byte, is what a solver that knows nothing of graphs makes of the
 * evidence that is left.
 */

const minute = 60_000;
const start = Date.parse("2026-01-01T00:00:00.000Z");
const strength = ["user_id", "email", "phone", "anonymous_id", "device_id", "advertising_id"];
const tight = identityRulesSchema.parse({
  ...defaultIdentityRules,
  aliasLimit: 2,
  maxComponentSize: 7,
  identifiers: defaultIdentityRules.identifiers.map((rule) => ({
    ...rule,
    limit: Math.min(rule.limit, 2),
    ...(rule.sharedAbove === undefined ? {} : { sharedAbove: 3 }),
  })),
});

/** Constraints that look at each identifier, and one that is not monotone. */
const looking = identityRulesSchema.parse({
  ...tight,
  identifiers: tight.identifiers.map((rule) =>
    rule.type === "anonymous_id" ? { ...rule, limit: 4, limitWithin: [{ days: 1, limit: 2 }] } : rule,
  ),
  constraints: { veto: [{ trait: "colour" }] },
});
let rules: IdentityRules = tight;

const name = (type: string, most: number, prefix: string) =>
  fc.integer({ min: 1, max: most }).map((n): Identifier => ({ type, value: `${prefix}-${n}` }));
const someName = fc.oneof(
  name("user_id", 7, "user"),
  name("email", 4, "mail"),
  name("anonymous_id", 5, "anon"),
  name("device_id", 3, "device"),
);

const anEvent = fc
  .record({
    at: fc.oneof(
      fc.integer({ min: 0, max: 12 }),
      fc.integer({ min: 0, max: 12 }).map((n) => n * 600),
    ),
    names: fc.uniqueArray(someName, { minLength: 1, maxLength: 3, selector: nodeKey }),
    trait: fc.option(fc.integer({ min: 0, max: 2 }), { nil: undefined }),
    previous: fc.option(name("user_id", 7, "user"), { nil: undefined, freq: 6 }),
  })
  .map(({ at, names, trait, previous }): EvidenceItem => {
    const [hub, ...others] = [...names].sort(
      (a, b) => strength.indexOf(a.type) - strength.indexOf(b.type) || (a.value < b.value ? -1 : 1),
    ) as [Identifier, ...Identifier[]];
    const record: EventRecord = {
      sourceId: "web",
      messageId: `m-${at}-${names.map(nodeKey).join()}-${trait}-${previous?.value}`,
      at: start + at * minute,
      hub,
      others,
      previous: previous === undefined || nodeKey(previous) === nodeKey(hub) ? [] : [previous],
      traits: trait === undefined ? {} : { colour: trait },
      consent: trait === 1 ? { marketing: true } : {},
    };
    return { kind: "event", record, receivedAt: "2026-01-02T00:00:00.000Z" };
  });

const anEdge = fc
  .record({
    ends: fc.uniqueArray(someName, { minLength: 2, maxLength: 2, selector: nodeKey }),
    kind: fc.constantFrom<LinkKind>("must-link", "cannot-link", "withdrawn", "match", "match"),
    at: fc.integer({ min: 0, max: 1_000 }),
    score: fc.integer({ min: 1, max: 4 }),
  })
  .map(({ ends, kind, at, score }): EvidenceItem => {
    const [a, b] = ends.map(nodeKey).sort() as [string, string];
    const common = { a, b, kind, at: start + at * minute, last: start + at * minute };
    const edge: EvidenceEdge =
      kind === "match"
        ? { ...common, sourceId: "nightly", messageId: "", rule: "r1", score }
        : { ...common, sourceId: "jo", messageId: `action-${at}-${kind}` };
    return { kind: "edge", edge, receivedAt: "2026-01-02T00:00:00.000Z" };
  });

const history = fc.record({
  items: fc.array(fc.oneof({ weight: 5, arbitrary: anEvent }, { weight: 1, arbitrary: anEdge }), {
    minLength: 1,
    maxLength: 30,
  }),
  /** Of the events, by place: those that are taken back. */
  retracted: fc.uniqueArray(fc.nat(40), { maxLength: 4 }),
  /** Items that are there before anything is taken back. */
  before: fc.nat(30),
  workers: fc.integer({ min: 1, max: 6 }),
  batch: fc.integer({ min: 1, max: 9 }),
  keys: fc.infiniteStream(fc.nat()),
});

const options: ResolveOptions = { backoff: async () => undefined, maxAttempts: 300 };

/** Deliveries of items in a drawn order, in batches, by workers whose every call is a turn of its own. */
async function deliver(
  graph: MemoryGraph,
  items: readonly EvidenceItem[],
  drawn: { readonly workers: number; readonly batch: number; readonly keys: fc.Stream<number> },
  settle: (work: Promise<unknown>) => Promise<unknown>,
): Promise<void> {
  const order = items.map((item) => ({ item, key: drawn.keys.next().value })).sort((x, y) => x.key - y.key);
  const batches: EvidenceItem[][] = [];
  for (let at = 0; at < order.length; at += drawn.batch) {
    batches.push(order.slice(at, at + drawn.batch).map(({ item }) => item));
  }
  const work = Array.from({ length: drawn.workers }, async (_, worker) => {
    for (let at = worker; at < batches.length; at += drawn.workers) {
      const { dispositions } = await applyEvidence(batches[at] ?? [], graph, rules, options);
      for (const disposition of dispositions) expect(disposition).toEqual({ kind: "ok" });
    }
  });
  await settle(Promise.all(work));
}

function retraction(item: EvidenceItem): EvidenceItem[] {
  if (item.kind !== "event") return [];
  const { record, receivedAt } = item;
  return [{ kind: "retract", hub: record.hub, keys: [retractionKey(record)], receivedAt }];
}

/** All evidence of the items, gathered with no graph. */
function gather(items: readonly EvidenceItem[]): Evidence {
  const all = emptyEvidence();
  for (const item of items) {
    if (item.kind === "event") addRecord(all, item.record, rules);
    else if (item.kind === "edge") {
      absorbEvidence(all, { nodes: new Map(), edges: new Map([[edgeKey(item.edge), item.edge]]) });
    }
  }
  for (const { a, b } of [...all.edges.values()]) {
    for (const key of [a, b]) {
      const [type = "", value = ""] = key.split(":");
      if (!all.nodes.has(key))
        all.nodes.set(key, { type, value, own: undefined, traits: new Map(), consent: new Map() });
    }
  }
  return all;
}

/** What must be stored, by component: from all evidence at once. */
function expected(items: readonly EvidenceItem[]): { components: string[]; profiles: readonly Profile[] } {
  const evidence = gather(items);
  const { assignment, profiles, suppressed } = resolve(evidence, rules);
  const shared = new Set(suppressed.filter(({ reason }) => reason.startsWith("shared")).map(({ key }) => key));
  const groups = new Map<string, string[]>();
  for (const key of evidence.nodes.keys()) {
    const group = assignment.get(key) ?? key;
    groups.set(group, [...(groups.get(group) ?? []), key]);
  }
  const components = [...groups].map(([group, keys]) => {
    const part = emptyEvidence();
    for (const key of keys) {
      const node = evidence.nodes.get(key);
      if (node) part.nodes.set(key, shared.has(key) ? { ...node, shared: true } : node);
      for (const [slot, edge] of evidence.edges) {
        if ((edge.a === key || edge.b === key) && !(shared.has(key) && isEventLink(edge))) part.edges.set(slot, edge);
      }
    }
    const profile = profiles.find(({ profileId }) => profileId === group);
    return bytesOf(part, profile && { id: profile.profileId, version: profile.version });
  });
  return { components: components.sort(), profiles };
}

function bytesOf(evidence: Evidence, profile: { id: string; version: string } | undefined): string {
  return Buffer.from(encodeComponent({ evidence, profile })).toString("latin1");
}

/** What is stored, without the marks that retractions leave, and without identifiers that no evidence names any more. */
function stored(graph: MemoryGraph, keepEmpty: boolean): string[] {
  const components: string[] = [];
  for (const item of graph.items.values()) {
    if (!("data" in item)) continue;
    const { evidence, profile } = decodeComponent(item.data);
    for (const [key, node] of evidence.nodes) {
      const { retracted: _retracted, ...rest } = node;
      evidence.nodes.set(key, rest);
    }
    const [node] = evidence.nodes.values();
    const empty = evidence.nodes.size === 1 && !node?.own && evidence.edges.size === 0;
    if (empty && !node?.shared && !keepEmpty) continue;
    components.push(bytesOf(evidence, profile));
  }
  return components.sort();
}

/** Each pointer leads to the component that has the identifier; each profile is stored; each id leads to a profile. */
function expectSound(graph: MemoryGraph, profiles: readonly Profile[]): void {
  const byId = new Map(profiles.map((profile) => [profile.profileId, profile]));
  expect(canonicalJson([...graph.profiles.values()].sort(byProfileId))).toBe(canonicalJson(profiles));
  for (const id of graph.redirects.keys()) {
    const end = graph.follow(id);
    if (end) expect(byId.has(end.profileId)).toBe(true);
  }
}

const byProfileId = (a: Profile, b: Profile): number => (a.profileId < b.profileId ? -1 : 1);

test.each([
  ["tight limits", tight, 1_000],
  ["limits within days and a veto", looking, 200],
])(
  "any order, repetition, batching and number of workers stores the same bytes as all evidence at once: %s",
  async (_name, given, numRuns) => {
    rules = given;
    await fc.assert(
      fc.asyncProperty(history, fc.scheduler(), async (drawn, scheduler) => {
        const graph = new MemoryGraph(() => scheduler.schedule(Promise.resolve()));
        const repeated = [...drawn.items, ...drawn.items.slice(0, Math.ceil(drawn.items.length / 3))];
        await deliver(graph, repeated, drawn, (work) => scheduler.waitFor(work));
        const { components, profiles } = expected(drawn.items);
        expectSound(graph, profiles);
        expect(stored(graph, true)).toEqual(components);
      }),
      { numRuns },
    );
  },
  60_000,
);

test.each([
  ["tight limits", tight, 300],
  ["limits within days and a veto", looking, 100],
])(
  "what was retracted might as well never have been: %s",
  async (_name, given, numRuns) => {
    rules = given;
    await fc.assert(
      fc.asyncProperty(history, fc.scheduler(), async (drawn, scheduler) => {
        const graph = new MemoryGraph(() => scheduler.schedule(Promise.resolve()));
        const turn = (work: Promise<unknown>) => scheduler.waitFor(work);
        await deliver(graph, drawn.items.slice(0, drawn.before), drawn, turn);
        const gone = drawn.retracted
          .flatMap((place) => drawn.items[place] ?? [])
          .filter(({ kind }) => kind === "event");
        const ids = new Set(gone.map((item) => (item.kind === "event" ? item.record.messageId : "")));
        // Retractions at the same time as first and repeated deliveries, of the retracted events too.
        await deliver(graph, [...gone.flatMap(retraction), ...drawn.items], drawn, turn);
        const left = drawn.items.filter((item) => item.kind !== "event" || !ids.has(item.record.messageId));
        const { components, profiles } = expected(left);
        expectSound(graph, profiles);
        expect(stored(graph, false)).toEqual(components);
      }),
      { numRuns },
    );
  },
  60_000,
);
