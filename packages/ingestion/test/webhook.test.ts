import { createHmac } from "node:crypto";
import type { CollectedRecord } from "@tributary/model";
import type { APIGatewayProxyEventV2 } from "aws-lambda";
import fc from "fast-check";
import { receiveWebhook, type WebhookParts } from "../src/domain/webhook/receive";
import { type Headers, refusalOf } from "../src/domain/webhook/signature";
import { webhookSecrets } from "../src/handlers/adapters/webhook-secrets";
import { drop } from "../src/on-event";
import type { HmacScheme, WebhookProvider } from "../src/webhook-env";
import type { WebhookMap } from "../src/webhook-map";

const seed = Number(process.env.TRIBUTARY_SEED ?? 20261123);
const now = Date.parse("2026-11-23T12:00:00.000Z");
const stripe: WebhookProvider = { kind: "stripe", toleranceSeconds: 300 };
const shopify: WebhookProvider = { kind: "shopify" };
const github: WebhookProvider = { kind: "github" };
const scheme = (over: Partial<HmacScheme> = {}): WebhookProvider => ({
  kind: "hmac",
  scheme: {
    header: "x-signature",
    algorithm: "sha256",
    encoding: "hex",
    prefix: "",
    signed: "{body}",
    toleranceSeconds: 300,
    ...over,
  },
});
const hmac = (secret: string, text: string | Buffer, encoding: "hex" | "base64" = "hex", algorithm = "sha256") =>
  createHmac(algorithm, secret).update(text).digest(encoding);
/** As Stripe documents it. */
const stripeHeader = (secret: string, body: string, at = now / 1000) => `t=${at},v1=${hmac(secret, `${at}.${body}`)}`;

describe("signatures", () => {
  const bytes = (text: string) => Buffer.from(text);

  test("GitHub's published example", () => {
    const headers = {
      "x-hub-signature-256": "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
    };
    expect(refusalOf(github, headers, bytes("Hello, World!"), ["It's a Secret to Everybody"], now)).toBeUndefined();
    expect(refusalOf(github, headers, bytes("Hello, World?"), ["It's a Secret to Everybody"], now)).toBe(
      "wrong-signature",
    );
  });

  test("Slack's published example, by the generic scheme: a signed time, a prefix, a form", () => {
    const slack = scheme({
      header: "x-slack-signature",
      prefix: "v0=",
      signed: "v0:{timestamp}:{body}",
      timestampHeader: "x-slack-request-timestamp",
    });
    const body =
      "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar" +
      "&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com" +
      "%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
    const headers = {
      "x-slack-signature": "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
      "x-slack-request-timestamp": "1531420618",
    };
    const secrets = ["8f742231b10e8888abcd99yyyzzz85a5"];
    expect(refusalOf(slack, headers, bytes(body), secrets, 1531420618_000 + 299_000)).toBeUndefined();
    expect(refusalOf(slack, headers, bytes(body), secrets, 1531420618_000 + 301_000)).toBe("too-old");
    expect(refusalOf(slack, { ...headers, "x-slack-request-timestamp": "1531420619" }, bytes(body), secrets, now)).toBe(
      "wrong-signature",
    );
  });

  test.each<[string, WebhookProvider, Headers, string[], string | undefined]>([
    ["Stripe", stripe, { "stripe-signature": stripeHeader("s1", "{}") }, ["s1"], undefined],
    [
      "Stripe, one signature for each of two secrets",
      stripe,
      { "stripe-signature": `${stripeHeader("old", "{}")},v1=${hmac("s1", `${now / 1000}.{}`)},v0=ff` },
      ["s1"],
      undefined,
    ],
    [
      "Stripe, signed with the previous secret",
      stripe,
      { "stripe-signature": stripeHeader("s0", "{}") },
      ["s1", "s0"],
      undefined,
    ],
    [
      "Stripe, at the edge of the window",
      stripe,
      { "stripe-signature": stripeHeader("s1", "{}", now / 1000 - 300) },
      ["s1"],
      undefined,
    ],
    [
      "Stripe, replayed later",
      stripe,
      { "stripe-signature": stripeHeader("s1", "{}", now / 1000 - 301) },
      ["s1"],
      "too-old",
    ],
    [
      "Stripe, its time changed",
      stripe,
      { "stripe-signature": stripeHeader("s1", "{}", 1).replace("t=1", `t=${now / 1000}`) },
      ["s1"],
      "wrong-signature",
    ],
    ["Stripe, only a v0", stripe, { "stripe-signature": `t=1,v0=${"0".repeat(64)}` }, ["s1"], "malformed-signature"],
    ["Stripe, no header", stripe, {}, ["s1"], "no-signature"],
    ["Shopify", shopify, { "x-shopify-hmac-sha256": hmac("s1", "{}", "base64") }, ["s1"], undefined],
    ["Shopify, in hex", shopify, { "x-shopify-hmac-sha256": hmac("s1", "{}") }, ["s1"], "wrong-signature"],
    ["GitHub, without its prefix", github, { "x-hub-signature-256": hmac("s1", "{}") }, ["s1"], "malformed-signature"],
    [
      "GitHub, cut short",
      github,
      { "x-hub-signature-256": `sha256=${hmac("s1", "{}").slice(0, 62)}` },
      ["s1"],
      "wrong-signature",
    ],
    ["GitHub, empty", github, { "x-hub-signature-256": "sha256=" }, ["s1"], "malformed-signature"],
    [
      "generic, SHA-512 in base64",
      scheme({ algorithm: "sha512", encoding: "base64" }),
      { "x-signature": hmac("s1", "{}", "base64", "sha512") },
      ["s1"],
      undefined,
    ],
    [
      "generic, the time is no time",
      scheme({ timestampHeader: "x-time", signed: "{timestamp}.{body}" }),
      { "x-signature": "ff", "x-time": "soon" },
      ["s1"],
      "malformed-signature",
    ],
  ])("%s", (_, provider, headers, secrets, expected) => {
    expect(refusalOf(provider, headers, bytes("{}"), secrets, now)).toBe(expected);
  });

  test(`any bytes hold under their own signature, and no changed byte does (seed ${seed})`, () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 200 }),
        fc.string({ minLength: 1 }),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        (content, secret, at, flip) => {
          const body = Buffer.from(content);
          const headers = { "x-shopify-hmac-sha256": hmac(secret, body, "base64") };
          expect(refusalOf(shopify, headers, body, [secret], now)).toBeUndefined();
          const changed = Buffer.from(body);
          changed[at % body.length] = (changed[at % body.length] ?? 0) ^ flip;
          expect(refusalOf(shopify, headers, changed, [secret], now)).toBe("wrong-signature");
        },
      ),
      { seed, numRuns: 100 },
    );
  });
});

