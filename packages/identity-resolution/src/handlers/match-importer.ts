import { identityRulesSchema } from "@tributary/model";
import { loadConfig, parseEnv } from "@tributary/runtime";
import { resolverEnv } from "../env";
import { makeMatchImporter } from "../functions/match-importer";
import { DynamoGraph } from "../store/dynamo-graph";
import { DynamoJobs } from "../store/dynamo-jobs";
import { LinkObjects } from "../store/link-objects";

const env = parseEnv(resolverEnv);
const rules = loadConfig(identityRulesSchema);
const jobs = new DynamoJobs(env.GRAPH_TABLE);
const objects = new LinkObjects();

/** Puts the links of a matching job into the identity graph. */
export const handler = makeMatchImporter(
  new DynamoGraph({ graph: env.GRAPH_TABLE, profiles: env.PROFILES_TABLE }),
  {
    lines: (bucket, key) => objects.lines(bucket, key),
    quarantine: (bucket, key, refused) => objects.quarantine(bucket, key, refused),
    newestRun: (job) => jobs.newestRun(job),
    setNewestRun: (job, run) => jobs.setNewestRun(job, run),
    note: (job, run, edges) => jobs.note(job, run, edges),
    older: (job, run) => jobs.older(job, run),
    forget: (job, edges) => jobs.forget(job, edges),
  },
  rules,
);
