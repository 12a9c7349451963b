import { loadConfig, parseEnv } from "@tributary/runtime";
import { dispatchConfig, dispatchEnv } from "../env";
import { makeDispatch } from "../functions/dispatch";

const env = parseEnv(dispatchEnv);
const { destinations } = loadConfig(dispatchConfig);

/** Reads the stream of the memberships table into the destinations' queues. */
export const handler = makeDispatch(
  Object.entries(destinations).map(([name, audiences]) => {
    const url = env.QUEUE_URLS[name];
    if (!url) throw new Error(`QUEUE_URLS has no queue for the destination ${name}; deploy the stack again`);
    return { name, audiences, queueUrl: url };
  }),
);
