import { type EventRecord, graphKeyAttribute, graphPartAttribute, retractionKey } from "@tributary/model";
import type { Item } from "@tributary/runtime";
import fc from "fast-check";
import type { LoggedEvent } from "../src/domain/graph";
import { eventItems, eventsOf, withoutEvents } from "../src/store/event-items";

const seed = Number(process.env.TRIBUTARY_SEED ?? 20261123);

function logged(user: number, id: number, traits: EventRecord["traits"] = {}): LoggedEvent {
  const record: EventRecord = {
    sourceId: "web",
    messageId: `m${id}`,
    at: id * 1_000,
    hub: { type: "user_id", value: `u${user}` },
    others: id % 2 === 0 ? [{ type: "email", value: `${id}@example.org` }] : [],
    previous: id % 3 === 0 ? [{ type: "anonymous_id", value: `a${id}` }] : [],
    traits,
    consent: id % 5 === 0 ? { ads: true } : {},
  };
  return { key: `ID#user_id#${user}`, record };
}

/** The graph table, as far as the log goes. */
class Log {
  private readonly items = new Map<string, Item>();

  put(items: readonly Item[]): void {
    for (const item of items) this.items.set(placeOf(item[graphKeyAttribute]?.S, item[graphPartAttribute]?.S), item);
  }

  delete(key: string, parts: readonly string[]): void {
    for (const part of parts) expect(this.items.delete(placeOf(key, part))).toBe(true);
  }

  of(key: string): Item[] {
    return [...this.items.values()].filter((item) => item[graphKeyAttribute]?.S === key);
  }
}

const placeOf = (key: string | undefined, part: string | undefined) => `${key} ${part}`;
const byId = (a: EventRecord, b: EventRecord) => a.at - b.at;

test("a batch's events of one identifier are one item, as they were; written again they take its place", () => {
  const batch = [logged(1, 1), logged(2, 2), logged(1, 30), logged(1, 1)];
  const items = eventItems(batch);
  expect(items.length).toBe(2);
  const log = new Log();
  log.put(items);
  log.put(eventItems([...batch].reverse()));
  expect(log.of("ID#user_id#1").length).toBe(1);
  expect(eventsOf(log.of("ID#user_id#1")).sort(byId)).toEqual([batch[0]?.record, batch[2]?.record]);
});

test("what is too much for an item is several", () => {
  const traits = { text: [...Array(30_000).keys()].map((n) => ((n * 7_919) % 104_729).toString(36)).join(" ") };
  const batch = [1, 2, 3, 4].map((id) => logged(1, id, traits));
  const items = eventItems(batch);
  expect(items.length).toBeGreaterThan(1);
  expect(eventsOf(items).sort(byId)).toEqual(batch.map(({ record }) => record));
});

test(`any batches, any repeats, any that are forgotten: the log has each of the others once (seed ${seed})`, () => {
  const event = fc.record({ user: fc.nat(2), id: fc.nat(12) }).map(({ user, id }) => logged(user, id * 3 + user));
  const batches = fc.array(fc.array(event, { maxLength: 8 }), { maxLength: 8 });
  fc.assert(
    fc.property(batches, fc.array(event, { maxLength: 5 }), (all, forgotten) => {
      const log = new Log();
      for (const batch of all) log.put(eventItems(batch));
      const gone = new Set(forgotten.map(({ record }) => retractionKey(record)));
      for (const key of new Set(forgotten.map((one) => one.key))) {
        const { puts, parts } = withoutEvents(key, log.of(key), gone);
        log.put(puts);
        log.delete(key, parts);
      }
      const expected = new Map(all.flat().map((one) => [retractionKey(one.record), one]));
      for (const one of gone) expected.delete(one);
      const keys = new Set(all.flat().map((one) => one.key));
      const found = [...keys].flatMap((key) => eventsOf(log.of(key)));
      expect(found.sort(byId)).toEqual([...expected.values()].map(({ record }) => record).sort(byId));
    }),
    { seed, numRuns: 200 },
  );
});
