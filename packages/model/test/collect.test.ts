import * as fc from "fast-check";
import {
  type CustomerEvent,
  canonicalJson,
  collectBody,
  collectItem,
  correctTime,
  derivedId,
  eventOf,
  fingerprint,
  isoTime,
  isRejection,
  type JsonObject,
  maxEventBytes,
  type Outer,
  parseItem,
  parseTime,
  type QuarantinedRecord,
  quarantinedRecord,
  quarantineKey,
  readCollected,
  replayItem,
  storedEvent,
} from "../src";

const receivedAt = "2026-11-23T09:00:00.000Z";
const meta = { sourceId: "web", receivedAt };
const noBody = () => Buffer.from("whole body");

function parsed(raw: unknown, outer: Outer = {}, type?: "track" | "identify"): CustomerEvent {
  const result = parseItem(raw, outer, type ? { ...meta, type } : meta);
  if (isRejection(result)) throw new Error(`rejected: ${JSON.stringify(result)}`);
  return result;
}

const track = { type: "track", event: "Signed Up", userId: "u1", messageId: "m1" };

describe("time", () => {
  const at = (text: string) => parseTime(text);

  test.each<[string, unknown, string | undefined]>([
    ["ISO with milliseconds", "2026-01-31T08:30:00.123Z", "2026-01-31T08:30:00.123Z"],
    ["microseconds are cut", "2026-01-31T08:30:00.123987Z", "2026-01-31T08:30:00.123Z"],
    ["no zone is UTC", "2026-01-31 08:30:00", "2026-01-31T08:30:00.000Z"],
    ["a date alone", "2026-01-31", "2026-01-31T00:00:00.000Z"],
    ["an offset ahead", "2026-01-31T08:30:00+02:00", "2026-01-31T06:30:00.000Z"],
    ["an offset behind, without colon", "2026-01-31T23:30:00-0530", "2026-02-01T05:00:00.000Z"],
    ["an offset of hours only", "2026-01-31T08:30:00+02", "2026-01-31T06:30:00.000Z"],
    ["29 February of a leap year", "2024-02-29T00:00:00Z", "2024-02-29T00:00:00.000Z"],
    ["29 February of another", "2026-02-29T00:00:00Z", undefined],
    ["a leap second", "2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000Z"],
    ["hour 24", "2026-01-31T24:00:00Z", undefined],
    ["month 13", "2026-13-01", undefined],
    ["epoch milliseconds", 1767225600000, "2026-01-01T00:00:00.000Z"],
    ["epoch seconds are refused", 1767225600, undefined],
    ["words", "yesterday", undefined],
    ["an object", {}, undefined],
  ])("%s", (_, value, expected) => {
    const time = parseTime(value);
    expect(time === undefined ? undefined : isoTime(time)).toBe(expected);
  });

  const year = 365 * 86_400_000;
  const received = Date.parse(receivedAt);
  test.each<[string, { sentAt?: number; originalTimestamp?: number }, number]>([
    ["nothing stated", {}, received],
    ["no sentAt: the stated time stands", { originalTimestamp: received - 5000 }, received - 5000],
    ["right clock", { sentAt: received - 200, originalTimestamp: received - 5200 }, received - 5000],
    ["clock a year ahead", { sentAt: received + year, originalTimestamp: received + year - 5000 }, received - 5000],
    ["clock a year behind", { sentAt: received - year, originalTimestamp: received - year - 5000 }, received - 5000],
    [
      "a historical time by hand survives",
      { sentAt: received, originalTimestamp: at("2011-05-01") },
      at("2011-05-01") ?? 0,
    ],
    [
      "sent again hours later, with the new sentAt",
      { sentAt: received, originalTimestamp: received - 4 * 3_600_000 },
      received - 4 * 3_600_000,
    ],
    [
      "sentAt before the event, a little",
      { sentAt: received - 60_000, originalTimestamp: received },
      received + 60_000,
    ],
    ["sentAt before the event, by days", { sentAt: received - 3 * 86_400_000, originalTimestamp: received }, received],
    ["far future without sentAt", { originalTimestamp: received + year }, received],
    ["just within a day ahead", { originalTimestamp: received + 86_400_000 }, received + 86_400_000],
    ["before the calendar", { sentAt: at("9999-12-31"), originalTimestamp: at("0001-01-01") }, received],
  ])("correction: %s", (_, times, expected) => {
    expect(correctTime({ receivedAt: received, ...times })).toBe(expected);
  });

  test("a clamped event keeps its original time", () => {
    const event = parsed({ ...track, timestamp: "2031-01-01T00:00:00Z" });
    expect(event).toMatchObject({ timestamp: receivedAt, originalTimestamp: "2031-01-01T00:00:00.000Z" });
  });

  test("any skew of a client's clock leaves no trace", () => {
    fc.assert(
      fc.property(fc.integer({ min: -1e11, max: 1e11 }), fc.nat(1e9), (skew, age) => {
        const corrected = correctTime({
          receivedAt: received,
          sentAt: received + skew,
          originalTimestamp: received + skew - age,
        });
        expect(corrected).toBe(received - age);
      }),
    );
  });
});

