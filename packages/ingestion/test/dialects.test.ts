import { gzipSync } from "node:zlib";
import * as fc from "fast-check";
import { collector } from "./collector-kit";

/** What Snowplow's, PostHog's and Jitsu's clients were seen to send, as our events. */

const none = { authorization: "" };
const packed = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
const payload = (...data: unknown[]) => ({
  schema: "iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-4",
  data,
});
const tp2 = "POST /com.snowplowanalytics.snowplow/tp2";
/** Half a minute slow; sent two seconds after it happened. */
const common = {
  eid: "9566044a-b646-4b3b-9c9f-32783d6e50cf",
  p: "web",
  tv: "js-4.10.1",
  tna: "sp",
  aid: "key-web",
  uid: "u1",
  duid: "d1",
  dtm: String(Date.parse("2026-11-23T08:59:28.000Z")),
  stm: String(Date.parse("2026-11-23T08:59:30.000Z")),
};
const selfDescribing = (schema: string, data: unknown) =>
  packed({ schema: "iglu:com.snowplowanalytics.snowplow/unstruct_event/jsonschema/1-0-0", data: { schema, data } });

describe("Snowplow", () => {
  test.each<[string, Record<string, string>, object]>([
    [
      "a page view",
      { e: "pv", url: "https://x.example/a?b=1", page: "T", refr: "https://r.example/" },
      {
        type: "page",
        name: "T",
        properties: { url: "https://x.example/a?b=1", title: "T", referrer: "https://r.example/" },
      },
    ],
    [
      "a structured event",
      { e: "se", se_ca: "shop", se_ac: "add", se_la: "l", se_pr: "p", se_va: "3.5" },
      { type: "track", event: "add", properties: { category: "shop", label: "l", property: "p", value: 3.5 } },
    ],
    [
      "a self-describing event",
      { e: "ue", ue_px: selfDescribing("iglu:com.acme/order_placed/jsonschema/1-0-0", { total: 3 }) },
      { type: "track", event: "order_placed", properties: { total: 3 } },
    ],
    [
      "a screen view",
      {
        e: "ue",
        ue_px: selfDescribing("iglu:com.snowplowanalytics.mobile/screen_view/jsonschema/1-0-0", {
          name: "Home",
          id: "1",
        }),
      },
      { type: "screen", name: "Home", properties: { name: "Home", id: "1" } },
    ],
    [
      "a transaction",
      { e: "tr", tr_id: "o1", tr_tt: "12.50", tr_cu: "EUR" },
      { type: "track", event: "Order Completed", properties: { order_id: "o1", total: 12.5, currency: "EUR" } },
    ],
    ["a page ping", { e: "pp", url: "https://x.example/" }, { type: "track", event: "Page Ping" }],
    ["a kind to come", { e: "zz" }, { type: "track", event: "zz" }],
  ])("%s", async (_, parameters, expected) => {
    const { send, records } = collector();
    const response = await send(tp2, payload({ ...common, ...parameters }), { headers: none });
    expect(response.statusCode).toBe(200);
    const [record] = records();
    expect(record).toMatchObject({
      source_id: "web",
      message_id: common.eid,
      user_id: "u1",
      anonymous_id: "d1",
      reason: null,
      // On our clock: two seconds before it was received.
      timestamp: "2026-11-23T08:59:58.000Z",
      original_timestamp: "2026-11-23T08:59:28.000Z",
    });
    expect(JSON.parse(record?.payload ?? "")).toMatchObject(expected);
  });

  test("keeps entities, schema and every parameter that has no field of its own", async () => {
    const { send, records } = collector();
    const entity = { schema: "iglu:com.acme/user/jsonschema/1-0-0", data: { plan: "gold" } };
    const event = {
      ...common,
      e: "ue",
      ue_pr: Buffer.from(selfDescribing("iglu:com.acme/x/jsonschema/1-0-0", {}), "base64url").toString(),
      cx: packed({ schema: "iglu:com.snowplowanalytics.snowplow/contexts/jsonschema/1-0-0", data: [entity] }),
      res: "1280x720",
      fp: "77",
    };
    await send(tp2, payload(event), { headers: none });
    expect(JSON.parse(records()[0]?.payload ?? "").context).toMatchObject({
      library: { name: "snowplow", version: "js-4.10.1" },
      screen: { width: 1280, height: 720 },
      snowplow: {
        schema: "iglu:com.acme/x/jsonschema/1-0-0",
        entities: [entity],
        parameters: { p: "web", tna: "sp", fp: "77" },
      },
    });
  });

  test("a mobile app's device is in its session; a true time is not corrected", async () => {
    const { send, records } = collector();
    const { uid: _uid, duid: _duid, ...rest } = common;
    const session = {
      schema: "iglu:com.snowplowanalytics.snowplow/client_session/jsonschema/1-0-2",
      data: { userId: "device" },
    };
    const ttm = String(Date.parse("2020-02-03T04:05:06.007Z"));
    await send(tp2, payload({ ...rest, e: "pv", ttm, cx: packed({ data: [session] }) }), { headers: none });
    expect(records()[0]).toMatchObject({ anonymous_id: "device", timestamp: "2020-02-03T04:05:06.007Z", reason: null });
  });

  test("each event goes to the source of its own aid; an unknown one and one of nobody are quarantined", async () => {
    const { send, records } = collector();
    const { uid: _uid, duid: _duid, ...nobody } = common;
    await send(
      tp2,
      payload(
        { ...common, e: "pv" },
        { ...common, e: "pv", aid: "key-shop" },
        { ...common, e: "pv", aid: "no-such" },
        { ...nobody, e: "pv" },
      ),
      { headers: none },
    );
    expect(records().map(({ source_id, reason }) => [source_id, reason])).toEqual([
      ["web", null],
      ["shop", null],
      ["unknown", "unknown-write-key"],
      ["web", "missing-identity"],
    ]);
  });

  test("a damaged payload is quarantined as it came, once however often it is sent", async () => {
    const { send, records } = collector();
    const event = { ...common, e: "ue", ue_px: "####" };
    for (const _ of ["once", "again"])
      expect((await send(tp2, payload(event), { headers: none })).statusCode).toBe(200);
    const [first, second] = records();
    expect(first).toMatchObject({ reason: "unmappable", message_id: common.eid, payload: JSON.stringify(event) });
    expect(second).toEqual(first);
  });

  test("a GET answers a picture", async () => {
    const { send, records } = collector();
    const response = await send("GET /i", "", { headers: none, query: { ...common, e: "pv" } });
    expect(response).toMatchObject({ statusCode: 200, headers: { "content-type": "image/gif" } });
    expect(records()[0]).toMatchObject({ source_id: "web", type: "page", message_id: common.eid });
  });

  test("whatever the parameters are, the event is on the stream or in quarantine", async () => {
    const names = [
      "e",
      "eid",
      "uid",
      "duid",
      "dtm",
      "stm",
      "ttm",
      "ue_px",
      "ue_pr",
      "cx",
      "co",
      "res",
      "se_va",
      "tr_tt",
    ];
    const value = fc.oneof(
      fc.string(),
      fc.constantFrom("ue", "se", "pv", "1e400", "-1", "{}", "W10", "null"),
      fc.jsonValue(),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(fc.dictionary(fc.constantFrom(...names), value)), async (data) => {
        const { send, records } = collector();
        expect((await send(tp2, payload(...data), { headers: none })).statusCode).toBe(200);
        expect(records()).toHaveLength(data.length);
      }),
      { numRuns: 150 },
    );
  });
});

