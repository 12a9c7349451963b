import fc from "fast-check";
import {
  absorbEvidence,
  addRecord,
  defaultIdentityRules,
  type EventRecord,
  type Evidence,
  type EvidenceEdge,
  edgeKey,
  emptyEvidence,
  evidenceOfRecord,
  hubSaying,
  type Identifier,
  IdentityGraph,
  type IdentityRules,
  identityRulesSchema,
  type LinkKind,
  nodeKey,
  resolve,
  retractionKey,
} from "../src";

const minute = 60_000;
const start = Date.parse("2026-01-01T00:00:00.000Z");

/** Tight rules, so that small worlds break them. */
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
const windowed = identityRulesSchema.parse({
  ...tight,
  identifiers: tight.identifiers.map((rule) => ({
    ...rule,
    ...(rule.type === "anonymous_id" ? { limit: 4, limitWithin: [{ days: 1, limit: 2 }] } : {}),
  })),
});
const vetoing = identityRulesSchema.parse({ ...tight, constraints: { veto: [{ trait: "birthday" }] } });

const name = (type: string, most: number, prefix: string) =>
  fc.integer({ min: 1, max: most }).map((n): Identifier => ({ type, value: `${prefix}-${n}` }));
const someName = fc.oneof(
  name("user_id", 7, "user"),
  name("email", 4, "mail"),
  name("anonymous_id", 6, "anon"),
  name("device_id", 3, "device"),
);
const strength = ["user_id", "email", "phone", "anonymous_id", "device_id", "advertising_id"];

type Step =
  | { readonly kind: "event"; readonly record: EventRecord }
  | { readonly kind: "edge"; readonly edge: EvidenceEdge }
  | { readonly kind: "retract"; readonly pick: number };

const anEvent = fc
  .record({
    id: fc.integer({ min: 0, max: 80 }),
    at: fc.oneof(
      fc.integer({ min: 0, max: 12 }),
      fc.integer({ min: 0, max: 12 }).map((n) => n * 600),
    ),
    names: fc.uniqueArray(someName, { minLength: 1, maxLength: 3, selector: nodeKey }),
    trait: fc.option(fc.integer({ min: 0, max: 2 }), { nil: undefined }),
    previous: fc.option(name("user_id", 7, "user"), { nil: undefined, freq: 6 }),
  })
  .map(({ id, at, names, trait, previous }): EventRecord => {
    const [hub, ...others] = [...names].sort(
      (a, b) => strength.indexOf(a.type) - strength.indexOf(b.type) || (a.value < b.value ? -1 : 1),
    );
    return {
      sourceId: "web",
      // The same id is the same event: its contents follow from it.
      messageId: `m${id}-${at}-${names.map(nodeKey).join()}-${trait}-${previous?.value}`,
      at: start + at * minute,
      hub: hub as Identifier,
      others,
      previous: previous === undefined ? [] : [previous],
      traits: trait === undefined ? {} : { birthday: `day ${trait}` },
      consent: {},
    };
  });

const anEdge = fc
  .record({
    ends: fc.uniqueArray(someName, { minLength: 2, maxLength: 2, selector: nodeKey }),
    kind: fc.constantFrom<LinkKind>("must-link", "cannot-link", "withdrawn", "match", "match", "cannot-link"),
    at: fc.integer({ min: 0, max: 1_000 }),
    score: fc.integer({ min: 1, max: 4 }),
  })
  .map(({ ends, kind, at, score }): EvidenceEdge => {
    const [a, b] = ends.map(nodeKey).sort() as [string, string];
    const time = start + at * minute;
    if (kind === "match") {
      return { a, b, kind, at: time, last: time, sourceId: "nightly", messageId: "", rule: "r1", score };
    }
    return { a, b, kind, at: time, last: time, sourceId: "jo", messageId: `action-${at}-${kind}` };
  });

const history = fc.array(
  fc.oneof(
    { weight: 12, arbitrary: anEvent.map((record): Step => ({ kind: "event", record })) },
    { weight: 3, arbitrary: anEdge.map((edge): Step => ({ kind: "edge", edge })) },
    { weight: 1, arbitrary: fc.nat(30).map((pick): Step => ({ kind: "retract", pick })) },
  ),
  { minLength: 1, maxLength: 40 },
);

/** All evidence, gathered with no graph: the events that are left and the edges. */
class Archive {
  readonly records = new Map<string, EventRecord>();
  readonly retracted = new Set<string>();
  readonly edges: EvidenceEdge[] = [];

