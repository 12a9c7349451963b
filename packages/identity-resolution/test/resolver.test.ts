import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CustomerEvent, canonicalJson, defaultIdentityRules, type Profile } from "@tributary/model";
import { ProfileStore, setAwsDoor } from "@tributary/runtime";
import type { DynamoDBStreamEvent } from "aws-lambda";
import { Kernel } from "../../local/src/kernel";
import { install } from "../../local/src/services/dynamodb";
import { makeResolver } from "../src/functions/resolver";
import { DynamoGraph } from "../src/store/dynamo-graph";
import { MemoryGraph } from "./memory-graph";

/** The resolver over the embedded runtime's DynamoDB: the same conditions and transactions as on AWS. */

const folder = mkdtempSync(join(tmpdir(), "tributary-resolver-"));
const kernel = new Kernel({ dataDir: folder });
const calls = new Map<string, number>();

beforeAll(() => {
  install(kernel);
  setAwsDoor({
    call: (service, operation, input) => {
      calls.set(operation, (calls.get(operation) ?? 0) + 1);
      return kernel.call(service, operation, input);
    },
  });
});

afterAll(async () => {
  setAwsDoor(undefined);
  await kernel.close();
  rmSync(folder, { recursive: true, force: true });
});

let world = 0;

/** Fresh tables. */
async function tables(): Promise<{ graph: string; profiles: string }> {
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
  return names;
}

const people = 40;
const start = Date.parse("2026-03-01T00:00:00.000Z");

function event(index: number, person: number, extra: Partial<CustomerEvent> = {}): CustomerEvent {
  const at = new Date(start + index * 1_000).toISOString();
  const turn = Math.floor(index / people);
  return {
    type: "identify",
    messageId: `m-${index}`,
    sourceId: "web",
    timestamp: at,
    receivedAt: at,
    anonymousId: `browser-${person}-${turn % 3}`,
    ...(turn % 2 === 0 ? { userId: `user-${person}` } : {}),
    context: {},
    traits: turn % 4 === 0 ? { email: `person.${person}@mail.example.org`, visits: index } : {},
    ...extra,
  } as CustomerEvent;
}

function records(events: readonly (CustomerEvent | string)[]): DynamoDBStreamEvent {
  return {
    Records: events.map((item, index) => ({
      eventName: "INSERT" as const,
      dynamodb: {
        SequenceNumber: String(index + 1),
        NewImage: { event: { S: typeof item === "string" ? item : JSON.stringify(item) } },
      },
    })),
  };
}

async function profilesIn(table: string): Promise<Profile[]> {
  const { Items = [] } = await kernel.call<{ Items?: Record<string, { S?: string }>[] }>("dynamodb", "Scan", {
    TableName: table,
  });
  const store = new ProfileStore({ graph: "unused", profiles: table });
  const ids = Items.filter((item) => item.kind?.S === "profile").map((item) => item.profileId?.S ?? "");
  const found = [...(await store.byIds(ids)).values()];
  return found.sort((a, b) => (a.profileId < b.profileId ? -1 : 1));
}

const history = Array.from({ length: 800 }, (_, index) => event(index, (index * 7919) % people));

async function serial(): Promise<string> {
  const graph = new MemoryGraph();
  await makeResolver(graph, defaultIdentityRules)(records(history));
  return canonicalJson([...graph.profiles.values()].sort((a, b) => (a.profileId < b.profileId ? -1 : 1)));
}

test("parallel invocations over the same people end where one invocation over all events ends", async () => {
  const names = await tables();
  const handler = makeResolver(new DynamoGraph(names), defaultIdentityRules);
  // Each person's events are spread over all invocations; a third of them is delivered twice.
  const deliveries = [...history, ...history.slice(0, 260)].sort(
    (a, b) =>
      a.messageId.length * 31 + a.messageId.charCodeAt(3) - (b.messageId.length * 31 + b.messageId.charCodeAt(3)),
  );
  const batches = Array.from({ length: 16 }, (_, worker) =>
    deliveries.filter((_event, index) => index % 16 === worker),
  );
  const answers = await Promise.all(batches.map((batch) => handler(records(batch))));
  expect(answers.flatMap(({ batchItemFailures }) => batchItemFailures)).toEqual([]);
  expect(canonicalJson(await profilesIn(names.profiles))).toBe(await serial());
});

test("a batch costs few calls: reads in hundreds, a transaction per person", async () => {
  const names = await tables();
  const handler = makeResolver(new DynamoGraph(names), defaultIdentityRules);
  calls.clear();
  await handler(records(history));
  expect(calls.get("TransactWriteItems")).toBe(people);
  expect(calls.get("BatchGetItem")).toBeLessThanOrEqual(3);
  calls.clear();
  await handler(records(history));
  expect(calls.get("TransactWriteItems")).toBeUndefined();
});

