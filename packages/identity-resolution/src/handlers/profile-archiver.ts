import { parseEnv } from "@tributary/runtime";
import { profileArchiverEnv } from "../env";
import { makeProfileArchiver } from "../functions/archive-profiles";
import { RawZone } from "../store/raw-zone";

const env = parseEnv(profileArchiverEnv);

/** Reads the stream of the profiles table into the raw zone. */
export const handler = makeProfileArchiver(new RawZone(env.RAW_BUCKET));
