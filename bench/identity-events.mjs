// A seeded stream of events of people with browsers, devices, addresses and phones, some of them junk or somebody else's.
// Who is who is known to the scorer alone.

/** A small fast generator (mulberry32): the same seed gives the same stream everywhere. */
export function randomOf(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const start = Date.parse("2026-01-01T00:00:00.000Z");

/**
 * @param {{ events: number, seed?: number, junk?: number, foreign?: number, hot?: { people: number, share: number }, seconds?: number }} options
 *   `junk`: share of events with a junk identifier; `foreign`: share of events in somebody else's browser; `seconds`: from one event
 *   to the next
 */
export function* identityEvents({
  events,
  seed = 1,
  junk = 0.01,
  foreign = 0.004,
  hot = { people: 0, share: 0 },
  seconds = 10,
}) {
  const random = randomOf(seed);
  const pick = (count) => Math.floor(random() * count);
  const people = Math.max(20, Math.round(events / 8.5));
  const junkValues = junkOf(Math.max(8, Math.round((events * junk) / 150)));
  for (let index = 0; index < events; index++) {
    const person = random() < hot.share ? pick(hot.people) : pick(people);
    const traits = traitsOf(person, seed);
    const event = {
      type: "track",
      event: "Product Viewed",
      properties: { position: index % 10 },
      messageId: `m-${index}`,
      sourceId: "web",
      timestamp: new Date(start + index * seconds * 1_000).toISOString(),
      receivedAt: new Date(start + index * seconds * 1_000).toISOString(),
      context: {},
    };
    // Sites identify at a login or a form; everything else is tracked.
    const identify = (traits) => {
      Object.assign(event, { type: "identify", traits: { ...event.traits, plan: `plan ${person % 3}`, ...traits } });
    };
    const loggedIn = traits.account && random() < 0.4;
    if (loggedIn) event.userId = `user-${person}`;
    event.anonymousId = browserOf(person, pick(traits.browsers), seed);
    if (random() < 0.15) {
      identify({ email: `person.${person}.${pick(traits.emails)}@mail${person % 97}.example.org` });
    }
    if (random() < 0.08) identify({ phone: phoneOf(person) });
    if (random() < 0.25) event.context = { device: { id: `device-${person}-${pick(traits.devices)}-${seed}` } };
    if (random() < foreign) event.anonymousId = browserOf(pick(people), 0, seed);
    else if (random() < junk) {
      const [kind, value] = junkValues[pick(junkValues.length)];
      if (kind === "email" || kind === "phone") identify({ [kind]: value });
      else if (kind === "anonymous_id") event.anonymousId = value;
      else event.context = { device: { id: value } };
    }
    yield event;
  }
}

/** Junk that no list of blocked values knows: an address that clerks fill in, a kiosk's browser, a shop's phone. */
export function junkOf(count) {
  return Array.from({ length: count }, (_, n) => {
    const kind = ["email", "phone", "anonymous_id", "device_id"][n % 4];
    const value = {
      email: `noreply.shop${n}@clerk.example.com`,
      phone: `+1202555${1000 + n}`,
      anonymous_id: `kiosk-${n}`,
      device_id: `till-${n}`,
    };
    return [kind, value[kind]];
  });
}

export function plantedJunk({ events, junk = 0.01 }) {
  return junkOf(Math.max(8, Math.round((events * junk) / 150))).map(([kind, value]) => `${kind}:${value}`);
}

function traitsOf(person, seed) {
  const random = randomOf(person * 7919 + seed);
  return {
    account: random() < 0.6,
    browsers: 1 + Math.floor(random() * 3),
    emails: random() < 0.15 ? 2 : 1,
    devices: 1 + Math.floor(random() * 2),
  };
}

const browserOf = (person, n, seed) => `b-${person}-${n}-${seed}`;
const phoneOf = (person) => `+4420${String(70_000_000 + person).padStart(8, "0")}`;

/** The person of an identifier's key; undefined for junk. */
export function personOf(key) {
  const value = key.slice(key.indexOf(":") + 1);
  const match = /^(?:user-|person\.|b-|device-)(\d+)/.exec(value) ?? /^\+4420(\d{8})$/.exec(value);
  if (!match) return undefined;
  return value.startsWith("+") ? Number(match[1]) - 70_000_000 : Number(match[1]);
}

/** Precision, recall and F1 over pairs of identifiers; the largest cluster. */
export function score(clusters, keys) {
  const pairs = (n) => (n * (n - 1)) / 2;
  const truth = new Map();
  for (const key of keys) {
    const person = personOf(key);
    if (person !== undefined) truth.set(person, (truth.get(person) ?? 0) + 1);
  }
  let [right, found, all, largest] = [0, 0, 0, 0];
  for (const count of truth.values()) all += pairs(count);
  for (const cluster of clusters) {
    largest = Math.max(largest, cluster.length);
    found += pairs(cluster.length);
    const counts = new Map();
    for (const key of cluster) {
      const person = personOf(key);
      if (person !== undefined) counts.set(person, (counts.get(person) ?? 0) + 1);
    }
    for (const count of counts.values()) right += pairs(count);
  }
  const [precision, recall] = [right / found, right / all];
  return { precision, recall, f1: (2 * precision * recall) / (precision + recall), largest };
}
