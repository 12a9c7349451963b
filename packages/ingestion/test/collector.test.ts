import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from "node:zlib";
import type { CollectedRecord } from "@tributary/model";
import * as fc from "fast-check";
import { decodeBody, maxUnpackedBytes } from "../src/domain/body";
import { routeOf } from "../src/domain/routes";
import { partitionKeyOf } from "../src/domain/stream-writer";
import { writeKeyOf } from "../src/domain/write-key";
import { basic, collector } from "./collector-kit";

const track = { type: "track", event: "e", userId: "u", messageId: "m" };

describe("a body is decoded by what it is, not by what it is called", () => {
  const text = JSON.stringify(track);
  const form = (data: string) => Buffer.from(new URLSearchParams({ data }).toString());
  test.each<[string, Buffer, Record<string, string>]>([
    ["plain", Buffer.from(text), {}],
    ["as text/plain (browsers)", Buffer.from(text), { "content-type": "text/plain" }],
    ["with a byte order mark", Buffer.from(`\uFEFF${text}`), {}],
    ["gzip", gzipSync(text), { "content-encoding": "gzip" }],
    [
      "gzip labelled as a form (RudderStack)",
      gzipSync(text),
      { "content-encoding": "gzip", "content-type": "application/x-www-form-urlencoded" },
    ],
    ["gzip without a label", gzipSync(text), {}],
    ["a label without gzip", Buffer.from(text), { "content-encoding": "gzip" }],
    ["deflate", deflateSync(text), { "content-encoding": "deflate" }],
    ["bare deflate", deflateRawSync(text), { "content-encoding": "deflate" }],
    ["brotli", brotliCompressSync(text), { "content-encoding": "br" }],
    ["a label br without brotli", Buffer.from(text), { "content-encoding": "br" }],
    ["a label deflate without it", Buffer.from(text), { "content-encoding": "deflate" }],
    ["a charset as its encoding", Buffer.from(text), { "content-encoding": "utf-8" }],
    ["a form's data", form(text), { "content-type": "application/x-www-form-urlencoded" }],
    ["a form's data in base64", form(Buffer.from(text).toString("base64")), {}],
  ])("%s", (_, body, headers) => {
    expect(decodeBody(body, headers)).toEqual({ ok: true, value: track });
  });

  test.each<[string, Buffer, Record<string, string>, string, RegExp]>([
    ["no JSON", Buffer.from('{"secret": tru'), {}, "malformed-json", /not JSON/],
    ["nothing", Buffer.alloc(0), {}, "malformed-json", /it is empty/],
    ["not UTF-8", Buffer.from([0x7b, 0xff, 0x7d]), {}, "malformed-json", /not UTF-8/],
    ["broken gzip", gzipSync(text).subarray(0, 12), {}, "undecodable-body", /cannot be unpacked/],
    [
      "an unknown encoding",
      Buffer.from("28b52ffd", "hex"),
      { "content-encoding": "zstd" },
      "undecodable-body",
      /"zstd" is not known/,
    ],
    ["a bomb", gzipSync(Buffer.alloc(maxUnpackedBytes + 1)), {}, "undecodable-body", /cannot be unpacked/],
  ])("%s is told, without its content", (_, body, headers, reason, detail) => {
    const decoded = decodeBody(body, headers);
    expect(decoded).toMatchObject({ ok: false, reason });
    expect(decoded.ok ? "" : decoded.detail).toMatch(detail);
    expect(JSON.stringify(decoded)).not.toContain("secret");
  });
});

test.each<[string, Record<string, string>, Record<string, string>, unknown, string | undefined]>([
  ["Basic", { authorization: basic("k") }, {}, {}, "k"],
  ["Basic without the colon", { authorization: `Basic ${Buffer.from("k").toString("base64")}` }, {}, {}, "k"],
  ["X-Write-Key with a secret", { "x-write-key": "k:secret" }, {}, {}, "k"],
  ["X-Write-Key before the body's", { "x-write-key": "k" }, {}, { writeKey: "other" }, "k"],
  ["a masked key in the body is none", {}, {}, { writeKey: "k:***" }, undefined],
  ["the body's beside a bearer token", { authorization: "Bearer token" }, {}, { writeKey: "k" }, "k"],
  ["the query's", {}, { writeKey: "k" }, {}, "k"],
  ["none", {}, {}, [], undefined],
  ["an empty Basic", { authorization: basic("") }, {}, { writeKey: "k" }, "k"],
])("the write key: %s", (_, headers, query, body, expected) => {
  expect(writeKeyOf(headers, query, body)).toBe(expected);
});

