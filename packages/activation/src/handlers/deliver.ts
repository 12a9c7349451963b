import { loadCallback, loadConfig, parseEnv } from "@tributary/runtime";
import type { MapCallback } from "../domain/delivery";
import { postWebhook } from "../domain/webhook";
import { deliverConfig, deliverEnv } from "../env";
import { makeDeliver } from "../functions/deliver";
import { LambdaLedger } from "../store/lambda-ledger";
import { secret } from "../store/secret";

const env = parseEnv(deliverEnv);
const config = loadConfig(deliverConfig);
const { secretHeader } = config;
const secretValue = env.SECRET_ARN === undefined ? undefined : secret(env.SECRET_ARN);

/** Reads one destination's queue and tells its webhook what changed. */
export const handler = makeDeliver({
  destination: { name: env.DESTINATION, purpose: config.purpose, map: loadCallback<MapCallback>("map.cjs") },
  queueUrl: env.QUEUE_URL,
  deadLetterUrl: env.DEAD_LETTER_URL,
  ledger: new LambdaLedger(env.LEDGER_FUNCTION),
  post: async (body, idempotencyKey) => {
    const own = secretHeader && secretValue ? { [secretHeader]: await secretValue() } : {};
    const target = { url: env.URL, headers: { ...config.headers, ...own }, timeoutMs: env.TIMEOUT_MS };
    return postWebhook(target, body, idempotencyKey);
  },
});
