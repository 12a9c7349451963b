import {
  decodeRecords,
  type EventRecord,
  encodeRecords,
  eventPart,
  graphPartAttribute,
  retractionKey,
} from "@tributary/model";
import { graphItemKey, type Item } from "@tributary/runtime";
import type { LoggedEvent } from "../domain/graph";

/** Bytes of events in an item: far below DynamoDB's 400 KB. */
const maxBytes = 100_000;

/**
 * The items of the evidence log for a batch: one an identifier, as a write costs the same for a few events as for one. A
 * batch that is delivered again in other parts makes other items of the same events, which readers count once.
 */
export function eventItems(events: readonly LoggedEvent[]): Item[] {
  const byKey = new Map<string, Map<string, EventRecord>>();
  for (const { key, record } of events) {
    const records = byKey.get(key) ?? new Map<string, EventRecord>();
    byKey.set(key, records.set(retractionKey(record), record));
  }
  return [...byKey].flatMap(([key, records]) => itemsOf(key, [...records.values()]));
}

/** The events of items of one identifier. */
export function eventsOf(items: readonly Item[]): EventRecord[] {
  const records = items.flatMap(({ events }) => (events?.B === undefined ? [] : decodeRecords(events.B)));
  return [...new Map(records.map((record) => [retractionKey(record), record])).values()];
}

/** What takes events out of an identifier's items: those that are written in place of others, and those that go. */
export function withoutEvents(
  key: string,
  items: readonly Item[],
  gone: ReadonlySet<string>,
): { readonly puts: readonly Item[]; readonly parts: readonly string[] } {
  const puts: Item[] = [];
  const parts: string[] = [];
  for (const item of items) {
    const records = eventsOf([item]);
    const rest = records.filter((record) => !gone.has(retractionKey(record)));
    if (rest.length === records.length) continue;
    puts.push(...itemsOf(key, rest));
    parts.push(item[graphPartAttribute]?.S ?? "");
  }
  return { puts, parts };
}

function itemsOf(key: string, records: readonly EventRecord[]): Item[] {
  const [first] = records;
  if (!first) return [];
  const data = encodeRecords(first.hub, records);
  if (data.byteLength > maxBytes && records.length > 1) {
    const middle = records.length >> 1;
    return [...itemsOf(key, records.slice(0, middle)), ...itemsOf(key, records.slice(middle))];
  }
  return [{ ...graphItemKey(key, eventPart(records)), events: { B: data } }];
}