describe("an item becomes an event", () => {
  test.each<[string, JsonObject, Partial<CustomerEvent> & Record<string, unknown>]>([
    ["track", track, { type: "track", event: "Signed Up", properties: {}, context: {} }],
    ["identify", { type: "identify", anonymousId: "a", traits: { email: "x@y.z" } }, { traits: { email: "x@y.z" } }],
    ["page", { type: "page", userId: "u", name: "Home", category: "Docs" }, { name: "Home", category: "Docs" }],
    ["screen", { type: "screen", userId: "u" }, { type: "screen", properties: {} }],
    ["group", { type: "group", userId: "u", groupId: "g" }, { groupId: "g", traits: {} }],
    ["alias", { type: "alias", previousId: "old", userId: "new" }, { previousId: "old", userId: "new" }],
    ["numeric ids", { ...track, userId: 42 }, { userId: "42" }],
    ["empty ids are absent", { ...track, userId: "", anonymousId: "a" }, { anonymousId: "a" }],
    ["null objects are empty", { ...track, properties: null, context: null }, { properties: {}, context: {} }],
    [
      "RudderStack's originalTimestamp and sentAt",
      { ...track, originalTimestamp: "2026-11-23T08:00:00Z", sentAt: "2026-11-23T08:59:00Z" },
      { timestamp: "2026-11-23T08:01:00.000Z" },
    ],
  ])("%s", (_, raw, expected) => {
    expect(parsed(raw)).toMatchObject(expected);
  });

  test.each<[string, unknown, string, string, RegExp]>([
    ["no object", "text", "invalid-event", "", /JSON object, this is a string/],
    ["a list", [], "invalid-event", "", /an array/],
    ["no type", { userId: "u" }, "invalid-event", "type", /is missing; use one of track/],
    ["a mistyped type", { type: "trak", userId: "u" }, "invalid-event", "type", /did you mean "track"/],
    ["nobody", { type: "track", event: "x" }, "missing-identity", "", /neither userId nor anonymousId/],
    ["an unnamed track", { type: "track", userId: "u" }, "invalid-event", "event", /is missing/],
    ["a group of none", { type: "group", userId: "u" }, "invalid-event", "groupId", /is missing/],
    ["an alias of one", { type: "alias", userId: "u" }, "missing-identity", "previousId", /needs both/],
    [
      "properties as text",
      { ...track, properties: "x" },
      "invalid-event",
      "properties",
      /must be an object, is a string/,
    ],
    ["context as list", { ...track, context: [] }, "invalid-event", "context", /must be an object, is an array/],
    ["an id as object", { ...track, userId: {} }, "invalid-event", "userId", /must be text/],
    ["an id that is no safe number", { ...track, userId: 2 ** 60 }, "invalid-event", "userId", /must be text/],
    ["no time", { ...track, timestamp: "soon" }, "invalid-event", "timestamp", /"soon" is no time; use ISO 8601/],
    [
      "a long message id",
      { ...track, messageId: "x".repeat(101) },
      "message-id-too-long",
      "messageId",
      /101 characters, 100/,
    ],
    ["a bottomless one", { ...track, properties: nested(80) }, "invalid-event", "", /nested deeper than 64/],
  ])("%s is rejected", (_, raw, reason, path, detail) => {
    const result = parseItem(raw, {}, meta);
    expect(result).toMatchObject({ type: "rejected", reason, path });
    expect(isRejection(result) && result.detail).toMatch(detail);
  });

  test("the batch's context, integrations and sentAt go under the item's own", () => {
    const event = parsed(
      {
        ...track,
        context: { ip: "1.2.3.4", page: { url: "own" } },
        integrations: { A: false },
        timestamp: "2026-11-23T07:59:00Z",
      },
      {
        context: { page: { url: "outer", title: "t" }, library: { name: "lib" } },
        integrations: { All: true, A: true },
        sentAt: "2026-11-23T08:00:00Z",
      },
    );
    expect(event.context).toEqual({ ip: "1.2.3.4", page: { url: "own" }, library: { name: "lib" } });
    expect(event.integrations).toEqual({ All: true, A: false });
    expect(event.timestamp).toBe("2026-11-23T08:59:00.000Z");
  });

  test("the route's type wins, and an outer context of the wrong type is told", () => {
    expect(parsed({ userId: "u", event: "e" }, {}, "track").type).toBe("track");
    expect(parseItem(track, { context: "x" }, meta)).toMatchObject({ reason: "invalid-event", path: "context" });
  });

  test("keys of Object.prototype are data, not behaviour", () => {
    const raw: unknown = JSON.parse(
      '{"type":"track","event":"e","userId":"u","properties":{"__proto__":{"x":1}},"__proto__":{"y":1}}',
    );
    const event = parsed(raw, { context: JSON.parse('{"__proto__":{"z":1}}') });
    expect(({} as { z?: number }).z).toBeUndefined();
    expect(JSON.stringify(event)).toContain('"__proto__":{"x":1}');
  });
});