  evidence(rules: IdentityRules): Evidence {
    const all = emptyEvidence();
    for (const [id, record] of this.records) if (!this.retracted.has(id)) addRecord(all, record, rules);
    for (const edge of this.edges) absorbEvidence(all, { nodes: new Map(), edges: new Map([[edgeKey(edge), edge]]) });
    // An edge's ends are known even where no event named them.
    for (const { a, b } of [...all.edges.values()]) {
      for (const key of [a, b]) {
        if (all.nodes.has(key)) continue;
        const [type = "", value = ""] = key.split(":");
        all.nodes.set(key, { type, value, own: undefined, traits: new Map(), consent: new Map() });
      }
    }
    return all;
  }
}

function run(steps: readonly Step[], rules: IdentityRules): { graph: IdentityGraph; archive: Archive } {
  const graph = new IdentityGraph(rules);
  const archive = new Archive();
  for (const step of steps) {
    if (step.kind === "event") {
      archive.records.set(step.record.messageId, step.record);
      graph.apply(step.record);
    } else if (step.kind === "edge") {
      archive.edges.push(step.edge);
      graph.applyEdge(step.edge);
    } else {
      const records = [...archive.records.values()].filter(({ messageId }) => !archive.retracted.has(messageId));
      const record = records[step.pick % Math.max(1, records.length)];
      if (!record) continue;
      archive.retracted.add(record.messageId);
      retract(graph, record, archive, rules);
    }
  }
  return { graph, archive };
}

/** What the resolver does with its evidence log: fold the other events of the hub, and say what differs. */
function retract(graph: IdentityGraph, record: EventRecord, archive: Archive, rules: IdentityRules): void {
  const left = emptyEvidence();
  for (const [id, other] of archive.records) if (!archive.retracted.has(id)) addRecord(left, other, rules);
  const own = emptyEvidence();
  for (const [id, other] of archive.records) {
    if (!archive.retracted.has(id) && nodeKey(other.hub) === nodeKey(record.hub)) addRecord(own, other, rules);
  }
  const gone = evidenceOfRecord(record, rules);
  const hub = own.nodes.get(nodeKey(record.hub)) ?? { own: undefined, traits: new Map(), consent: new Map() };
  const remaining = {
    own: hub.own,
    traits: hub.own ? hub.traits : new Map(),
    consent: hub.own ? hub.consent : new Map(),
  };
  const lost = [...gone.edges].filter(([key]) => !left.edges.has(key)).map(([, edge]) => edge);
  const kept = [...gone.edges.keys()].flatMap((key) => left.edges.get(key) ?? []);
  graph.retract(record.hub, [retractionKey(record)], remaining, lost, kept);
  expect(hubSaying(record, rules).own?.first).toBe(record.at);
}

function clustersOf(graph: IdentityGraph): string[] {
  return [...graph.clusters()].map((keys) => [...keys].sort().join(" ")).sort();
}

function expected(evidence: Evidence, rules: IdentityRules): string[] {
  const groups = new Map<string, string[]>();
  for (const [key, id] of [...resolve(evidence, rules).assignment].sort()) {
    groups.set(id, [...(groups.get(id) ?? []), key]);
  }
  return [...groups.values()].map((group) => group.join(" ")).sort();
}

/**
 * The rules again, written from docs/identity/graph.md and with nothing shared: lists of names, and for each link in order
 * the question whether the union of two lists is allowed.
 */
