import {
  audienceDefinitionSchema,
  identityRulesSchema,
  segmentDefinitionSchema,
  traitDefinitionsSchema,
} from "@tributary/model";
import * as z from "zod/mini";

/** Environments and `config.json` of the functions: made by the component, read by the handlers. */
const name = z.string().check(z.minLength(1));
const positive = z.coerce.number().check(z.positive());

export const propagateEnv = z.object({ MEMBERSHIPS_TABLE: name });
export const propagateConfig = z.object({ audiences: z.record(z.string(), audienceDefinitionSchema) });

/** Index of the standings table over what is due. */
export const dueIndex = "due";

/** Of the functions that bring standings up to date. */
export const settleEnv = z.object({
  STANDINGS_TABLE: name,
  TRAIT_FACTS_TABLE: name,
  MEMBERSHIPS_TABLE: name,
  PROFILES_TABLE: name,
  GRAPH_TABLE: name,
});
export const recomputeEnv = z.extend(settleEnv, { EVENTS_TABLE: name });
const declared = { traits: traitDefinitionsSchema, audiences: z.record(z.string(), segmentDefinitionSchema) };
export const settleConfig = z.object(declared);
export const traitFactsConfig = z.object({ ...declared, rules: identityRulesSchema });

/** Of the functions that read profiles: what computed traits are read from, where some are declared. */
const computedEnv = { STANDINGS_TABLE: z.optional(name), TRAIT_FACTS_TABLE: z.optional(name) };
const computedConfig = { computed: z.optional(z.object(declared)) };

export const announceEnv = z.object({ EVENT_BUS: name });

/** Queue URLs by destination, as JSON: they are known at deployment only. */
export const dispatchEnv = z.object({
  QUEUE_URLS: z.pipe(
    z.string(),
    z.transform((text: string, context) => {
      const urls = z.record(z.string(), name).safeParse(JSON.parse(text));
      if (urls.success) return urls.data;
      context.issues.push({ code: "custom", input: text, message: "must be a JSON object of queue URLs" });
      return z.NEVER;
    }),
  ),
});
/** Audiences by destination. */
export const dispatchConfig = z.object({ destinations: z.record(z.string(), z.array(z.string())) });

export const ledgerEnv = z.object({
  MEMBERSHIPS_TABLE: name,
  DELIVERIES_TABLE: name,
  PROFILES_TABLE: name,
  GRAPH_TABLE: name,
  ...computedEnv,
});
export const ledgerConfig = z.object(computedConfig);

export const deliverEnv = z.object({
  DESTINATION: name,
  URL: name,
  QUEUE_URL: name,
  DEAD_LETTER_URL: name,
  LEDGER_FUNCTION: name,
  TIMEOUT_MS: positive,
  SECRET_ARN: z.optional(name),
});
export const deliverConfig = z.object({
  purpose: name,
  headers: z.record(z.string(), z.string()),
  /** Header that carries the secret's value. */
  secretHeader: z.optional(z.string()),
});

export const profileApiEnv = z.object({ GRAPH_TABLE: name, PROFILES_TABLE: name, ...computedEnv });
export const profileApiConfig = z.object({ rules: identityRulesSchema, ...computedConfig });

export const authorizerEnv = z.object({ TOKEN_SECRET_ARN: name });

/** A function's environment variables as its component must give them. */
export type Variables<S extends z.ZodMiniObject> = { readonly [K in keyof z.infer<S>]: unknown };