test.each<[string, string, object]>([
  ["POST", "/v1/batch", { kind: "batch" }],
  ["POST", "/v1/b", { kind: "batch" }],
  ["POST", "/v1/import", { kind: "batch" }],
  ...(["identify", "track", "page", "screen", "group", "alias"] as const).flatMap(
    (type): [string, string, object][] => [
      ["POST", `/v1/${type}`, { kind: "single", type }],
      ["POST", `/v1/${type.slice(0, 1)}`, { kind: "single", type }],
      ["GET", `/v1/pixel/${type}`, { kind: "pixel", type }],
    ],
  ),
  ["POST", "/v1/m", { kind: "sdk-metrics" }],
  ["GET", "/v1/projects/k/settings", { kind: "settings", writeKey: "k" }],
  ["GET", "/health", { kind: "health" }],
  ["OPTIONS", "/v1/batch", { kind: "preflight" }],
  ["POST", "/v1/batch/", { kind: "batch" }],
  ["POST", "/beacon/v1/batch", { kind: "batch" }],
  ["POST", "/api/s/track", { kind: "single", type: "track" }],
  ["POST", "/api/s/s2s/identify", { kind: "single", type: "identify" }],
  ["POST", "/com.snowplowanalytics.snowplow/tp2", { kind: "snowplow", by: "post" }],
  ["POST", "/com.acme/tp2", { kind: "snowplow", by: "post" }],
  ["GET", "/i", { kind: "snowplow", by: "get" }],
  ["POST", "/batch/", { kind: "posthog" }],
  ["POST", "/i/v0/e/", { kind: "posthog" }],
  ["GET", "/sourceConfig/", { kind: "source-config" }],
  ["GET", "/v1/projects/%zz/settings", { kind: "settings", writeKey: "%zz" }],
  ["GET", "/v1/pixel/constructor", { kind: "unknown" }],
  ["GET", "/v1/batch", { kind: "unknown" }],
  ["POST", "/v1/constructor", { kind: "unknown" }],
  ["POST", "/v2/batch", { kind: "unknown" }],
])("route %s %s", (method, path, expected) => {
  expect(routeOf(method, path)).toEqual(expected);
});