function naive(evidence: Evidence, rules: IdentityRules): string[] {
  const typeOf = (key: string): string => key.split(":")[0] as string;
  const ruleOf = (key: string) => rules.identifiers.find(({ type }) => type === typeOf(key));
  const edges = [...evidence.edges.values()];
  const at = (key: string, kinds: readonly LinkKind[]) =>
    edges.filter((edge) => (edge.a === key || edge.b === key) && kinds.includes(edge.kind));
  const other = (edge: EvidenceEdge, key: string): string => (edge.a === key ? edge.b : edge.a);
  const isShared = (key: string): boolean => {
    if (at(key, ["same-event", "alias", "match"]).length > rules.maxComponentSize) return true;
    const above = ruleOf(key)?.sharedAbove ?? Number.POSITIVE_INFINITY;
    const named = at(key, ["same-event"]).map((edge) => typeOf(other(edge, key)));
    return strength
      .slice(0, strength.indexOf(typeOf(key)))
      .some((type) => named.filter((one) => one === type).length > above);
  };
  const present = [...evidence.nodes.keys()].filter(
    (key) => (evidence.nodes.get(key)?.own || at(key, ["same-event"]).length > 0) && !isShared(key),
  );
  const place = (edge: EvidenceEdge): (number | string)[] => {
    const ranks = [strength.indexOf(typeOf(edge.a)), strength.indexOf(typeOf(edge.b))];
    const tie = [edge.a, edge.b];
    if (edge.kind === "must-link") return [0, 0, 0, edge.at, ...tie];
    if (edge.kind === "alias") return [1, 0, 0, edge.at, ...tie];
    if (edge.kind === "same-event") return [2, Math.max(...ranks), Math.min(...ranks), edge.at, ...tie];
    return [3, 0, 0, -(edge.score ?? 0), ...tie];
  };
  const links = edges
    .filter(
      ({ a, b, kind }) => kind !== "cannot-link" && kind !== "withdrawn" && present.includes(a) && present.includes(b),
    )
    .map((edge) => ({ edge, place: place(edge) }))
    .sort((x, y) => {
      for (const [n, one] of x.place.entries()) {
        const two = y.place[n] as number | string;
        if (one !== two) return one < two ? -1 : 1;
      }
      return 0;
    });
  const apart = edges.filter(({ kind }) => kind === "cannot-link");
  interface Group {
    readonly members: readonly string[];
    readonly counts: Readonly<Record<string, number>>;
  }
  let groups: Group[] = present.map((key) => ({ members: [key], counts: { [typeOf(key)]: 1 } }));
  for (const { edge } of links) {
    const left = groups.find(({ members }) => members.includes(edge.a)) as Group;
    const right = groups.find(({ members }) => members.includes(edge.b)) as Group;
    if (left === right) continue;
    const members = [...left.members, ...right.members];
    if (members.length > rules.maxComponentSize) continue;
    if (apart.some(({ a, b }) => members.includes(a) && members.includes(b))) continue;
    const counts: Record<string, number> = {};
    let allowed = true;
    for (const { type, limit } of rules.identifiers) {
      let sum = (left.counts[type] ?? 0) + (right.counts[type] ?? 0);
      const one = edge.kind === "alias" && typeOf(edge.a) === type && typeOf(edge.b) === type;
      if (one) sum--;
      counts[type] = edge.kind === "must-link" ? Math.min(sum, limit) : sum;
      if (edge.kind === "must-link") continue;
      if (sum > limit) allowed = false;
      if (one && members.filter((key) => typeOf(key) === type).length > Math.max(rules.aliasLimit, limit))
        allowed = false;
    }
    if (allowed) groups = [...groups.filter((group) => group !== left && group !== right), { members, counts }];
  }
  return groups.map(({ members }) => [...members].sort().join(" ")).sort();
}

test("an independent solver finds the same clusters, and no constraint is broken in any state", () => {
  fc.assert(
    fc.property(history, (steps) => {
      const { graph, archive } = run(steps, tight);
      const evidence = archive.evidence(tight);
      const clusters = clustersOf(graph);
      expect(clusters).toEqual(naive(evidence, tight));
      for (const cluster of clusters) {
        const keys = cluster.split(" ");
        expect(keys.length).toBeLessThanOrEqual(tight.maxComponentSize);
        for (const { a, b, kind } of evidence.edges.values()) {
          if (kind === "cannot-link") expect(keys.includes(a) && keys.includes(b)).toBe(false);
        }
      }
    }),
    { numRuns: 1_000 },
  );
});

describe.each([
  ["tight limits", tight, 500],
  ["limits within days", windowed, 300],
  ["a veto", vetoing, 300],
])("the graph in memory under %s", (_name, rules, numRuns) => {
  test("holds after each step what all evidence at once comes to", () => {
    fc.assert(
      fc.property(history, (steps) => {
        const { graph, archive } = run(steps, rules);
        const evidence = archive.evidence(rules);
        expect(clustersOf(graph)).toEqual(expected(evidence, rules));
        const resolution = resolve(evidence, rules);
        expect([...graph.profiles()].sort((a, b) => (a.profileId < b.profileId ? -1 : 1))).toEqual(resolution.profiles);
        expect(new Set([...graph.suppressed()].map(({ key }) => key))).toEqual(
          new Set(resolution.suppressed.map(({ key }) => key)),
        );
      }),
      { numRuns },
    );
  });
});

