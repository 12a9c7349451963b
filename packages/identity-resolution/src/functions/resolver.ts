import type { CustomerEvent, IdentityRules } from "@tributary/model";
import { type Disposition, handleDynamoDb, logger, metrics, ok, parseStoredEvent, poison } from "@tributary/runtime";
import type { DynamoDBBatchResponse, DynamoDBRecord, DynamoDBStreamEvent } from "aws-lambda";
import type { Graph } from "../domain/graph";
import { type ResolveOptions, resolveBatch } from "../domain/resolve-batch";

/** The handler over a graph. Removals (an event that expired) say nothing about identity. */
export function makeResolver(
  graph: Graph,
  rules: IdentityRules,
  options: ResolveOptions = {},
): (event: DynamoDBStreamEvent) => Promise<DynamoDBBatchResponse> {
  const log = logger("resolver");
  const counters = metrics("resolver");

  const handle = async (records: readonly DynamoDBRecord[]): Promise<readonly Disposition[]> => {
    const events: CustomerEvent[] = [];
    const places: number[] = [];
    const dispositions: Disposition[] = records.map(() => ok);
    records.forEach((record, place) => {
      if (record.eventName === "REMOVE") return;
      const parsed = parseStoredEvent(record.dynamodb?.NewImage?.event?.S);
      if (parsed.ok) places[events.push(parsed.event) - 1] = place;
      else dispositions[place] = poison("invalid-event", parsed.detail);
    });
    const result = await resolveBatch(events, graph, rules, options);
    result.dispositions.forEach((disposition, index) => {
      const place = places[index];
      if (place !== undefined) dispositions[place] = disposition;
    });
    dispositions.forEach((disposition, place) => {
      if (disposition.kind !== "poison") return;
      // The id finds the event in the events table and in the raw zone; it names nobody.
      const eventId = records[place]?.dynamodb?.Keys?.id?.S;
      log.error("event cannot be resolved", { eventId, reason: disposition.reason });
    });
    counters.count("ProfilesChanged", result.profilesChanged);
    counters.count("ComponentsFrozen", result.frozen.length);
    // The items' keys name nobody; `tributary explain` with a value that is suspected says whether it is the one.
    if (result.frozen.length > 0) log.warn("identifiers with too many links", { items: result.frozen });
    return dispositions;
  };

  return async (event) => {
    try {
      return await handleDynamoDb(event, handle, {
        onFailure: (id, disposition) => {
          if (disposition.kind === "retry") counters.count("RecordsRetried");
          log.warn("record not applied", { sequenceNumber: id, kind: disposition.kind, reason: disposition.reason });
        },
      });
    } finally {
      counters.flush();
    }
  };
}
