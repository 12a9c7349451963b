import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { LocalRuntime } from "@tributary/local";
import { dataFolder, eventually } from "./support/command";

/** Webhook sources on the local platform, deployed by the program of docs/sources/webhook.md: signed posts in, events out. */

const data = dataFolder();
let runtime: LocalRuntime;
let outputs: Record<string, string>;

beforeAll(async () => {
  runtime = await LocalRuntime.open({ dataDir: data.path });
  await runtime.up({ programDir: join(__dirname, "fixtures", "webhooks") });
  outputs = (await runtime.status()).outputs as Record<string, string>;
}, 60_000);

afterAll(async () => {
  await runtime?.close();
  data.remove();
});

const hmac = (secret: string, text: string, encoding: "hex" | "base64" = "hex") =>
  createHmac("sha256", secret).update(text).digest(encoding);

async function post(source: string, body: string, headers: Record<string, string>): Promise<number> {
  const response = await fetch(`${outputs.collectorUrl}/v1/webhooks/${source}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body,
  });
  return response.status;
}

function stripe(secret: string, body: string, at = Math.floor(Date.now() / 1000)): Promise<number> {
  return post("payments", body, { "stripe-signature": `t=${at},v1=${hmac(secret, `${at}.${body}`)}` });
}

const charge = (id: string) =>
  JSON.stringify({
    id,
    type: "charge.succeeded",
    created: 1_795_000_000,
    data: { object: { customer: "c1", amount: 5 } },
  });

interface Item {
  readonly id: { readonly S: string };
  readonly event: { readonly S: string };
}
/** The events of a source that are in the table, once nothing is on its way. */
async function events(source: string): Promise<Record<string, unknown>[]> {
  await runtime.quiesce();
  const { Items = [] } = await runtime.call<{ Items?: Item[] }>("dynamodb", "Scan", { TableName: outputs.eventsTable });
  return Items.filter(({ id }) => id.S.startsWith(`${source}#`)).map(({ event }) => JSON.parse(event.S));
}

test("Stripe: an event once, however often it is sent; a stranger's and a replayed one are refused", async () => {
  expect(await stripe("whsec_first", charge("evt_1"))).toBe(200);
  expect(await stripe("whsec_first", charge("evt_1"))).toBe(200);
  expect(await stripe("whsec_wrong", charge("evt_2"))).toBe(401);
  expect(await stripe("whsec_first", charge("evt_3"), Math.floor(Date.now() / 1000) - 301)).toBe(401);
  expect(await events("payments")).toEqual([
    expect.objectContaining({
      messageId: "evt_1",
      event: "Stripe charge.succeeded",
      userId: "c1",
      properties: { amount: 5 },
      timestamp: "2026-11-18T11:06:40.000Z",
    }),
  ]);
});

test("a rotation: the new secret holds, and the one before it meanwhile", async () => {
  const put = { SecretId: outputs.paymentsSecret, SecretString: "whsec_second" };
  await runtime.call("secrets-manager", "PutSecretValue", put);
  expect(
    await eventually(async () => ((await stripe("whsec_second", charge("evt_4"))) === 200 ? true : undefined)),
  ).toBe(true);
  expect(await stripe("whsec_first", charge("evt_5"))).toBe(200);
  expect(await stripe("whsec_third", charge("evt_6"))).toBe(401);
  expect((await events("payments")).map(({ messageId }) => messageId).sort()).toEqual(["evt_1", "evt_4", "evt_5"]);
}, 60_000);

test("Shopify, by the user's map; what it cannot map is in quarantine with its bytes", async () => {
  const send = (order: object, id: string) => {
    const body = JSON.stringify(order);
    const headers = { "x-shopify-topic": "orders/create", "x-shopify-event-id": id };
    return post("orders", body, { ...headers, "x-shopify-hmac-sha256": hmac("shopify-secret", body, "base64") });
  };
  expect(await send({ id: 1, total_price: "9.90", customer: { id: 7, email: "a@example.com" } }, "e1")).toBe(200);
  expect(await send({ id: 2, test: true }, "e2")).toBe(200);
  expect(await send({ id: 3, total_price: "1.00" }, "e3")).toBe(200);
  expect(await events("orders")).toEqual([
    expect.objectContaining({ messageId: "orders/create:e1", userId: "7", properties: { orderId: 1, total: "9.90" } }),
  ]);
  const bucket = { Bucket: outputs.quarantineBucket };
  const { Contents = [] } = await runtime.call<{ Contents?: { Key: string }[] }>("s3", "ListObjectsV2", bucket);
  const [only, ...more] = Contents;
  expect([only?.Key, more]).toEqual([expect.stringMatching(/reason=unmappable\/source=orders\//), []]);
  const { Body } = await runtime.call<{ Body: Uint8Array }>("s3", "GetObject", { ...bucket, Key: only?.Key });
  expect(JSON.parse(Buffer.from(Body).toString())).toMatchObject({
    original: '{"id":3,"total_price":"1.00"}',
    detail: expect.stringContaining("userId"),
  });
});

test("GitHub with a secret of the user's: 503 until it has a value, then events", async () => {
  const body = JSON.stringify({ sender: { id: 42 } });
  const send = () =>
    post("code", body, {
      "x-github-event": "push",
      "x-github-delivery": "d1",
      "x-hub-signature-256": `sha256=${hmac("g", body)}`,
    });
  expect(await send()).toBe(503);
  await runtime.call("secrets-manager", "PutSecretValue", { SecretId: outputs.codeSecret, SecretString: "g" });
  expect(await eventually(async () => ((await send()) === 200 ? true : undefined))).toBe(true);
  expect(await events("code")).toEqual([expect.objectContaining({ event: "GitHub push", userId: "42" })]);
}, 60_000);

test("any other provider, described: a drawn secret, a signed time, a field for the id", async () => {
  const secret = await runtime.call<{ SecretString: string }>("secrets-manager", "GetSecretValue", {
    SecretId: outputs.chatSecret,
  });
  const body = JSON.stringify({ event_id: "Ev1", event: { type: "message", user: "U1" } });
  const at = String(Math.floor(Date.now() / 1000));
  const headers = {
    "x-slack-signature": `v0=${hmac(secret.SecretString, `v0:${at}:${body}`)}`,
    "x-slack-request-timestamp": at,
  };
  expect(await post("chat", body, headers)).toBe(200);
  expect(await post("chat", body.replace("U1", "U2"), headers)).toBe(401);
  expect(await events("chat")).toEqual([expect.objectContaining({ messageId: "Ev1", event: "message", userId: "U1" })]);
});

test("the page shows this program", () => {
  const page = readFileSync(join(__dirname, "../../../docs/sources/webhook.md"), "utf8");
  const program = readFileSync(join(__dirname, "fixtures", "webhooks", "index.ts"), "utf8");
  expect(page).toContain(program.slice(program.indexOf("const ingestion"), program.lastIndexOf("\n});") + 4));
});