function nested(levels: number): JsonObject {
  let value: JsonObject = {};
  for (let level = 0; level < levels; level++) value = { value };
  return value;
}

describe("message ids", () => {
  const timed = { type: "track", event: "e", userId: "u", timestamp: "2026-01-01T00:00:00Z" };

  test("a missing one is the content's, whatever the order of keys and the time of sending", () => {
    const again = {
      sentAt: "2026-01-02T00:00:00Z",
      timestamp: timed.timestamp,
      userId: "u",
      event: "e",
      type: "track",
    };
    expect(parsed(again).messageId).toBe(parsed(timed).messageId);
    expect(parsed({ ...timed, event: "other" }).messageId).not.toBe(parsed(timed).messageId);
  });

  test("without any time, two equal events are two", () => {
    const { timestamp: _, ...untimed } = timed;
    const later = parseItem(untimed, {}, { ...meta, receivedAt: "2026-11-23T09:00:01.000Z" });
    expect((later as CustomerEvent).messageId).not.toBe(parsed(untimed).messageId);
  });

  test("derived ids stay within the limit", () => {
    expect(derivedId("m", 0)).toBe("m");
    expect(derivedId("m", 2)).toBe("m~2");
    expect(derivedId("x".repeat(100), 1).length).toBeLessThanOrEqual(100);
    expect(derivedId("x".repeat(100), 1)).not.toBe(derivedId("x".repeat(100), 2));
  });
});

describe("records of the stream", () => {
  const collect = (raw: unknown, outer: Outer = {}) => collectItem(raw, outer, meta, noBody);

  test("an event's record reads back as the same event", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 4 })), (properties) => {
        const outer = { context: { library: { name: "x" } }, sentAt: "2026-11-23T08:59:59Z" };
        const record = collect({ ...track, properties, timestamp: "2026-11-23T08:00:00Z" }, outer);
        const back = readCollected(Buffer.from(JSON.stringify(record)));
        if (isRejection(back)) throw new Error(back.detail);
        expect(back).toEqual(record);
        expect(canonicalJson(eventOf(back))).toBe(
          canonicalJson(parsed({ ...track, properties, timestamp: "2026-11-23T08:00:00Z" }, outer)),
        );
      }),
    );
  });

  test.each<[string, unknown, string, string | RegExp]>([
    [
      "a rejected item keeps its JSON",
      { type: "track", messageId: "mm" },
      "missing-identity",
      '{"type":"track","messageId":"mm"}',
    ],
    ["a number", 5, "invalid-event", "5"],
    ["an oversized event", { ...track, properties: { big: "é".repeat(maxEventBytes / 2) } }, "event-too-large", /ééé/],
    ["a bottomless item is kept by its request", nested(20_000), "invalid-event", "whole body"],
    [
      "a row that could not be mapped",
      {
        type: "track",
        messageId: "f:7",
        context: { rejection: { reason: "unmappable", detail: "line 7: no number", original: "a,b,c" } },
      },
      "unmappable",
      "a,b,c",
    ],
  ])("%s", (_, raw, reason, payload) => {
    const record = collect(raw);
    expect(record).toMatchObject({ type: "rejected", reason, source_id: "web", received_at: receivedAt });
    expect(record.payload).toEqual(typeof payload === "string" ? payload : expect.stringMatching(payload));
  });

  test("bytes that are not UTF-8 come back whole", () => {
    const bytes = Buffer.from([0xff, 0xfe, 0x00, 0x41]);
    const record = collectBody("malformed-json", "not UTF-8", bytes, meta);
    expect(record.encoding).toBe("base64");
    expect(Buffer.from(record.payload, "base64")).toEqual(bytes);
  });

  test.each([
    ["not json", "{"],
    ["another's json", '{"a":1}'],
    ["wrong types", JSON.stringify({ ...collect(track), payload: 1 })],
  ])("%s on the stream is rejected", (_, text) => {
    expect(readCollected(Buffer.from(text))).toMatchObject({ type: "rejected", reason: "unreadable-record" });
  });
});

