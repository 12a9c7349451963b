import { z } from "zod";

/** `corsConfiguration` of an API. */
export const corsSchema = z.object({
  allowCredentials: z.boolean().default(false),
  allowHeaders: z.array(z.string()).default([]),
  allowMethods: z.array(z.string()).default([]),
  allowOrigins: z.array(z.string()).default([]),
  exposeHeaders: z.array(z.string()).default([]),
  maxAge: z.number().optional(),
});

export type Cors = z.infer<typeof corsSchema>;

/** The value of `Access-Control-Allow-Origin`, or undefined where the origin is not allowed. */
function allowedOrigin(cors: Cors, origin: string): string | undefined {
  if (cors.allowOrigins.includes("*")) return "*";
  const allowed = cors.allowOrigins.some(
    (entry) => entry === origin || (entry.endsWith("://*") && origin.startsWith(entry.slice(0, -1))),
  );
  return allowed ? origin : undefined;
}

/** What the gateway adds to each answer; it takes the place of what the integration says. */
export function corsHeaders(cors: Cors, origin: string): Record<string, string> {
  const allowed = allowedOrigin(cors, origin);
  if (allowed === undefined) return {};
  return {
    "access-control-allow-origin": allowed,
    ...(cors.allowCredentials ? { "access-control-allow-credentials": "true" } : {}),
    ...(cors.exposeHeaders.length > 0 ? { "access-control-expose-headers": cors.exposeHeaders.join(",") } : {}),
  };
}

/** The answer to a preflight request, which the gateway gives itself, whether there is an OPTIONS route or not. */
export function preflightHeaders(cors: Cors, origin: string): Record<string, string> {
  const headers = corsHeaders(cors, origin);
  if (Object.keys(headers).length === 0) return {};
  return {
    ...headers,
    ...(cors.allowMethods.length > 0 ? { "access-control-allow-methods": cors.allowMethods.join(",") } : {}),
    ...(cors.allowHeaders.length > 0 ? { "access-control-allow-headers": cors.allowHeaders.join(",") } : {}),
    ...(cors.maxAge === undefined ? {} : { "access-control-max-age": String(cors.maxAge) }),
  };
}

/** Whether an answer of the integration may keep a header. */
export function isCorsHeader(name: string): boolean {
  return name.startsWith("access-control-");
}
