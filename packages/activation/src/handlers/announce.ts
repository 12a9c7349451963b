import { parseEnv } from "@tributary/runtime";
import { announceEnv } from "../env";
import { makeAnnounce } from "../functions/announce";

/** Reads the stream of the memberships table onto the event bus. */
export const handler = makeAnnounce(parseEnv(announceEnv).EVENT_BUS);
