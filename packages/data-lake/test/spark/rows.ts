import type { ArchivedProfileRow, CollectedRecord } from "@tributary/model";
import fc from "fast-check";
import { oddJson, oddNumbers, oddTexts, oddTimes, strange } from "./pools";

/** Rows of the raw zone for the comparison of the transforms: hand-made edges and generated ones. */
const epoch = Date.UTC(2026, 10, 1);
const texts = [...oddTexts.filter((text) => text !== null), "u1", " u1 ", "U1", "\u00a0u1"];
const times = oddTimes.filter((time) => time !== null);
const numerals = [...oddNumbers, ...strange.numerals].filter((number) => number !== null);
const orderEvents = ["Order Completed", "Order Refunded", "Order Cancelled"];

/** Numbers that both engines spell alike inside of objects (see `knownDifferences`). */
const plainNumber = fc.oneof(
  fc.integer(),
  fc
    .integer({ min: -99_999_999, max: 99_999_999 })
    .map((n) => n / 10_000)
    .filter((n) => Math.abs(n) >= 0.001 || n === 0),
  fc.constantFrom(0, -1, 1, 0.5, 2.55, 2147483647, 2147483648, 99999999999999),
);
const plainJson = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    plainNumber,
    fc.constantFrom(null, true, false, ...texts),
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom("a", "b", "é", "x y", "👩", "order_id"), tie("value"), { maxKeys: 3 }),
  ),
})).value;

const sometimes = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined, freq: 5 });
const text = fc.constantFrom(...texts);
const numeric = fc.oneof({ arbitrary: plainNumber, weight: 3 }, fc.constantFrom(...numerals), fc.constant(null));
const product = fc.oneof(
  {
    arbitrary: fc.record({
      sku: sometimes(fc.oneof(text, plainNumber)),
      product_id: sometimes(text),
      name: sometimes(text),
      quantity: sometimes(numeric),
      price: sometimes(numeric),
      position: sometimes(numeric),
    }),
    weight: 6,
  },
  plainJson,
);
const traits = fc.record({
  firstName: sometimes(text),
  first_name: sometimes(text),
  last_name: sometimes(text),
  name: sometimes(text),
  email: sometimes(text),
  phone: sometimes(fc.oneof(text, plainNumber)),
  birthday: sometimes(fc.constantFrom("1980-02-29", "", "01/02/1990")),
  address: sometimes(fc.oneof(fc.record({ city: sometimes(text), postal_code: sometimes(plainNumber) }), plainJson)),
});
const payload = fc.record({
  properties: sometimes(
    fc.oneof(
      {
        arbitrary: fc.record({
          order_id: sometimes(fc.constantFrom("o1", "o2", "o3", "", "o👩")),
          currency: sometimes(fc.constantFrom("GBP", "EUR", null)),
          country: sometimes(text),
          products: sometimes(fc.oneof({ arbitrary: fc.array(product, { maxLength: 10 }), weight: 5 }, plainJson)),
        }),
        weight: 5,
      },
      plainJson,
    ),
  ),
  traits: sometimes(fc.oneof({ arbitrary: traits, weight: 5 }, plainJson)),
  context: sometimes(fc.oneof(fc.record({ location: fc.record({ country: sometimes(text) }) }), plainJson)),
});

/** One event, without what must differ between copies. */
const event = fc.record({
  source_id: fc.constantFrom("shop", "app", ""),
  message_id: fc.oneof(fc.constantFrom("m1", "m2", "m3", "m👩"), fc.uuid()),
  type: fc.constantFrom("track", "track", "identify", "identify", "page", "rejected"),
  event: fc.constantFrom(...orderEvents, ...orderEvents, "Viewed", "", "é", null),
  user_id: fc.constantFrom("u1", "u2", " u1 ", "", " ", "\u00a0u1", "👩", null),
  anonymous_id: fc.constantFrom("a1", "", null),
  timestamp: fc.oneof(
    fc.date({ min: new Date(0), noInvalidDate: true }).map((date) => date.toISOString()),
    fc.constantFrom(...times),
  ),
  original_timestamp: fc.constantFrom(null, ...times),
  sent_at: fc.constantFrom(null, ...times),
  payload: fc.oneof(
    { arbitrary: payload.map((each) => JSON.stringify(each)), weight: 9 },
    fc.constantFrom("", "not json", "[]", ...oddJson.filter((each) => each !== null)),
  ),
});