test("profiles are found by identifier and by id, through merges", async () => {
  const names = await tables();
  const handler = makeResolver(new DynamoGraph(names), defaultIdentityRules);
  const store = new ProfileStore(names);
  await handler(records([event(1, 1, { userId: undefined, anonymousId: "first-x", traits: {} })]));
  const before = await store.byIdentifier({ type: "anonymous_id", value: "first-x" });
  await handler(records([event(2, 1, { anonymousId: "second-x", traits: {} })]));
  const user = await store.byIdentifier({ type: "user_id", value: "user-1" });
  expect(user?.profileId).not.toBe(before?.profileId);
  // The login on the first browser, earlier than anything else: both come together under a third id.
  const link = { anonymousId: "first-x", userId: "user-1", timestamp: "2026-02-01T00:00:00.000Z", traits: {} };
  await handler(records([event(3, 1, link)]));
  const merged = await store.byIdentifier({ type: "user_id", value: "user-1" });
  for (const id of [before?.profileId, user?.profileId]) expect(await store.byId(id ?? "")).toEqual(merged);
  expect(merged?.identifiers.map(({ value }) => value).sort()).toEqual(["first-x", "second-x", "user-1"]);
  expect(await store.byIdentifier({ type: "user_id", value: "nobody" })).toBeUndefined();
  expect(await store.byId("p_00000000000000000000000000000000")).toBeUndefined();
});

test("chains of merged components are read to their end, and shortened when touched", async () => {
  const names = await tables();
  const handler = makeResolver(new DynamoGraph(names), defaultIdentityRules);
  const alone = Array.from({ length: 12 }, (_, n) =>
    event(n, n, { userId: undefined, anonymousId: `b-${n}-x`, traits: {} } as Partial<CustomerEvent>),
  );
  for (const one of alone) await handler(records([one]));
  // Each e-mail ties one more browser to the others: a chain of merges.
  for (let n = 1; n < 12; n++) {
    for (const anonymousId of [`b-${n - 1}-x`, `b-${n}-x`]) {
      await handler(
        records([
          event(100 + n, 0, {
            userId: undefined,
            anonymousId,
            traits: { email: `chain${n % 3}@x.yz` },
          } as Partial<CustomerEvent>),
        ]),
      );
    }
  }
  const store = new ProfileStore(names);
  const found = await Promise.all(alone.map((_, n) => store.byIdentifier({ type: "anonymous_id", value: `b-${n}-x` })));
  expect(new Set(found.map((profile) => profile?.profileId)).size).toBe(1);
});

test("an address that held dozens of browsers falls apart at once when it turns out to be shared", async () => {
  const names = await tables();
  const handler = makeResolver(new DynamoGraph(names), defaultIdentityRules);
  const clerk = { traits: { email: "clerk@shop.example.org" } };
  const browsers = Array.from({ length: 50 }, (_, n) =>
    event(n, n, { userId: undefined, anonymousId: `visitor-${n}`, ...clerk } as Partial<CustomerEvent>),
  );
  const devices = Array.from({ length: 20 }, (_, n) =>
    event(60 + n, n, {
      userId: undefined,
      anonymousId: undefined,
      context: { device: { id: `till-${n}` } },
      ...clerk,
    } as Partial<CustomerEvent>),
  );
  await handler(records([...browsers, ...devices]));
  const store = new ProfileStore(names);
  const whole = await store.byIdentifier({ type: "email", value: "clerk@shop.example.org" });
  expect(whole?.identifiers).toHaveLength(71);
  const logins = Array.from({ length: 11 }, (_, n) =>
    event(100 + n, n, { userId: `customer-${n}`, anonymousId: undefined, ...clerk } as Partial<CustomerEvent>),
  );
  for (const login of logins) expect(await handler(records([login]))).toEqual({ batchItemFailures: [] });
  expect(await store.byIdentifier({ type: "email", value: "clerk@shop.example.org" })).toBeUndefined();
  const alone = await Promise.all(
    browsers.map((_, n) => store.byIdentifier({ type: "anonymous_id", value: `visitor-${n}` })),
  );
  expect(alone.map((profile) => profile?.identifiers.length)).toEqual(browsers.map(() => 1));
  expect(await profilesIn(names.profiles)).toHaveLength(50 + 20 + 11);
});

test("poison is reported as the lowest sequence number, everything else of the batch is applied", async () => {
  const names = await tables();
  const handler = makeResolver(new DynamoGraph(names), defaultIdentityRules);
  // DynamoDB takes numbers up to 9.99E+125.
  const huge = event(5, 3, { traits: { worth: 1e300 } } as Partial<CustomerEvent>);
  const answer = await handler(records([event(0, 1), "{", event(2, 2), huge, event(6, 3)]));
  expect(answer.batchItemFailures).toEqual([{ itemIdentifier: "2" }]);
  expect(await profilesIn(names.profiles)).toHaveLength(3);
  const alone = await handler(records([huge]));
  expect(alone.batchItemFailures).toEqual([{ itemIdentifier: "1" }]);
});

test("an expired event says nothing", async () => {
  const graph = new MemoryGraph();
  const [record] = records([event(1, 1)]).Records;
  await makeResolver(graph, defaultIdentityRules)({ Records: [{ ...record, eventName: "REMOVE" }] });
  expect(graph.commits).toBe(0);
});
