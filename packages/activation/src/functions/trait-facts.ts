import { type Identifier, type IdentityRules, nodeKey, recordOf, traitFactOf } from "@tributary/model";
import {
  type Disposition,
  handleDynamoDb,
  logger,
  metrics,
  ok,
  type ProfileStore,
  parseStoredEvent,
  poison,
  retry,
} from "@tributary/runtime";
import type { DynamoDBBatchResponse, DynamoDBRecord, DynamoDBStreamEvent } from "aws-lambda";
import type { Definitions } from "../domain/standing/computed";
import type { HungFact, TraitFacts } from "../store/trait-facts";
import { countSteps } from "./count-steps";
import { type Settle, settleAll } from "./settle-profiles";

export interface TraitFactsOptions {
  readonly definitions: Definitions;
  readonly rules: IdentityRules;
  readonly facts: Pick<TraitFacts, "put">;
  readonly profiles: Pick<ProfileStore, "componentsOf">;
  readonly settle: Settle;
}

/**
 * The handler of the events' stream: keeps what events say to the computed traits, then settles the profiles that they
 * belong to. An event that no trait is about costs nothing; one whose person is not known yet is settled when the
 * profile is written.
 */
export function makeTraitFacts(
  options: TraitFactsOptions,
): (event: DynamoDBStreamEvent) => Promise<DynamoDBBatchResponse> {
  const { definitions, rules, facts, profiles, settle } = options;
  const log = logger("trait-facts");
  const counters = metrics("trait-facts");

  const handle = async (records: readonly DynamoDBRecord[]): Promise<readonly Disposition[]> => {
    const hung: HungFact[] = [];
    const hubs: (Identifier | undefined)[] = [];
    const dispositions = records.map((record): Disposition => {
      hubs.push(undefined);
      if (record.eventName === "REMOVE") return ok;
      const parsed = parseStoredEvent(record.dynamodb?.NewImage?.event?.S);
      if (!parsed.ok) return poison("invalid-event", parsed.detail);
      const fact = traitFactOf(parsed.event, definitions.all);
      const hub = fact && recordOf(parsed.event, rules)?.hub;
      if (hub) {
        hubs[hubs.length - 1] = hub;
        hung.push({ hub, fact });
      }
      return ok;
    });
    if (hung.length === 0) return dispositions;
    // Before the people are looked up: so either they are found here, or who writes them finds the facts.
    await facts.put(hung, definitions.all);
    counters.count("TraitFactsStored", hung.length);
    const distinct = new Map(hung.map(({ hub }) => [nodeKey(hub), hub]));
    const components = await profiles.componentsOf([...distinct.values()]);
    const profileIds = new Set([...components.values()].flatMap(({ component }) => component.profile?.id ?? []));
    const failed = await settleAll(
      [...profileIds].map((id) => [id, "event"] as const),
      settle,
      (steps) => countSteps(counters, steps),
    );
    if (failed.size === 0) return dispositions;
    return dispositions.map((disposition, place) => {
      const hub = hubs[place];
      const profileId = hub && components.get(nodeKey(hub))?.component.profile?.id;
      const reason = profileId === undefined ? undefined : failed.get(profileId);
      return reason === undefined ? disposition : retry(reason);
    });
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
