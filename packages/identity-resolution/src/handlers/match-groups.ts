import { identityRulesSchema, nodeKey, parseIdentifier } from "@tributary/model";
import { loadConfig, parseEnv } from "@tributary/runtime";
import * as z from "zod/mini";
import { makeMatchGroups } from "../functions/match-groups";
import { matchGroupsEnv } from "../matching/env";
import { JobOutput } from "../store/job-output";
import { writeParts } from "../store/line-parts";

const env = parseEnv(matchGroupsEnv);
const { maxSize, rules } = loadConfig(z.object({ maxSize: z.int(), rules: identityRulesSchema }));
const output = new JobOutput({ bucket: env.BUCKET, prefix: env.OUTPUT_PREFIX, workflow: env.WORKFLOW });

/** Turns the output of a matching job into links of the graph. */
export const handler = makeMatchGroups(
  {
    files: (jobId) => output.files(jobId),
    rows: (files) => output.rows(files),
    identify: (node) => parseIdentifier(nodeKey(node), rules),
    write: (prefix, edges) => writeParts({ bucket: env.BUCKET, prefix }, edges),
  },
  { bucket: env.BUCKET, evidencePrefix: env.EVIDENCE_PREFIX, job: env.JOB, maxSize },
);
