import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type CustomerEvent,
  canonicalJson,
  defaultIdentityRules,
  type EvidenceEdge,
  type StewardRequest,
  type StewardResponse,
  stewardRequestSchema,
} from "@tributary/model";
import { setAwsDoor } from "@tributary/runtime";
import { Kernel } from "../../local/src/kernel";
import { install } from "../../local/src/services/dynamodb";
import { resolveBatch } from "../src/domain/resolve-batch";
import { makeMatchImporter, type RefusedLine } from "../src/functions/match-importer";
import { makeSteward } from "../src/functions/steward";
import { DynamoJobs } from "../src/store/dynamo-jobs";
import { DynamoStewardGraph } from "../src/store/dynamo-steward";

/** A steward and matching jobs over the embedded runtime's DynamoDB. */

const folder = mkdtempSync(join(tmpdir(), "tributary-steward-"));
const kernel = new Kernel({ dataDir: folder });
const rules = defaultIdentityRules;
let world = 0;

beforeAll(() => {
  install(kernel);
  setAwsDoor({ call: (service, operation, input) => kernel.call(service, operation, input) });
});

afterAll(async () => {
  setAwsDoor(undefined);
  await kernel.close();
  rmSync(folder, { recursive: true, force: true });
});

interface Names {
  readonly user?: string;
  readonly anonymous?: string;
  readonly email?: string;
}

const start = Date.parse("2026-03-01T00:00:00.000Z");
const hour = (n: number): string => new Date(start + n * 3_600_000).toISOString();

function event(id: string, hours: number, { user, anonymous, email }: Names): CustomerEvent {
  return {
    type: "identify",
    messageId: id,
    sourceId: "web",
    timestamp: hour(hours),
    receivedAt: hour(hours),
    ...(user === undefined ? {} : { userId: user }),
    ...(anonymous === undefined ? {} : { anonymousId: anonymous }),
    context: {},
    traits: { from: id, ...(email === undefined ? {} : { email }) },
  };
}

async function fresh() {
  const names = { graph: `graph-${++world}`, profiles: `profiles-${world}` };
  for (const [name, ...keys] of [
    [names.graph, "key", "part"],
    [names.profiles, "profileId"],
  ]) {
    await kernel.call("dynamodb", "CreateTable", {
      TableName: name,
      KeySchema: keys.map((key, place) => ({ AttributeName: key, KeyType: place === 0 ? "HASH" : "RANGE" })),
      AttributeDefinitions: keys.map((key) => ({ AttributeName: key, AttributeType: "S" })),
      BillingMode: "PAY_PER_REQUEST",
    });
  }
  const graph = new DynamoStewardGraph(names);
  let ids = 0;
  const ask = makeSteward(graph, rules, { now: () => start + 1e9 + ids, newId: () => `action-${++ids}` });
  const profile = async (type: string, value: string) => await graph.byIdentifier({ type, value });
  return {
    graph,
    names,
    ask: async (request: StewardRequest): Promise<StewardResponse> => await ask(request),
    raw: ask,
    events: async (...events: CustomerEvent[]) => await resolveBatch(events, graph, rules),
    profile,
    idOf: async (type: string, value: string) => (await profile(type, value))?.profileId,
  };
}

const by = "jo@example.org";

test("link, unlink and withdraw: each undoes the other, and what was before comes back to the byte", async () => {
  const { ask, events, profile, idOf } = await fresh();
  await events(event("a", 0, { user: "u1", anonymous: "first" }), event("b", 1, { user: "u2", anonymous: "second" }));
  const before = [await profile("user_id", "u1"), await profile("user_id", "u2")];
  const pair = { a: "user_id:u1", b: "user_id:u2", by } as const;
  const linked = await ask({ action: "link", ...pair });
  expect(linked).toMatchObject({ ok: true, changed: true, explanation: { samePerson: true } });
  if (!linked.ok || linked.action !== "link") throw new Error("no answer");
  expect(linked.explanation.path).toMatchObject([{ kind: "must-link", sourceId: by, messageId: "action-1" }]);
  expect(await idOf("user_id", "u2")).toBe(before[0]?.profileId);
  expect(await ask({ action: "link", ...pair })).toMatchObject({ ok: true, changed: false });

  const unlinked = await ask({ action: "unlink", ...pair });
  expect(unlinked).toMatchObject({ ok: true, changed: true, explanation: { samePerson: false } });
  if (!unlinked.ok || unlinked.action !== "unlink") throw new Error("no answer");
  expect(unlinked.explanation.apart).toMatchObject([{ by: "steward", reason: expect.stringContaining(by) }]);
  expect([await profile("user_id", "u1"), await profile("user_id", "u2")]).toEqual(before);

  await ask({ action: "withdraw", ...pair });
  expect([await profile("user_id", "u1"), await profile("user_id", "u2")]).toEqual(before);
  const history = await ask({ action: "history", identifier: "anonymous_id:first" });
  expect(history).toMatchObject({
    ok: true,
    actions: [{ action: "link" }, { action: "unlink" }, { action: "withdraw" }].map((one) => ({ ...one, by })),
    links: [{ kind: "same-event", messageId: "a" }],
  });
});