describe("a request", () => {
  test("of one event: durable, then 200", async () => {
    const { send, records } = collector();
    const response = await send("POST /v1/track", { event: "e", userId: "u", messageId: "m" });
    expect(response).toMatchObject({ statusCode: 200, body: '{"success":true,"accepted":1,"quarantined":0}' });
    expect(records()).toEqual([
      expect.objectContaining({
        source_id: "web",
        message_id: "m",
        type: "track",
        received_at: "2026-11-23T09:00:00.000Z",
        reason: null,
      }),
    ]);
  });

  test("of a batch: what is wrong goes on the stream with its reason, and is counted", async () => {
    const { send, records, lines } = collector();
    const batch = [track, { ...track, userId: undefined }, 7, { ...track, type: "x" }];
    const response = await send("POST /v1/batch", { batch, context: { library: { name: "l" } } });
    expect(response).toMatchObject({ statusCode: 200, body: '{"success":true,"accepted":1,"quarantined":3}' });
    expect(records().map((record) => record.reason)).toEqual([
      null,
      "missing-identity",
      "invalid-event",
      "invalid-event",
    ]);
    expect(JSON.parse(records()[0]?.payload ?? "").context).toEqual({ library: { name: "l" } });
    expect(lines.map((line) => JSON.parse(line))).toEqual(
      expect.arrayContaining([expect.objectContaining({ reason: "invalid-event", EventsRejected: 2 })]),
    );
  });

  test("of an unknown key: accepted and kept for quarantine, the key not shown", async () => {
    const { send, records } = collector();
    const response = await send(
      "POST /v1/batch",
      { batch: [track] },
      { headers: { authorization: basic("no-such-key") } },
    );
    expect(response.statusCode).toBe(200);
    expect(records()[0]).toMatchObject({
      source_id: "unknown",
      type: "rejected",
      reason: "unknown-write-key",
      user_id: "u",
    });
    expect(records()[0]?.detail).toMatch(/"no-s…" \(11 characters\); add the source and replay/);
  });

  test.each<[string, string, unknown, number, string]>([
    ["malformed JSON", "POST /v1/batch", "{", 400, "malformed-json"],
    ["a batch of no list", "POST /v1/batch", { batch: {} }, 400, "invalid-request"],
    ["a list as body", "POST /v1/track", [track], 400, "invalid-request"],
  ])("with %s: 400 with a word of what is wrong, and its bytes kept", async (_, call, body, status, reason) => {
    const { send, records } = collector();
    const response = await send(call, body);
    expect(response.statusCode).toBe(status);
    expect(JSON.parse(response.body ?? "")).toMatchObject({
      success: false,
      message: expect.stringMatching(/\w+ \w+/),
      quarantined: 1,
    });
    expect(records()).toEqual([
      expect.objectContaining({ reason, payload: typeof body === "string" ? body : JSON.stringify(body) }),
    ]);
  });

  test("with packed bytes through API Gateway's base64", async () => {
    const { send, records } = collector();
    await send("POST /v1/batch", gzipSync(JSON.stringify({ batch: [track] })), {
      base64: true,
      headers: { "content-encoding": "gzip" },
    });
    expect(records()).toHaveLength(1);
  });

  test("an empty batch is a success of nothing", async () => {
    const { send, calls } = collector();
    expect(await send("POST /v1/batch", { batch: [] })).toMatchObject({ statusCode: 200 });
    expect(calls).toEqual([]);
  });

  test("a pixel always answers its picture; its data is an event or kept", async () => {
    const { send, records } = collector();
    const data = Buffer.from(JSON.stringify({ event: "seen", anonymousId: "a", writeKey: "key-shop" })).toString(
      "base64",
    );
    const seen = await send("GET /v1/pixel/track", "", { query: { data }, headers: { authorization: "" } });
    const broken = await send("GET /v1/pixel/track", "", { query: { data: "???" } });
    for (const response of [seen, broken]) {
      expect(response).toMatchObject({
        statusCode: 200,
        headers: { "content-type": "image/gif" },
        isBase64Encoded: true,
      });
    }
    expect(records()).toEqual([
      expect.objectContaining({ source_id: "shop", type: "track", event: "seen" }),
      expect.objectContaining({ reason: "malformed-json", payload: "???" }),
    ]);
  });

  test("preflight, settings, health, SDK metrics, an unknown call", async () => {
    const { send, records } = collector();
    const origin = { origin: "https://shop.example" };
    expect(
      await send("OPTIONS /v1/batch", "", { headers: { ...origin, "access-control-request-headers": "x-custom" } }),
    ).toMatchObject({
      statusCode: 204,
      headers: {
        "access-control-allow-origin": "https://shop.example",
        "access-control-allow-headers": "x-custom",
        "access-control-allow-credentials": "true",
      },
    });
    const settings = await send("GET /v1/projects/key-web/settings", "", {
      headers: { host: "127.0.0.1:4000", "x-forwarded-proto": "http" },
    });
    expect(JSON.parse(settings.body ?? "").integrations["Segment.io"]).toMatchObject({
      apiKey: "key-web",
      apiHost: "127.0.0.1:4000/v1",
      protocol: "http",
    });
    expect(await send("GET /health", "")).toMatchObject({ statusCode: 200, body: '{"status":"ok","sources":2}' });
    expect(await send("POST /v1/m", { series: [] })).toMatchObject({ statusCode: 200 });
    expect(await send("POST /v1/nothing", {})).toMatchObject({
      statusCode: 404,
      body: expect.stringContaining("/v1/batch"),
    });
    expect(records()).toEqual([]);
  });
});

