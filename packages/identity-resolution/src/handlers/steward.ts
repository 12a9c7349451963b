import { identityRulesSchema } from "@tributary/model";
import { loadConfig, parseEnv } from "@tributary/runtime";
import { resolverEnv } from "../env";
import { makeSteward } from "../functions/steward";
import { DynamoStewardGraph } from "../store/dynamo-steward";

const env = parseEnv(resolverEnv);
const rules = loadConfig(identityRulesSchema);

/** Links, unlinks and retracts at a steward's word, and tells the past: `StewardRequest` to `StewardResponse`. */
export const handler = makeSteward(
  new DynamoStewardGraph({ graph: env.GRAPH_TABLE, profiles: env.PROFILES_TABLE }),
  rules,
);
