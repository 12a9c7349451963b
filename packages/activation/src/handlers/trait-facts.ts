import { loadConfig, parseEnv } from "@tributary/runtime";
import { definitionsOf } from "../domain/standing/computed";
import { settleEnv, traitFactsConfig } from "../env";
import { makeTraitFacts } from "../functions/trait-facts";
import { SettleStore, settleOver } from "../store/settle-store";

const { traits, audiences, rules } = loadConfig(traitFactsConfig);
const definitions = definitionsOf(traits, audiences);
const store = new SettleStore(parseEnv(settleEnv));

/** Reads the stream of the events table into what computed traits are made of, and settles the people concerned. */
export const handler = makeTraitFacts({
  definitions,
  rules,
  facts: store.traitFacts,
  profiles: store.profiles,
  settle: settleOver(store, definitions),
});
