import type { Mapping } from "@tributary/model";
import * as z from "zod/mini";

/** Environment of a webhook source's function. */
export const webhookEnv = z.object({
  EVENT_STREAM: z.string(),
  QUARANTINE_BUCKET: z.string(),
  SECRET_ARN: z.string(),
});

const place = z.union([z.object({ header: z.string() }), z.object({ field: z.string() })]);

/** How a provider without a name of its own signs. */
export const hmacScheme = z.object({
  header: z.string(),
  algorithm: z.enum(["sha1", "sha256", "sha384", "sha512"]),
  encoding: z.enum(["hex", "base64", "base64url"]),
  prefix: z.string(),
  signed: z.string(),
  timestampHeader: z.optional(z.string()),
  toleranceSeconds: z.number(),
  id: z.optional(place),
  topic: z.optional(place),
});
export type HmacScheme = z.infer<typeof hmacScheme>;

/** `config.json` of a webhook source's function. */
export const webhookConfig = z.object({
  sourceId: z.string(),
  provider: z.union([
    z.object({ kind: z.literal("stripe"), toleranceSeconds: z.number() }),
    z.object({ kind: z.literal("shopify") }),
    z.object({ kind: z.literal("github") }),
    z.object({ kind: z.literal("hmac"), scheme: hmacScheme }),
  ]),
  /** How long the secret before the current one is still good after a rotation. */
  previousSecretHours: z.number(),
  /** Checked by the component; absent where there is a callback. */
  mapping: z.optional(z.custom<Mapping>()),
});
export type WebhookConfig = z.infer<typeof webhookConfig>;
export type WebhookProvider = WebhookConfig["provider"];

/** The file name of the user's `map` in the function's archive. */
export const webhookMapFile = "map.cjs";
