import { loadConfig, ProfileStore, parseEnv } from "@tributary/runtime";
import { profileApiConfig, profileApiEnv } from "../env";
import { makeProfileApi } from "../functions/profile-api";
import { computeBy } from "../store/computed-profiles";

const env = parseEnv(profileApiEnv);
const { rules, computed } = loadConfig(profileApiConfig);

/** The profile API: one person by identifier or profile id, and why two identifiers are one person. */
export const handler = makeProfileApi(
  new ProfileStore({ graph: env.GRAPH_TABLE, profiles: env.PROFILES_TABLE }),
  rules,
  computeBy(env, computed),
);