const charge = JSON.stringify({
  id: "evt_1",
  type: "charge.succeeded",
  created: 1_795_000_000,
  data: { object: { customer: "cus_9", amount: 1999, currency: "gbp" } },
});
const chargeMapping = {
  mapping: {
    version: 1 as const,
    event: {
      type: { $value: "track" },
      event: { $column: "webhook.topic" },
      userId: { $column: "data.object.customer", required: true },
      properties: { amount: { $column: "data.object.amount", as: "integer" as const } },
    },
  },
};

function setUp(over: Partial<WebhookParts> = {}) {
  const written: CollectedRecord[] = [];
  const counts: Record<string, number> = {};
  let reads = 0;
  const parts: WebhookParts = {
    sourceId: "pay",
    provider: stripe,
    mapper: chargeMapping,
    secrets: {
      async valid() {
        reads++;
        return ["s1"];
      },
    },
    stream: {
      async put(entries) {
        for (const { data } of entries) written.push(JSON.parse(Buffer.from(data).toString()));
        return entries.map(() => undefined);
      },
    },
    quarantine: { put: async () => undefined },
    metrics: {
      count(name, value = 1) {
        counts[name] = (counts[name] ?? 0) + value;
      },
      flush: () => undefined,
    },
    log: { error: () => undefined, warn: () => undefined },
    now: () => now,
    writer: { attempts: 2, sleep: async () => undefined },
    ...over,
  };
  const send = async (body: string | Buffer, headers: Record<string, string> = {}, base64 = false) => {
    const text = Buffer.from(body);
    const event = {
      rawPath: "/v1/webhooks/pay",
      headers: { "stripe-signature": stripeHeader("s1", text.toString()), ...headers },
      requestContext: { http: { method: "POST" }, timeEpoch: now },
      body: base64 ? text.toString("base64") : text.toString(),
      isBase64Encoded: base64,
    } as unknown as APIGatewayProxyEventV2;
    const response = await receiveWebhook(event, parts);
    return { status: response.statusCode, body: JSON.parse(response.body ?? "{}"), headers: response.headers };
  };
  return { send, written, counts, reads: () => reads };
}
const map = (map: WebhookMap): Partial<WebhookParts> => ({ mapper: { map } });