test("an unlinked pair stays apart whatever comes after, also by way of others", async () => {
  const { ask, events, idOf } = await fresh();
  await events(
    event("a", 0, { anonymous: "left", email: "one@x.yz" }),
    event("b", 1, { anonymous: "right", email: "two@x.yz" }),
  );
  await ask({ action: "unlink", a: "email:one@x.yz", b: "anonymous_id:right", by, reason: "two siblings" });
  await events(
    event("c", 2, { user: "u", email: "one@x.yz" }),
    event("d", 3, { user: "u", email: "two@x.yz" }),
    event("e", 4, { user: "u", anonymous: "right" }),
  );
  expect(await idOf("email", "one@x.yz")).not.toBe(await idOf("anonymous_id", "right"));
  expect(await idOf("email", "one@x.yz")).toBe(await idOf("user_id", "u"));
  const why = await ask({ action: "explain", a: "email:one@x.yz", b: "anonymous_id:right" });
  expect(why).toMatchObject({
    ok: true,
    explanation: { samePerson: false, apart: [{ by: "steward" }, { by: "cut" }] },
  });
});

test("a retracted event might never have been, and stays away when it is delivered again", async () => {
  const [with_, without] = [await fresh(), await fresh()];
  const wrong = event("wrong", 2, { user: "u1", anonymous: "tablet", email: "other@x.yz" });
  const others = [
    event("a", 0, { user: "u1", anonymous: "phone" }),
    event("b", 1, { user: "u2", email: "other@x.yz" }),
    event("c", 5, { user: "u3", anonymous: "tablet" }),
  ];
  await with_.events(...others, wrong);
  await without.events(...others);
  expect(await with_.idOf("anonymous_id", "tablet")).toBe(await with_.idOf("user_id", "u1"));
  const answer = await with_.ask({
    action: "retract",
    identifier: "anonymous_id:phone",
    sourceId: "web",
    messageId: "wrong",
    by,
  });
  expect(answer).toMatchObject({ ok: true, events: 1 });
  await with_.events(wrong, ...others);
  for (const [type, value] of [
    ["user_id", "u1"],
    ["user_id", "u2"],
    ["user_id", "u3"],
    ["anonymous_id", "tablet"],
    ["email", "other@x.yz"],
  ] as const) {
    expect(canonicalJson(await with_.profile(type, value))).toBe(canonicalJson(await without.profile(type, value)));
  }
  const again = await with_.ask({
    action: "retract",
    identifier: "user_id:u1",
    sourceId: "web",
    messageId: "wrong",
    by,
  });
  expect(again).toMatchObject({ ok: false, error: { code: "not-found" } });
});

test("retracting makes a shared device somebody's again, and all of a source's events in a time can go", async () => {
  const { ask, events, profile } = await fresh();
  const logins = [1, 2, 3, 4, 5, 6].map((n) => event(`k${n}`, n, { user: `u${n}`, anonymous: "kiosk" }));
  await events(...logins);
  expect(await profile("anonymous_id", "kiosk")).toBeUndefined();
  const request = {
    action: "retract",
    identifier: "user_id:u3",
    sourceId: "web",
    from: hour(0),
    to: hour(9),
    by,
  } as const;
  expect(await ask(request)).toMatchObject({ ok: true, events: 1 });
  expect((await profile("anonymous_id", "kiosk"))?.identifiers.map(({ value }) => value)).toEqual(["u1", "kiosk"]);
  expect(await profile("user_id", "u3")).toBeUndefined();
});