describe("the fingerprint", () => {
  const event = parsed({
    ...track,
    timestamp: "2026-01-01T00:00:00Z",
    sentAt: "2026-01-01T00:00:01Z",
    properties: { a: 1, b: [1, 2] },
  });

  test("is that of the content: another delivery has the same", () => {
    const again = parseItem(
      { properties: { b: [1, 2], a: 1 }, ...track, timestamp: "2026-01-01T00:00:00Z", sentAt: "2026-01-05T00:00:01Z" },
      {},
      { ...meta, receivedAt: "2026-11-24T00:00:00.000Z" },
    ) as CustomerEvent;
    expect(fingerprint(again)).toBe(fingerprint(event));
    expect(again.timestamp).not.toBe(event.timestamp);
  });

  test("differs where anything said differs", () => {
    expect(fingerprint({ ...event, properties: { a: 2 } } as CustomerEvent)).not.toBe(fingerprint(event));
    expect(fingerprint({ ...event, originalTimestamp: "2026-01-02T00:00:00.000Z" })).not.toBe(fingerprint(event));
  });

  test("the stored event expires by when it was received", () => {
    const stored = storedEvent(event, "f", 30);
    expect(stored).toMatchObject({ id: "web#m1", expiresAt: Date.parse(receivedAt) / 1000 + 30 * 86_400 });
    expect(JSON.parse(stored.event)).toEqual(event);
  });
});

describe("quarantine and replay", () => {
  const quarantined = (
    raw: unknown,
    reason: "callback-error" | "message-id-reused" | "unmappable" = "callback-error",
  ): QuarantinedRecord =>
    quarantinedRecord(collectItem(raw, {}, meta, noBody), { reason, detail: "d", stage: "onEvent" });

  test("the same record has the same id, and its place says day, reason and source", () => {
    expect(quarantined(track).id).toBe(quarantined({ ...track }).id);
    expect(quarantined(track).id).not.toBe(quarantined({ ...track, messageId: "m2" }).id);
    expect(quarantineKey(quarantined(track), "o")).toBe("dt=2026-11-23/reason=callback-error/source=web/o.jsonl");
  });

  test("a replay keeps message id and corrected time, however late it is", () => {
    const raw = { ...track, timestamp: "2026-11-23T07:00:00Z", sentAt: "2026-11-23T08:00:00Z" };
    const replay = replayItem(quarantined(raw));
    if (!replay.ok) throw new Error(replay.why);
    const later = parseItem(replay.item, {}, { ...meta, receivedAt: "2026-12-24T00:00:00.000Z" });
    expect(later).toMatchObject({ messageId: "m1", timestamp: "2026-11-23T08:00:00.000Z" });
  });

  test("an id that was used twice gets a suffix, the same at each replay", () => {
    const replay = replayItem(quarantined(track, "message-id-reused"));
    expect(replay.ok && replay.item.messageId).toMatch(/^m1~[0-9a-f]{8}$/);
    expect(replayItem(quarantined(track, "message-id-reused"))).toEqual(replay);
  });

  test.each<[string, QuarantinedRecord, RegExp]>([
    ["a file's row", quarantined(track, "unmappable"), /mend the mapping/],
    ["broken JSON", { ...quarantined(track), original: "{" }, /not JSON/],
    ["no object", { ...quarantined(track), original: "[]" }, /no JSON object/],
  ])("%s cannot be replayed, and says why", (_, record, why) => {
    const replay = replayItem(record);
    expect(!replay.ok && replay.why).toMatch(why);
  });
});