describe("PostHog", () => {
  const sent_at = "2026-11-23T09:00:00.000Z";
  const item = (event: string, properties: object = {}, more: object = {}) => ({
    event,
    properties: { $lib: "posthog-node", $lib_version: "5.70.0", ...properties },
    timestamp: "2026-11-23T08:59:58.000Z",
    uuid: "01a20898-e2bc-71b2-904a-23fe9cec19d2",
    distinct_id: "u1",
    ...more,
  });

  test.each<[string, object, object]>([
    ["an event", item("bought", { a: 1 }), { type: "track", event: "bought", userId: "u1" }],
    [
      "identify",
      item("$identify", { $set: { email: "a@b.c" }, $set_once: { email: "old", first: 1 }, $anon_distinct_id: "dev" }),
      { type: "identify", userId: "u1", anonymousId: "dev", traits: { email: "a@b.c", first: 1 } },
    ],
    ["alias", item("$create_alias", { alias: "anon" }), { type: "alias", previousId: "anon", userId: "u1" }],
    [
      "a group",
      item("$groupidentify", { $group_key: "acme", $group_set: { n: 1 } }, { distinct_id: "$company_acme" }),
      { type: "group", groupId: "acme", anonymousId: "$company_acme", traits: { n: 1 } },
    ],
    [
      "a page view of a device",
      item(
        "$pageview",
        { $current_url: "https://x.example/a", $pathname: "/a", $device_id: "d" },
        { distinct_id: "d" },
      ),
      {
        type: "page",
        anonymousId: "d",
        properties: expect.objectContaining({ url: "https://x.example/a", path: "/a" }),
      },
    ],
    ["a screen", item("$screen", { $screen_name: "Home" }), { type: "screen", name: "Home" }],
    [
      "properties set by the way",
      item("bought", { $set: { plan: "gold" } }),
      { context: expect.objectContaining({ traits: { plan: "gold" } }) },
    ],
  ])("%s", async (_, event, expected) => {
    const { send, records } = collector();
    const body = gzipSync(JSON.stringify({ api_key: "key-web", batch: [event], sent_at }));
    const response = await send("POST /batch/", body, {
      headers: { ...none, "content-encoding": "gzip" },
      base64: true,
    });
    expect(response.statusCode).toBe(200);
    expect(JSON.parse(response.body ?? "")).toMatchObject({ status: 1 });
    expect(records()[0]).toMatchObject({ source_id: "web", reason: null, timestamp: "2026-11-23T08:59:58.000Z" });
    expect(JSON.parse(records()[0]?.payload ?? "")).toMatchObject(expected);
  });

  test.each<[string, unknown]>([
    ["one event", { ...item("e"), api_key: "key-web" }],
    ["a list, the key in each (posthog-js)", [item("e", { token: "key-web" })]],
  ])("%s", async (_, body) => {
    const { send, records } = collector();
    await send("POST /i/v0/e/", body, { headers: none });
    expect(records()).toEqual([expect.objectContaining({ source_id: "web", type: "track", event: "e" })]);
  });

  test("what is no call is kept", async () => {
    const { send, records } = collector();
    expect((await send("POST /batch/", '"text"', { headers: none })).statusCode).toBe(400);
    expect(records()[0]).toMatchObject({ reason: "invalid-request", payload: '"text"' });
  });
});

