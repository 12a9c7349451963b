import { loadConfig, parseEnv } from "@tributary/runtime";
import { propagateConfig, propagateEnv } from "../env";
import { makePropagate } from "../functions/propagate";
import { Memberships } from "../store/memberships";

const env = parseEnv(propagateEnv);
const { audiences } = loadConfig(propagateConfig);

/** Reads the stream of the profiles table into audience memberships. */
export const handler = makePropagate(audiences, new Memberships(env.MEMBERSHIPS_TABLE));
