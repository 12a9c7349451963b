import { identityRulesSchema } from "@tributary/model";
import { loadConfig, parseEnv } from "@tributary/runtime";
import { resolverEnv } from "../env";
import { makeResolver } from "../functions/resolver";
import { DynamoGraph } from "../store/dynamo-graph";

const env = parseEnv(resolverEnv);
const rules = loadConfig(identityRulesSchema);

/** Reads the stream of the events table into the identity graph and the profiles. */
export const handler = makeResolver(new DynamoGraph({ graph: env.GRAPH_TABLE, profiles: env.PROFILES_TABLE }), rules);