test("Jitsu: one call each, the key in a header, masked in the body", async () => {
  const { send, records } = collector();
  const body = {
    type: "identify",
    userId: "u1",
    traits: {},
    messageId: "1a83z2osu2q17z4po3o2kh",
    writeKey: "key-web:***",
  };
  await send("POST /api/s/identify", body, { headers: { ...none, "x-write-key": "key-web:secret" } });
  expect(records()[0]).toMatchObject({ source_id: "web", type: "identify", message_id: "1a83z2osu2q17z4po3o2kh" });
});

test("Customer.io: a batch without sentAt and without a key in its body", async () => {
  const { send, records } = collector();
  const batch = [{ type: "track", event: "e", userId: "u", messageId: "m", timestamp: "2026-11-22T09:00:00.000Z" }];
  await send("POST /v1/batch", { batch });
  expect(records()[0]).toMatchObject({ source_id: "web", timestamp: "2026-11-22T09:00:00.000Z", sent_at: null });
});

test("RudderStack's browser SDK is told that its source is on", async () => {
  const { send } = collector();
  const response = await send("GET /sourceConfig/", "", { headers: none, query: { writeKey: "key-web" } });
  expect(JSON.parse(response.body ?? "").source).toMatchObject({ id: "key-web", enabled: true, destinations: [] });
});
