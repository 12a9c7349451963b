import { loadConfig, parseEnv } from "@tributary/runtime";
import { definitionsOf } from "../domain/standing/computed";
import { settleConfig, settleEnv } from "../env";
import { makeSettleProfiles } from "../functions/settle-profiles";
import { SettleStore, settleOver } from "../store/settle-store";

const { traits, audiences } = loadConfig(settleConfig);

/** Reads the stream of the profiles table into computed traits and audience memberships. */
export const handler = makeSettleProfiles(
  settleOver(new SettleStore(parseEnv(settleEnv)), definitionsOf(traits, audiences)),
);
