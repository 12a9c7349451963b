import { loadConfig, parseEnv } from "@tributary/runtime";
import * as z from "zod/mini";
import { landEnv } from "../env";
import { makeLand } from "../functions/land";
import { LandObjects } from "../store/land-record";
import { RawListing } from "../store/raw-listing";

const env = parseEnv(landEnv);
const { tables, ...config } = loadConfig(
  z.object({ tables: z.array(z.string()), plan: z.string(), everyNight: z.boolean() }),
);
const listing = new RawListing(env.RAW_BUCKET, tables);

/** Looks for what has landed since the last run of the pipeline, and remembers it. */
export const handler = makeLand(new LandObjects(env.WORKSPACE_BUCKET, env.PREFIX), () => listing.landed(), config);
