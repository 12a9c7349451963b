import { type DynamoDBClient, ScanCommand } from "@aws-sdk/client-dynamodb";
import { type IdentityRules, recordOf, traitFactOf } from "@tributary/model";
import { dynamodb, type Item, logger, metrics, parseStoredEvent } from "@tributary/runtime";
import * as z from "zod/mini";
import type { Definitions } from "../domain/standing/computed";
import type { HungFact, TraitFacts } from "../store/trait-facts";
import { countSteps } from "./count-steps";
import { type Settle, settleAll } from "./settle-profiles";
import type { Remaining } from "./sweep";

/** How far it came: the events first, the profiles after them. */
const position = z.object({
  phase: z.enum(["events", "profiles"]),
  /** Key of the item that was read last; left out: none. */
  after: z.optional(z.string()),
});
const request = z.strictObject({ position: z.optional(z.nullable(position)) });
export type RecomputePosition = z.infer<typeof position>;

/** What a call came to. */
export interface Recomputed {
  readonly events: number;
  readonly facts: number;
  readonly profiles: number;
  /** To be given to the next call; null: all is done. */
  readonly position: RecomputePosition | null;
}

export interface RecomputeOptions {
  readonly definitions: Definitions;
  readonly rules: IdentityRules;
  readonly facts: Pick<TraitFacts, "put">;
  readonly settle: Settle;
  readonly tables: { readonly events: string; readonly profiles: string };
  readonly client?: () => DynamoDBClient;
}

/** Returns when so much of the function's time is left. */
const reserveMs = 15_000;
const pageSize = 500;

/**
 * After traits or audiences were declared anew: takes the facts of all events that the events table still has, then
 * settles every profile. It works as long as its time allows and says where to go on; to do anything twice is harmless.
 */
export function makeRecompute(options: RecomputeOptions): (event: unknown, context: Remaining) => Promise<Recomputed> {
  const { definitions, rules, facts, settle, tables, client = dynamodb } = options;
  const log = logger("recompute");
  const counters = metrics("recompute");

  const scan = async (table: string, key: string, after: string | undefined, attributes: string) => {
    const { Items = [], LastEvaluatedKey } = await client().send(
      new ScanCommand({
        TableName: table,
        ConsistentRead: true,
        Limit: pageSize,
        ProjectionExpression: "#a, #b",
        ExpressionAttributeNames: { "#a": key, "#b": attributes },
        ...(after === undefined ? {} : { ExclusiveStartKey: { [key]: { S: after } } }),
      }),
    );
    return { items: Items as Item[], last: LastEvaluatedKey?.[key]?.S };
  };

  const takeFacts = async (items: readonly Item[]): Promise<number> => {
    const hung: HungFact[] = [];
    for (const item of items) {
      const parsed = parseStoredEvent(item.event?.S);
      if (!parsed.ok) {
        // The function on the events' stream has put it to its dead letters; the id names nobody.
        log.warn("event cannot be read", { eventId: item.id?.S, reason: parsed.detail });
        continue;
      }
      const fact = traitFactOf(parsed.event, definitions.all);
      const hub = fact && recordOf(parsed.event, rules)?.hub;
      if (hub) hung.push({ hub, fact });
    }
    await facts.put(hung, definitions.all);
    counters.count("TraitFactsStored", hung.length);
    return hung.length;
  };

  const settlePage = async (items: readonly Item[]): Promise<number> => {
    const people = items.filter(({ kind }) => kind?.S === "profile").map(({ profileId }) => profileId?.S ?? "");
    const failed = await settleAll(
      people.map((id) => [id, "event"] as const),
      settle,
      (steps) => countSteps(counters, steps),
    );
    const [reason] = failed.values();
    if (reason !== undefined) throw new Error(`${failed.size} profiles could not be settled; the first: ${reason}`);
    return people.length;
  };

  return async (event, context) => {
    const asked = request.safeParse(event ?? {});
    if (!asked.success) {
      throw new Error('give {} to begin, or { "position": … } with the position that the last call answered');
    }
    let { phase, after }: RecomputePosition = asked.data.position ?? { phase: "events" };
    const done = { events: 0, facts: 0, profiles: 0 };
    try {
      while (context.getRemainingTimeInMillis() >= reserveMs) {
        if (phase === "events") {
          const page = await scan(tables.events, "id", after, "event");
          done.events += page.items.length;
          done.facts += await takeFacts(page.items);
          if (page.last === undefined) phase = "profiles";
          after = page.last;
        } else {
          const page = await scan(tables.profiles, "profileId", after, "kind");
          done.profiles += await settlePage(page.items);
          if (page.last === undefined) return { ...done, position: null };
          after = page.last;
        }
      }
      return { ...done, position: { phase, ...(after === undefined ? {} : { after }) } };
    } finally {
      counters.flush();
    }
  };
}
