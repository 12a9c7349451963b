import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { LocalRuntime } from "@tributary/local";
import { dataFolder, eventually } from "./support/command";

/**
 * Computed traits on the local platform, deployed by the program of docs/activation/traits.md: from the events table to
 * the profile API, the destination and the event bus; each function under its own role.
 */

interface Outputs {
  readonly eventsTable: string;
  readonly profileApiUrl: string;
  readonly profileApiSecretArn: string;
  readonly queueUrl: string;
  readonly sweep: string;
  readonly recompute: string;
  readonly memberships: string;
}
interface Told {
  readonly type: string;
  readonly audience: string;
  readonly payload?: Record<string, unknown>;
}
interface Announced {
  readonly "detail-type": string;
  readonly detail: { messageId: string; timestamp: string; properties: Record<string, unknown> };
}

const data = dataFolder();
/** What the destination was told, each once: a delivery may be repeated under its key. */
const told: Told[] = [];
const keys = new Set<unknown>();
let runtime: LocalRuntime;
let outputs: Outputs;
let token: string;
let crm: Server;

beforeAll(async () => {
  crm = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk) => {
      body += chunk;
    });
    request.on("end", () => {
      const key = request.headers["idempotency-key"];
      if (!keys.has(key)) told.push(JSON.parse(body) as Told);
      keys.add(key);
      response.writeHead(204).end();
    });
  });
  await new Promise<void>((resolve) => crm.listen(0, "127.0.0.1", resolve));
  const crmUrl = `http://127.0.0.1:${(crm.address() as AddressInfo).port}/`;
  runtime = await LocalRuntime.open({ dataDir: data.path });
  await runtime.up({ programDir: join(__dirname, "fixtures", "traits"), config: { "tributary:crmUrl": crmUrl } });
  outputs = (await runtime.status()).outputs as unknown as Outputs;
  const secret = { SecretId: outputs.profileApiSecretArn };
  token = (await runtime.call<{ SecretString: string }>("secrets-manager", "GetSecretValue", secret)).SecretString;
}, 60_000);

afterAll(async () => {
  await runtime?.close();
  await new Promise((resolve) => crm.close(resolve));
  data.remove();
});

let messages = 0;
/** Writes events as the processor does, and waits until they went all the way. */
async function send(...events: object[]): Promise<void> {
  for (const one of events) {
    const now = new Date().toISOString();
    const messageId = `m${++messages}`;
    const event = { sourceId: "web", messageId, timestamp: now, receivedAt: now, context: {}, ...one };
    const Item = { id: { S: `web#${messageId}` }, event: { S: JSON.stringify(event) } };
    await runtime.call("dynamodb", "PutItem", { TableName: outputs.eventsTable, Item });
  }
  await runtime.quiesce();
}

async function traitsOf(identifier: string): Promise<Record<string, unknown>> {
  const response = await fetch(`${outputs.profileApiUrl}/v1/profiles/${encodeURIComponent(identifier)}`, {
    headers: { authorization: `Bearer ${token}` },
  });
  expect(response.status).toBe(200);
  return ((await response.json()) as { traits: Record<string, unknown> }).traits;
}

/** What the queue behind the bus has got, by sequence. */
async function announced(): Promise<Announced[]> {
  const { Messages = [] } = await runtime.call<{ Messages?: { Body: string }[] }>("sqs", "ReceiveMessage", {
    QueueUrl: outputs.queueUrl,
    MaxNumberOfMessages: 10,
    VisibilityTimeout: 0,
  });
  const events = Messages.map(({ Body }) => JSON.parse(Body) as Announced);
  return events.sort((a, b) => Number(a.detail.properties.sequence) - Number(b.detail.properties.sequence));
}

// An hour ago, as a person who was seen earlier than all that is known gets another profile id.
const order = (anonymousId: string, total: number) => ({
  type: "track",
  timestamp: new Date(Date.now() - 3_600_000).toISOString(),
  event: "Order Completed",
  anonymousId,
  properties: { total },
});
const consent = { consent: { categoryPreferences: { marketing: true } } };

test("events become traits, traits audiences, and a merge brings together what two browsers did", async () => {
  await send(order("b1", 60.5), order("b2", 39.5));
  expect(await traitsOf("anonymous_id:b1")).toMatchObject({ orders: 1, revenue: 60.5 });
  expect(told).toEqual([]);
  await send(
    { type: "identify", userId: "u1", anonymousId: "b1", traits: { orders: "stated" }, context: consent },
    { type: "identify", userId: "u1", anonymousId: "b2", traits: {}, context: consent },
  );
  expect(await traitsOf("user_id:u1")).toMatchObject({ orders: 2, revenue: 100 });
  expect(told).toEqual([
    expect.objectContaining({
      type: "audience.entered",
      audience: "bigSpenders",
      payload: { orders: 2, revenue: 100 },
    }),
  ]);
});

test("an event leaves its window: the profile API knows at once, the audience with the exact instant", async () => {
  const window = 2 * 60_000;
  const at = Date.now() - window + 4_000;
  await send({
    type: "track",
    event: "Cart Viewed",
    userId: "u1",
    timestamp: new Date(at).toISOString(),
    properties: { cart: "c7" },
  });
  expect(await traitsOf("user_id:u1")).toMatchObject({ last_cart: "c7" });
  // The other audience's destination is told too, as the trait is part of what it gets.
  for (const [audience, type] of [
    ["shopping", "audience.entered"],
    ["bigSpenders", "audience.updated"],
  ]) {
    const payload = { orders: 2, revenue: 100, cart: "c7" };
    expect(told).toContainEqual(expect.objectContaining({ type, audience, payload }));
  }

  const left = await eventually(async () =>
    (await traitsOf("user_id:u1")).last_cart === undefined ? Date.now() : undefined,
  );
  expect(left).toBeGreaterThanOrEqual(at + window);
  // What the schedule does each minute.
  await runtime.call("lambda", "Invoke", { FunctionName: outputs.sweep });
  await runtime.quiesce();
  expect(told.filter(({ audience }) => audience === "shopping").map(({ type }) => type)).toEqual([
    "audience.entered",
    "audience.exited",
  ]);
  const events = await announced();
  expect(
    events.map((one) => [one["detail-type"], one.detail.properties.reason, one.detail.properties.sequence]),
  ).toEqual([
    ["Audience Entered", "event", 1],
    ["Audience Exited", "window", 2],
  ]);
  expect(events[1]?.detail.timestamp).toBe(new Date(at + window).toISOString());
  expect(new Set(events.map(({ detail }) => detail.messageId)).size).toBe(2);
}, 60_000);

test("computing everybody anew finds everything as it is", async () => {
  const before = await traitsOf("user_id:u1");
  const calls = told.length;
  const { Payload } = await runtime.call<{ Payload: Uint8Array }>("lambda", "Invoke", {
    FunctionName: outputs.recompute,
    Payload: Buffer.from("{}"),
  });
  // Two orders and a cart; of the profile that went up in the other a redirect is left.
  expect(JSON.parse(Buffer.from(Payload).toString())).toEqual({ events: 5, facts: 3, profiles: 1, position: null });
  await runtime.quiesce();
  expect(await traitsOf("user_id:u1")).toEqual(before);
  expect(told).toHaveLength(calls);
});

test("the page's example is this program", () => {
  const page = readFileSync(join(__dirname, "../../../docs/activation/traits.md"), "utf8");
  const program = readFileSync(join(__dirname, "fixtures/traits/index.ts"), "utf8");
  const example = /```ts\n([\s\S]*?)```/.exec(page)?.[1] ?? "nothing";
  expect(program).toContain(example.trimEnd());
});
