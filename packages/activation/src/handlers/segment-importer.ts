import { isStreamed } from "@tributary/model";
import { loadConfig, objectLines, objectSize, parseEnv } from "@tributary/runtime";
import { definitionsOf } from "../domain/standing/computed";
import { settleConfig, settleEnv } from "../env";
import { makeSegmentImporter } from "../functions/segment-importer";
import { SegmentMembers } from "../store/segment-members";
import { SettleStore, tellOver } from "../store/settle-store";

const env = parseEnv(settleEnv);
const { traits, audiences } = loadConfig(settleConfig);
const known = new SegmentMembers({ memberships: env.MEMBERSHIPS_TABLE, traitFacts: env.TRAIT_FACTS_TABLE });

/** Brings the audiences that are segments by SQL to what the lake says. */
export const handler = makeSegmentImporter(
  Object.entries(audiences).flatMap(([name, definition]) => (isStreamed(definition) ? [] : [name])),
  {
    size: objectSize,
    lines: objectLines,
    begin: (segment, run) => known.begin(segment, run),
    members: (segment, range) => known.members(segment, range),
    ...tellOver(new SettleStore(env), definitionsOf(traits, audiences)),
  },
);
