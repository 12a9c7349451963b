import { Random } from "../../src/sample/random";

/** Events for `fixtures/faults`, and what must become of each. */
export interface Traffic {
  /** JSON texts for `/v1/batch`, under source `web`. */
  readonly items: readonly string[];
  /** Keys that the events table must hold, those of fanned out events included. */
  readonly stored: ReadonlySet<string>;
  /** Reason by message id of what must be in quarantine. */
  readonly poison: ReadonlyMap<string, string>;
  /** Message ids in all. */
  readonly distinct: number;
}

/** Makes events of a few hundred people: one in a hundred is poison, some are dropped, some fanned out by the callback. */
export function makeTraffic(seed: number, count: number): Traffic {
  const random = new Random(seed);
  const items: string[] = [];
  const stored = new Set<string>();
  const poison = new Map<string, string>();
  const start = Date.UTC(2026, 9, 1);
  for (let index = 0; index < count; index++) {
    const messageId = random.uuid();
    const timestamp = new Date(start + index * 1000).toISOString();
    const event = { messageId, timestamp, type: "track", userId: `u-${random.between(1, 400)}`, properties: { index } };
    const draw = random.next();
    const push = (item: object) => items.push(JSON.stringify(item));
    if (draw < 0.005) {
      poison.set(messageId, "callback-error");
      push({ ...event, event: "Poison" });
    } else if (draw < 0.01) {
      const broken = random.chance(0.5);
      poison.set(messageId, broken ? "missing-identity" : "invalid-event");
      push(broken ? { ...event, event: "Nobody", userId: undefined } : { ...event, type: "purchase" });
    } else if (draw < 0.02) {
      push({ ...event, event: "Bot Seen" });
    } else {
      const order = draw < 0.04;
      push({ ...event, event: order ? "Order Completed" : "Product Viewed" });
      stored.add(`web#${messageId}`);
      if (order) stored.add(`web#${messageId}~1`);
    }
  }
  return { items, stored, poison, distinct: count };
}
