import { loadConfig, parseEnv } from "@tributary/runtime";
import { definitionsOf } from "../domain/standing/computed";
import { settleConfig, settleEnv } from "../env";
import { makeSweep } from "../functions/sweep";
import { SettleStore, settleOver } from "../store/settle-store";

const { traits, audiences } = loadConfig(settleConfig);
const store = new SettleStore(parseEnv(settleEnv));

/** Settles, each minute, the people of whom an event left a window. */
export const handler = makeSweep(store.standings, settleOver(store, definitionsOf(traits, audiences)));
