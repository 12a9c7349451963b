import type { JsonObject } from "@tributary/model";
import { type Device, makePeople, type Person } from "./people";
import { Random } from "./random";

/** The sample: what clients send, in the order in which they send it, and the truth that nobody sends. */
export interface Sample {
  readonly seed: number;
  readonly people: readonly Person[];
  /** Event items by source, as JSON texts; repeats and faulty ones included. */
  readonly items: Readonly<Record<"web" | "crm", readonly string[]>>;
  /** Items under a write key that nobody issued. */
  readonly strays: readonly string[];
  /** Distinct well-formed events (by source and message id). */
  readonly distinct: number;
  /** Items that repeat an earlier one. */
  readonly repeats: number;
  /** Items that no event can be made of. */
  readonly faulty: number;
}

const catalogue = Array.from({ length: 60 }, (_, index) => ({
  sku: `SKU-${String(index + 1).padStart(3, "0")}`,
  name: `Article ${index + 1}`,
  price: (199 + ((index * 677) % 9000)) / 100,
}));

const day = 86_400_000;
const start = Date.UTC(2026, 7, 1);
const days = 90;

interface Draft {
  readonly source: "web" | "crm";
  readonly time: number;
  readonly body: JsonObject;
}

const typo = (random: Random, text: string): string => {
  const at = random.between(0, Math.max(0, text.indexOf("@") - 2));
  return text.slice(0, at) + text.charAt(at + 1) + text.charAt(at) + text.slice(at + 2);
};

function traitsOf(random: Random, person: Person): JsonObject {
  return {
    email: random.chance(0.2) ? person.email.toUpperCase() : person.email,
    firstName: person.firstName,
    lastName: person.lastName,
    ...(person.phone ? { phone: person.phone } : {}),
    address: { city: person.city, country: person.country },
  };
}

function context(person: Person): JsonObject {
  const consent: JsonObject =
    person.marketing === undefined
      ? {}
      : { consent: { categoryPreferences: { marketing: person.marketing, analytics: true } } };
  return { library: { name: "sample", version: "1" }, location: { country: person.country }, ...consent };
}

/** One visit of a person with one device: pages, products, perhaps a login and an order. Returns what was spent. */
function visit(random: Random, person: Person, device: Device, begin: number, drafts: Draft[]): number {
  let time = begin;
  let spent = 0;
  const base = { anonymousId: device.anonymousId, context: context(person) };
  const add = (body: JsonObject) => {
    time += random.between(2_000, 90_000);
    drafts.push({ source: "web", time, body: { ...base, ...body } });
  };
  for (let page = random.between(1, 4); page > 0; page--) {
    add({ type: "page", name: random.pick(["Home", "Catalogue", "About", "Help"]), properties: { path: "/" } });
  }
  const known: JsonObject = person.userId !== null && random.chance(0.6) ? { userId: person.userId } : {};
  if ("userId" in known) {
    // Now and then an application sends what is nobody's: it must not weld strangers together.
    const junk: JsonObject = random.chance(0.01) ? { email: "test@test.com" } : {};
    add({ type: "identify", ...known, traits: { ...traitsOf(random, person), ...junk } });
  }
  const basket = Array.from({ length: random.between(1, 4) }, () => random.pick(catalogue));
  for (const article of basket) add({ type: "track", event: "Product Viewed", ...known, properties: article });
  if ("userId" in known && random.chance(0.5)) {
    const products = basket.map((article, index) => ({
      ...article,
      quantity: random.between(1, 5),
      position: index + 1,
    }));
    const total = products.reduce((sum, { price, quantity }) => sum + Math.round(price * 100) * quantity, 0) / 100;
    spent = total;
    add({
      type: "track",
      event: "Order Completed",
      ...known,
      properties: { order_id: `o-${person.id}-${begin}`, total, currency: "EUR", country: person.country, products },
    });
  }
  return spent;
}

/** Makes the whole sample from a seed: about 20 events a person over 90 days. */
export function makeSample(seed: number, count: number): Sample {
  const random = new Random(seed);
  const people = makePeople(random, count);
  const drafts: Draft[] = [];
  for (const person of people) {
    let spent = 0;
    for (let visits = random.between(1, 4); visits > 0; visits--) {
      const begin = start + random.between(0, days) * day + random.between(0, day);
      spent += visit(random, person, random.pick(person.devices), begin, drafts);
    }
    // The nightly export of the shop's customer records: some e-mail addresses were mistyped at a counter.
    if (person.userId !== null) {
      const email = random.chance(0.02) ? typo(random, person.email) : person.email;
      const traits = { ...traitsOf(random, person), email, lifetime_value: Math.round(spent * 100) / 100 };
      const time = start + days * day + random.between(0, day);
      drafts.push({
        source: "crm",
        time,
        body: { type: "identify", userId: person.userId, traits, context: context(person) },
      });
    }
  }

  const ordered = drafts.sort((a, b) => a.time - b.time);
  const items = { web: [] as string[], crm: [] as string[] };
  const held: { source: "web" | "crm"; text: string }[] = [];
  let repeats = 0;
  let faulty = 0;
  for (const { source, time, body } of ordered) {
    const text = JSON.stringify({ messageId: random.uuid(), timestamp: new Date(time).toISOString(), ...body });
    // Some devices are offline: their events come days late, after newer ones.
    if (random.chance(0.03)) held.push({ source, text });
    else items[source].push(text);
    if (random.chance(0.03)) {
      repeats += 1;
      held.push({ source, text });
    }
    if (random.chance(0.003)) {
      faulty += 1;
      items[source].push(
        random.pick([
          JSON.stringify({ messageId: random.uuid(), type: "track", event: "No Identity", properties: {} }),
          JSON.stringify({ messageId: random.uuid(), type: "purchase", userId: "u-00001" }),
          JSON.stringify({
            messageId: random.uuid(),
            type: "track",
            userId: "u-00001",
            properties: { event: "missing" },
          }),
        ]),
      );
    }
  }
  for (const { source, text } of random.shuffle(held)) items[source].push(text);
  const strays = [
    JSON.stringify({ messageId: random.uuid(), type: "track", event: "Stray", anonymousId: random.uuid() }),
  ];
  return { seed, people, items, strays, distinct: ordered.length, repeats, faulty };
}