const product1 = (fields: object) => JSON.stringify({ properties: { order_id: "edge", products: [fields] } });
/** Payloads that broke, or might break, one of the engines. */
const edgePayloads = [
  product1({ sku: "wide", quantity: 2147483647, price: "99999999999999.9999" }),
  product1({ sku: "over", quantity: "2147483648", price: "99999999999999.99995" }),
  product1({ sku: "least", quantity: "-2147483648", price: "-99999999999999.9999" }),
  product1({ sku: "half", quantity: "1.9", price: "0.00005", position: "1.9" }),
  product1({ sku: "minus", quantity: "-1.9", price: "-0.00005", position: -1 }),
  product1({ sku: "odd", quantity: "0x10", price: "1_000", position: "2147483648" }),
  product1({ sku: "words", quantity: "NaN", price: "Infinity", position: "1e3" }),
  JSON.stringify({
    properties: {
      order_id: "list",
      products: Array.from({ length: 1200 }, (_, n) => ({ sku: `s${n}`, quantity: n % 7, price: n / 8 })),
    },
  }),
  JSON.stringify({ properties: { products: [null, 1, "x", [], {}] } }),
  JSON.stringify({ properties: { products: {} }, traits: { name: "\u00a0", first_name: " e\u0301 " } }),
  `{"properties":{"order_id":"twice","order_id":"second","products":[{"sku":"a","sku":"b","price":1,"price":2}]}}`,
  `{ "properties" : { "order_id" : "spaced" , "products" : [ { "sku" : "\\u00e9\\ud83d\\udc69" , "price" : 1.50 } ] } }`,
  `{"traits":{"name":${JSON.stringify("x".repeat(20_000))}}}`,
];

export function rawEvents(seed: number): CollectedRecord[] {
  const generated = fc.sample(event, { seed, numRuns: 400 });
  const edges = edgePayloads.flatMap((given, index) =>
    ["Order Completed", "Order Refunded"].map((name, place) => ({
      source_id: "edge",
      message_id: `e${index}-${place}`,
      type: index % 4 === 3 ? "identify" : "track",
      event: name,
      user_id: `buyer${index % 3}`,
      anonymous_id: null,
      timestamp: "2024-02-29T23:59:59.999Z",
      original_timestamp: null,
      sent_at: null,
      payload: given,
    })),
  );
  return [...generated, ...edges].map((each, index) => ({
    ...each,
    // No two at the same moment, so that the first of several copies is one of them; some days later than the rest.
    received_at: new Date(epoch + index * 3_600_007 + (index % 17 === 0 ? 40 * 86_400_000 : 0)).toISOString(),
    encoding: "utf8",
    reason: null,
    detail: null,
  })) as CollectedRecord[];
}

export function rawProfiles(seed: number): ArchivedProfileRow[] {
  const change = fc.record({
    profile_id: fc.constantFrom("p1", "p2", "p3", "p👩", ""),
    sequence: fc.integer({ min: 1, max: 9 }).map((n) => String(n).padStart(4, "0")),
    identifiers: fc.uniqueArray(fc.constantFrom("a@x.org", "b@x.org", "é", "", " ", "👩"), { maxLength: 4 }),
    gone: fc.constantFrom(false, false, false, true),
    traits: fc.oneof(
      plainJson.map((each) => JSON.stringify(each)),
      fc.constant(null),
    ),
  });
  return fc.sample(change, { seed, numRuns: 120 }).flatMap(({ profile_id, sequence, identifiers, gone, traits }) => {
    const at = times[(Number(sequence) * 7 + profile_id.length) % times.length] ?? "";
    const row: ArchivedProfileRow = {
      profile_id,
      kind: gone ? "deleted" : "profile",
      sequence,
      changed_at: `2026-11-${sequence.slice(-2)}T09:00:00.000Z`,
      version: gone ? null : `v${sequence}`,
      identifier_type: null,
      identifier_value: null,
      first_seen: at,
      last_seen: gone ? null : at,
      traits: gone ? null : traits,
      consent: null,
      lineage: null,
      redirect_to: null,
    };
    const named = identifiers.map((identifier_value) => ({
      ...row,
      kind: "identifier" as const,
      identifier_type: "email",
      identifier_value,
      traits: null,
    }));
    // Every third is archived twice.
    const rows = [row, ...(gone ? [] : named)];
    return Number(sequence) % 3 === 0 ? [...rows, ...rows] : rows;
  });
}