describe("a webhook", () => {
  test("becomes an event with the provider's id and time; in base64 as in text", async () => {
    const { send, written, counts } = setUp();
    expect(await send(charge)).toMatchObject({ status: 200, body: { accepted: 1, quarantined: 0 } });
    expect(await send(charge, {}, true)).toMatchObject({ status: 200 });
    const [first, again] = written;
    expect(first).toEqual(again);
    expect(first).toMatchObject({ source_id: "pay", message_id: "evt_1", type: "track", event: "charge.succeeded" });
    expect(first).toMatchObject({ user_id: "cus_9", timestamp: "2026-11-18T11:06:40.000Z", reason: null });
    expect(JSON.parse(first?.payload ?? "")).toMatchObject({ properties: { amount: 1999 } });
    expect(counts).toEqual({ EventsAccepted: 2 });
  });

  test("with a wrong signature is refused, counted, and leaves nothing behind", async () => {
    const { send, written, counts, reads } = setUp();
    expect(await send(charge, { "stripe-signature": stripeHeader("other", charge) })).toMatchObject({ status: 401 });
    expect(await send(charge, { "stripe-signature": "" })).toMatchObject({ status: 401 });
    expect(written).toEqual([]);
    expect(counts).toEqual({ WebhooksRefused: 2 });
    // A wrong signature may mean a rotation: the secret is read again. A missing one does not.
    expect(reads()).toBe(3);
  });

  test.each<[string, Partial<WebhookParts>, string, string, RegExp]>([
    ["lacks what the mapping requires", {}, '{"id":"evt_2","data":{}}', "unmappable", /data.object.customer is empty/],
    ["is no JSON", {}, "<xml/>", "malformed-json", /not JSON/],
    ["is no object", {}, "[1]", "unmappable", /no object/],
    [
      "makes map throw",
      map(() => {
        throw new RangeError("no basket");
      }),
      charge,
      "unmappable",
      /map threw RangeError: no basket \(at /,
    ],
    ["makes map give nothing", map(() => undefined as never), charge, "unmappable", /would lose the webhook/],
    ["makes map give an empty list", map(() => []), charge, "unmappable", /would lose the webhook/],
    [
      "makes map give no event",
      map(() => ({ type: "track", userId: "u" })),
      charge,
      "unmappable",
      /is no event: event/,
    ],
    [
      "makes map give one event and one that is none",
      map(() => [{ type: "identify", userId: "u" }, { type: "identify" }]),
      charge,
      "unmappable",
      /is no event/,
    ],
  ])("that %s is answered 200 and quarantined with the original bytes", async (_, over, body, reason, detail) => {
    const { send, written, counts } = setUp(over);
    expect(await send(body)).toMatchObject({ status: 200, body: { accepted: 0, quarantined: 1 } });
    expect(written).toEqual([
      expect.objectContaining({ type: "rejected", reason, payload: body, detail: expect.stringMatching(detail) }),
    ]);
    expect(counts).toMatchObject({ EventsRejected: 1 });
  });

  test("map may make several events or none of it; their ids are derived from the provider's", async () => {
    const several = setUp(
      map((payload, { topic, id }) => [
        { type: "identify", userId: "u", traits: { topic, seen: new Date(0) } },
        { type: "track", event: `${payload.type} ${id}`, userId: "u", properties: { none: undefined } },
      ]),
    );
    expect(await several.send(charge)).toMatchObject({ body: { accepted: 2 } });
    expect(several.written.map(({ message_id }) => message_id)).toEqual(["evt_1", "evt_1~1"]);
    expect(several.written[1]?.event).toBe("charge.succeeded evt_1");
    const dropped = setUp(map(() => drop("test mode")));
    expect(await dropped.send(charge)).toMatchObject({ status: 200, body: { accepted: 0, quarantined: 0 } });
    expect([dropped.written, dropped.counts]).toEqual([[], { EventsDropped: 1, EventsAccepted: 0 }]);
  });

  test("is answered 503 while the stream refuses, and while the secret has no value or cannot be read", async () => {
    const refusing = setUp({ stream: { put: async (entries) => entries.map(() => "Throttled") } });
    expect(await refusing.send(charge)).toMatchObject({ status: 503, headers: { "retry-after": "30" } });
    expect(refusing.counts).toEqual({});
    const empty = setUp({ secrets: { valid: async () => [] } });
    expect(await empty.send(charge)).toMatchObject({ status: 503 });
    const away = setUp({ secrets: { valid: () => Promise.reject(new Error("away")) } });
    expect(await away.send(charge)).toMatchObject({ status: 503 });
  });

  test.each<[string, WebhookProvider, Record<string, string>, string, string]>([
    [
      "Shopify's event id within its topic",
      shopify,
      { "x-shopify-event-id": "e1", "x-shopify-topic": "orders/create", "x-shopify-webhook-id": "w" },
      "{}",
      "orders/create:e1",
    ],
    ["GitHub's delivery", github, { "x-github-delivery": "d1", "x-github-event": "push" }, "{}", "d1"],
    [
      "GitHub's form",
      github,
      { "x-github-delivery": "d2", "content-type": "application/x-www-form-urlencoded" },
      "payload=%7B%7D",
      "d2",
    ],
    ["a header", scheme({ id: { header: "x-id" } }), { "x-id": "h1" }, "{}", "h1"],
    ["a field", scheme({ id: { field: "meta.id" } }), {}, '{"meta":{"id":7}}', "7"],
    ["the bytes, where there is no id", scheme(), {}, "{}", "wh-44136fa355b3678a1146ad16f7e8649e"],
    [
      "an id that is too long",
      scheme({ id: { field: "id" } }),
      {},
      JSON.stringify({ id: "x".repeat(101) }),
      "wh-c675a2e604b0cd1229c036e3ce0c8742",
    ],
  ])("is known by %s", async (_, provider, headers, body, id) => {
    const { send, written } = setUp({ provider, ...map(() => ({ type: "identify", userId: "u" })) });
    const signature = {
      "x-shopify-hmac-sha256": hmac("s1", body, "base64"),
      "x-hub-signature-256": `sha256=${hmac("s1", body)}`,
      "x-signature": hmac("s1", body),
    };
    expect(await send(body, { ...signature, ...headers })).toMatchObject({ status: 200 });
    expect(written[0]?.message_id).toBe(id);
  });
});

describe("the secret", () => {
  const hour = 3_600_000;
  function store() {
    let time = now;
    const versions: Record<string, { SecretString: string; CreatedDate: Date }> = {};
    let calls = 0;
    const client = {
      async send({ input }: { input: { VersionStage: string } }) {
        calls++;
        const found = versions[input.VersionStage];
        if (found) return found;
        throw Object.assign(new Error("none"), { name: "ResourceNotFoundException" });
      },
    };
    const secrets = webhookSecrets(client as never, "arn", 24, () => time);
    return {
      secrets,
      calls: () => calls,
      pass: (ms: number) => {
        time += ms;
      },
      put(text: string) {
        if (versions.AWSCURRENT) versions.AWSPREVIOUS = versions.AWSCURRENT;
        versions.AWSCURRENT = { SecretString: `${text}\n`, CreatedDate: new Date(time) };
      },
    };
  }

  test("is read at most every five minutes, or ten seconds after a wrong signature; the previous one is good for a day", async () => {
    const { secrets, calls, pass, put } = store();
    expect(await secrets.valid()).toEqual([]);
    put("a");
    pass(11_000);
    expect(await secrets.valid(true)).toEqual(["a"]);
    const read = calls();
    for (let i = 0; i < 20; i++) await secrets.valid(true);
    expect(calls()).toBe(read);
    put("b");
    expect(await secrets.valid()).toEqual(["a"]);
    pass(11_000);
    expect(await Promise.all([secrets.valid(true), secrets.valid(true)])).toEqual([
      ["b", "a"],
      ["b", "a"],
    ]);
    expect(calls()).toBe(read + 2);
    pass(24 * hour);
    expect(await secrets.valid()).toEqual(["b"]);
  });
});