test("a profile as it was: before a login, before a steward's word", async () => {
  const { ask, events } = await fresh();
  await events(
    event("a", 0, { anonymous: "tablet" }),
    event("b", 10, { user: "u1", anonymous: "tablet", email: "a@x.yz" }),
    event("c", 20, { user: "u1", email: "b@x.yz" }),
  );
  await ask({ action: "unlink", a: "user_id:u1", b: "anonymous_id:tablet", by });
  const names = async (identifier: string, at: string) => {
    const answer = await ask({ action: "as-of", identifier, at });
    if (!answer.ok || answer.action !== "as-of") throw new Error(JSON.stringify(answer));
    return answer.profile?.identifiers.map(({ value }) => value).sort();
  };
  expect(await names("anonymous_id:tablet", hour(5))).toEqual(["tablet"]);
  expect(await names("user_id:u1", hour(5))).toBeUndefined();
  expect(await names("anonymous_id:tablet", hour(15))).toEqual(["a@x.yz", "tablet", "u1"]);
  expect(await names("user_id:u1", hour(25))).toEqual(["a@x.yz", "b@x.yz", "tablet", "u1"]);
  expect(await names("user_id:u1", "2030-01-01T00:00:00Z")).toEqual(["a@x.yz", "b@x.yz", "u1"]);
});

test.each<[string, unknown, string, string]>([
  ["no action", {}, "invalid-request", "action"],
  ["no steward", { action: "link", a: "user_id:1", b: "user_id:2" }, "invalid-request", "by"],
  ["a type that there is not", { action: "history", identifier: "shoe:1" }, "unknown-identifier", "user_id, email"],
  ["somebody unknown", { action: "history", identifier: "user_id:nobody" }, "not-found", "Nobody has been seen"],
  ["no window", { action: "retract", identifier: "user_id:x", sourceId: "web", by }, "invalid-request", "messageId"],
  ["no time", { action: "as-of", identifier: "user_id:x", at: "soon" }, "invalid-request", "must be a time"],
  ["the same twice", { action: "link", a: "user_id:x", b: "user_id:x", by }, "invalid-request", "same identifier"],
])("a request with %s is refused with what to do", async (_name, request, code, message) => {
  const { raw } = await fresh();
  expect(await raw(request)).toMatchObject({ ok: false, error: { code, message: expect.stringContaining(message) } });
});

test("a pin holds whatever sources state, is no sighting, and is gone without a trace when it is taken back", async () => {
  const { ask, events, profile } = await fresh();
  await events(event("a", 0, { user: "u1", email: "one@x.yz" }));
  const before = await profile("user_id", "u1");
  const pin = { action: "pin", identifier: "email:one@x.yz", trait: "from", by } as const;
  expect(await ask({ ...pin, value: "the steward" })).toEqual({
    ok: true,
    action: "pin",
    profileId: before?.profileId,
  });
  await events(event("b", 5, { user: "u1" }));
  const pinned = await profile("user_id", "u1");
  expect(pinned?.traits.from).toBe("the steward");
  expect(pinned?.lineage.from).toMatchObject({ sourceId: "@steward", identifier: "email:one@x.yz", by: "pin" });
  expect(pinned?.identifiers.find(({ type }) => type === "email")?.lastSeen).toBe(hour(0));
  await ask({ ...pin, value: null });
  expect((await profile("user_id", "u1"))?.traits.from).toBe("b");
  const history = await ask({ action: "history", identifier: "user_id:u1" });
  expect(history).toMatchObject({ actions: [{ action: "pin", trait: "from" }, { action: "pin" }] });
});

test("docs/identity/graph.md shows a request that is right, and each action", () => {
  const page = readFileSync(join(__dirname, "../../../docs/identity/graph.md"), "utf8");
  const [, shown = ""] = /'(\{"action".*\})'/.exec(page) ?? [];
  expect(stewardRequestSchema.parse(JSON.parse(shown))).toMatchObject({ action: "unlink" });
  for (const { def } of stewardRequestSchema.def.options) {
    expect(page).toMatch(new RegExp(`^\\| \`${def.shape.action.def.values[0]}\` `, "m"));
  }
});