describe("durability", () => {
  test("records that the stream refused are sent again, alone, with longer waits", async () => {
    const { send, records, calls, waits } = collector((attempt, index) =>
      attempt === 0 ? index % 2 === 0 : attempt === 1 && index === 0,
    );
    const batch = Array.from({ length: 6 }, (_, index) => ({ ...track, messageId: `m${index}` }));
    expect((await send("POST /v1/batch", { batch })).statusCode).toBe(200);
    expect(calls).toEqual([6, 3, 1]);
    expect(waits).toEqual([50, 100]);
    expect(
      records()
        .map((record) => record.message_id)
        .sort(),
    ).toEqual(batch.map((event) => event.messageId));
  });

  test("503 with Retry-After where the stream keeps refusing: nothing is confirmed", async () => {
    const { send, calls } = collector((_, index) => index === 0);
    const response = await send("POST /v1/batch", { batch: [track, { ...track, messageId: "m2" }] });
    expect(response).toMatchObject({ statusCode: 503, headers: { "retry-after": "2" } });
    expect(calls).toEqual([2, 1, 1, 1]);
  });

  test("a stream that takes nothing is left alone for a second: 429, with the time to wait, then tried again", async () => {
    const { send, calls, clock } = collector(() => true);
    expect((await send("POST /v1/batch", { batch: [track] })).statusCode).toBe(503);
    const tried = calls.length;
    clock.passed = 400;
    const shed = await send("POST /v1/batch", { batch: [track] }, { headers: { origin: "https://shop.example" } });
    expect(shed).toMatchObject({
      statusCode: 429,
      headers: {
        "retry-after": "1",
        "x-ratelimit-reset": String(Math.ceil((Date.parse("2026-11-23T09:00:00.000Z") + 400) / 1000) + 1),
        "access-control-allow-origin": "https://shop.example",
        "access-control-expose-headers": "retry-after, x-ratelimit-reset",
      },
    });
    expect(calls).toHaveLength(tried);
    clock.passed = 1_000;
    await send("POST /v1/batch", { batch: [track] });
    expect(calls.length).toBeGreaterThan(tried);
  });

  test("where the stream took some of a request, one shard is hot: the next request is tried", async () => {
    const { send, calls } = collector((_, index) => index === 0);
    await send("POST /v1/batch", { batch: [track, { ...track, messageId: "m2" }] });
    const tried = calls.length;
    expect((await send("POST /v1/batch", { batch: [track, { ...track, messageId: "m2" }] })).statusCode).toBe(503);
    expect(calls.length).toBeGreaterThan(tried);
  });

  test("a pixel that is not durable is a picture with 503", async () => {
    const { send } = collector(() => true);
    const data = Buffer.from(JSON.stringify(track)).toString("base64");
    expect(await send("GET /v1/pixel/track", "", { query: { data } })).toMatchObject({
      statusCode: 503,
      headers: { "content-type": "image/gif", "retry-after": "2" },
    });
  });

  test("a malformed body that is not durable is no 400 either", async () => {
    const { send } = collector(() => true);
    expect((await send("POST /v1/batch", "{")).statusCode).toBe(503);
  });

  test("calls hold 500 records and 5 MB at most", async () => {
    const { send, calls, stream } = collector();
    await send("POST /v1/batch", {
      batch: Array.from({ length: 1201 }, (_, index) => ({ ...track, messageId: `m${index}` })),
    });
    expect(calls).toEqual([500, 500, 201]);
    const large = Array.from({ length: 40 }, (_, index) => ({
      ...track,
      messageId: `l${index}`,
      properties: { text: "x".repeat(200_000) },
    }));
    stream.length = 0;
    calls.length = 0;
    await send("POST /v1/batch", { batch: large });
    expect(calls.length).toBe(2);
    expect(stream).toHaveLength(40);
  });

  test("what is larger than a record of the stream goes straight to quarantine, under the same name each time", async () => {
    const { send, bucket, records } = collector();
    const big = { ...track, properties: { text: "x".repeat(1_200_000) } };
    for (const _ of ["once", "again"])
      expect((await send("POST /v1/batch", { batch: [big, track] })).statusCode).toBe(200);
    expect([...bucket.keys()]).toEqual([
      expect.stringMatching(/^dt=2026-11-23\/reason=event-too-large\/source=web\/collector-[0-9a-f]{32}\.jsonl$/),
    ]);
    const entry = JSON.parse([...bucket.values()][0] ?? "");
    expect(JSON.parse(entry.original)).toEqual(big);
    expect(entry).toMatchObject({ stage: "collector", reason: "event-too-large" });
    expect(records().map((record) => record.message_id)).toEqual(["m", "m"]);
  });

  test("the partition key is the person, hashed where it is too long", () => {
    const record = { user_id: null, anonymous_id: null, message_id: "m" } as CollectedRecord;
    expect(partitionKeyOf({ ...record, user_id: "u", anonymous_id: "a" })).toBe("u");
    expect(partitionKeyOf({ ...record, anonymous_id: "a" })).toBe("a");
    expect(partitionKeyOf(record)).toBe("m");
    expect(partitionKeyOf({ ...record, user_id: "é".repeat(300) })).toMatch(/^[0-9a-f]{64}$/);
  });

  test("whatever is sent, each item is on the stream or in quarantine, and no request is answered 5xx", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.jsonValue({ maxDepth: 3 }), { maxLength: 20 }), async (batch) => {
        const { send, records } = collector();
        const response = await send("POST /v1/batch", { batch });
        expect(response.statusCode).toBe(200);
        expect(records()).toHaveLength(batch.length);
        for (const [index, record] of records().entries()) {
          // As it came: JSON knows no -0.
          if (record.type === "rejected") expect(record.payload).toBe(JSON.stringify(batch[index]));
        }
      }),
      { numRuns: 60 },
    );
  });
});
