import { loadConfig, parseEnv } from "@tributary/runtime";
import { definitionsOf } from "../domain/standing/computed";
import { recomputeEnv, traitFactsConfig } from "../env";
import { makeRecompute } from "../functions/recompute";
import { SettleStore, settleOver } from "../store/settle-store";

const env = parseEnv(recomputeEnv);
const { traits, audiences, rules } = loadConfig(traitFactsConfig);
const definitions = definitionsOf(traits, audiences);
const store = new SettleStore(env);

/** Computes everybody's traits anew, after a declaration changed. */
export const handler = makeRecompute({
  definitions,
  rules,
  facts: store.traitFacts,
  settle: settleOver(store, definitions),
  tables: { events: env.EVENTS_TABLE, profiles: env.PROFILES_TABLE },
});
