import { parseEnv } from "@tributary/runtime";
import { makeMatchLock } from "../functions/match-lock";
import { matchLockEnv } from "../matching/env";
import { DynamoLock } from "../store/dynamo-lock";

const env = parseEnv(matchLockEnv);

/** Takes and gives back the lock of matching jobs. */
export const handler = makeMatchLock(new DynamoLock(env.GRAPH_TABLE), {
  holdSeconds: Number(env.HOLD_SECONDS),
  waitSeconds: Number(env.WAIT_SECONDS),
});