describe("the importer of matches", () => {
  const at = (day: number): string => `2026-04-0${day}T00:00:00.000Z`;
  const line = (a: string, b: string, day: number, extra: object = {}): string => {
    const [typeA = "", valueA = ""] = a.split(":");
    const [typeB = "", valueB = ""] = b.split(":");
    const ends = { a: { type: typeA, value: valueA }, b: { type: typeB, value: valueB } };
    return JSON.stringify({ ...ends, rule: "name and birthday", score: 7.5, at: at(day), job: "nightly", ...extra });
  };
  async function importer() {
    const platform = await fresh();
    await platform.events(
      event("a", 0, { email: "a@x.yz" }),
      event("b", 1, { email: "b@x.yz" }),
      event("c", 2, { email: "c@x.yz" }),
    );
    const jobs = new DynamoJobs(platform.names.graph);
    const refused: RefusedLine[] = [];
    const run = async (lines: readonly string[], day: number, complete = true) => {
      const ports = {
        lines: async function* () {
          yield* lines;
        },
        quarantine: async (_bucket: string, _key: string, more: readonly RefusedLine[]) => void refused.push(...more),
        newestRun: (job: string) => jobs.newestRun(job),
        setNewestRun: (job: string, number: number) => jobs.setNewestRun(job, number),
        note: (job: string, number: number, edges: readonly EvidenceEdge[]) => jobs.note(job, number, edges),
        older: (job: string, number: number) => jobs.older(job, number),
        forget: (job: string, edges: readonly EvidenceEdge[]) => jobs.forget(job, edges),
      };
      const handle = makeMatchImporter(platform.graph, ports, rules);
      return await handle({ bucket: "b", key: "k.jsonl", job: "nightly", at: at(day), complete });
    };
    const same = async (a: string, b: string) =>
      (await platform.idOf("email", a)) === (await platform.idOf("email", b));
    return { ...platform, run, refused, same };
  }

  test("a complete run replaces the one before; the same run twice, or an older one after it, changes nothing", async () => {
    const { run, same, ask } = await importer();
    const first = [line("email:A@x.yz", "email:b@x.yz", 1)];
    expect(await run(first, 1)).toMatchObject({ lines: 1, links: 1, withdrawn: 0, quarantined: 0 });
    expect([await same("a@x.yz", "b@x.yz"), await same("b@x.yz", "c@x.yz")]).toEqual([true, false]);
    const why = await ask({ action: "explain", a: "email:a@x.yz", b: "email:b@x.yz" });
    expect(why).toMatchObject({
      explanation: { path: [{ kind: "match", rule: "name and birthday", score: 7.5, sourceId: "nightly", at: at(1) }] },
    });
    expect(await run(first, 1)).toMatchObject({ links: 1, profilesChanged: 0, withdrawn: 0 });
    expect(await run([line("email:b@x.yz", "email:c@x.yz", 2)], 2)).toMatchObject({ links: 1, withdrawn: 1 });
    expect([await same("a@x.yz", "b@x.yz"), await same("b@x.yz", "c@x.yz")]).toEqual([false, true]);
    expect(await run(first, 1)).toMatchObject({ outdated: true, links: 0 });
    expect(
      await run(
        first.map((text) => text.replace(at(1), at(3))),
        3,
        false,
      ),
    ).toMatchObject({ links: 1, withdrawn: 0 });
    expect([await same("a@x.yz", "b@x.yz"), await same("b@x.yz", "c@x.yz")]).toEqual([true, true]);
  });

  test("what is no link goes to quarantine with its reason, and nothing is withdrawn then", async () => {
    const { run, refused, same } = await importer();
    await run([line("email:a@x.yz", "email:b@x.yz", 1)], 1);
    const bad: [string, string][] = [
      ["{", "not JSON"],
      [line("email:a@x.yz", "email:a@x.yz", 2), "the same identifier"],
      [line("email:a@x.yz", "email:test@test.com", 2), "b: the identity rules accept no such email"],
      [line("email:a@x.yz", "email:c@x.yz", 2, { job: "other" }), "job: is other"],
      [line("email:a@x.yz", "email:c@x.yz", 2, { score: "high" }), "score"],
    ];
    const result = await run([...bad.map(([text]) => text), "", line("email:b@x.yz", "email:c@x.yz", 2)], 2);
    expect(result).toMatchObject({ lines: 6, links: 1, quarantined: 5, withdrawn: 0 });
    expect(refused.map(({ line: number }) => number)).toEqual([1, 2, 3, 4, 5]);
    for (const [place, [, reason]] of bad.entries()) expect(refused[place]?.reason).toContain(reason);
    expect([await same("a@x.yz", "b@x.yz"), await same("b@x.yz", "c@x.yz")]).toEqual([true, true]);
  });
});