describe("constraints, case by case", () => {
  const record = (
    id: string,
    at: number,
    names: readonly string[],
    traits: EventRecord["traits"] = {},
  ): EventRecord => {
    const [hub, ...others] = names.map((text): Identifier => {
      const [type = "", value = ""] = text.split(":");
      return { type, value };
    });
    const common = { sourceId: "web", messageId: id, previous: [], consent: {} };
    return { ...common, at: start + at * minute, hub: hub as Identifier, others, traits };
  };
  const word = (kind: LinkKind, a: string, b: string, at = 0, rest: Partial<EvidenceEdge> = {}): EvidenceEdge => {
    const time = start + at * minute;
    return { a, b, kind, at: time, last: time, sourceId: "jo", messageId: `${kind}-${at}`, ...rest };
  };
  const partition = (rules: IdentityRules, steps: readonly (EventRecord | EvidenceEdge)[]): string[] => {
    const results = [steps, [...steps].reverse()].map((order) => {
      const graph = new IdentityGraph(rules);
      for (const step of order) {
        if ("hub" in step) graph.apply(step);
        else graph.applyEdge(step);
      }
      return clustersOf(graph);
    });
    expect(results[1]).toEqual(results[0]);
    return results[0] ?? [];
  };
  const base = defaultIdentityRules;

  test("a veto: more than the share of pairs of known values differ; who states none is neutral", () => {
    const rules = identityRulesSchema.parse({ ...base, constraints: { veto: [{ trait: "birthday", above: 0.4 }] } });
    const steps = (other: EventRecord["traits"]) => [
      record("a", 0, ["email:a@x.yz"], { birthday: " 1990-01-01" }),
      record("b", 0, ["email:b@x.yz"], other),
      record("c", 1, ["email:a@x.yz", "anonymous_id:tablet"]),
      record("d", 2, ["email:b@x.yz", "anonymous_id:tablet"]),
    ];
    const together = ["anonymous_id:tablet email:a@x.yz email:b@x.yz"];
    expect(partition(rules, steps({ birthday: "1990-01-02" }))).toEqual([
      "anonymous_id:tablet email:a@x.yz",
      "email:b@x.yz",
    ]);
    expect(partition(rules, steps({ birthday: "1990-01-01" }))).toEqual(together);
    expect(partition(rules, steps({}))).toEqual(together);
    expect(partition(base, steps({ birthday: "1990-01-02" }))).toEqual(together);
  });

  test("a limit within days counts first sightings, however the later ones are spread", () => {
    const rules = identityRulesSchema.parse({
      ...base,
      identifiers: base.identifiers.map((rule) =>
        rule.type === "email" ? { ...rule, limitWithin: [{ days: 7, limit: 2 }] } : rule,
      ),
    });
    const day = 24 * 60;
    const steps = [0, 1, 2, 9].map((n) => record(`m${n}`, n * day, ["user_id:u", `email:a${n}@x.yz`]));
    expect(partition(rules, steps)).toEqual(["email:a0@x.yz email:a1@x.yz email:a9@x.yz user_id:u", "email:a2@x.yz"]);
  });

  test("a must-link goes beyond a type's limit, and lets nothing more of the type in", () => {
    const steps = [
      record("a", 0, ["user_id:u1", "anonymous_id:b1"]),
      record("b", 1, ["user_id:u2", "anonymous_id:b2"]),
      record("c", 2, ["user_id:u3", "anonymous_id:b2"]),
      word("must-link", "user_id:u1", "user_id:u2", 5),
    ];
    expect(partition(base, steps)).toEqual(["anonymous_id:b1 anonymous_id:b2 user_id:u1 user_id:u2", "user_id:u3"]);
  });

  test("no way round a cannot-link, not even a must-link; withdrawn, all is as before", () => {
    const events = [
      record("a", 0, ["email:a@x.yz", "anonymous_id:b1"]),
      record("b", 1, ["email:c@x.yz", "anonymous_id:b1"]),
      record("c", 2, ["email:c@x.yz", "anonymous_id:b2"]),
    ];
    const apart = word("cannot-link", "anonymous_id:b2", "email:a@x.yz", 3);
    const cut = ["anonymous_id:b1 email:a@x.yz", "anonymous_id:b2 email:c@x.yz"];
    expect(partition(base, [...events, apart])).toEqual([
      "anonymous_id:b1 email:a@x.yz email:c@x.yz",
      "anonymous_id:b2",
    ]);
    expect(partition(base, [...events, apart, word("must-link", "anonymous_id:b2", "email:c@x.yz", 4)])).toEqual(cut);
    expect(partition(base, [...events, apart, word("withdrawn", "anonymous_id:b2", "email:a@x.yz", 9)])).toEqual(
      partition(base, events),
    );
  });

  test("of two matches that cannot both hold, the one with the greater score, whichever run came first", () => {
    const match = (a: string, b: string, score: number, at: number) =>
      word("match", a, b, at, { sourceId: "nightly", messageId: "", rule: "names", score });
    const events = ["user_id:u1", "user_id:u2", "email:a@x.yz"].map((name, n) => record(`m${n}`, n, [name]));
    const low = match("email:a@x.yz", "user_id:u1", 3, 1);
    expect(partition(base, [...events, low, match("email:a@x.yz", "user_id:u2", 8, 99)])).toEqual([
      "email:a@x.yz user_id:u2",
      "user_id:u1",
    ]);
    // The newest run's score counts.
    expect(
      partition(base, [
        ...events,
        low,
        match("email:a@x.yz", "user_id:u2", 8, 9),
        match("email:a@x.yz", "user_id:u2", 2, 99),
      ]),
    ).toEqual(["email:a@x.yz user_id:u1", "user_id:u2"]);
  });
});
