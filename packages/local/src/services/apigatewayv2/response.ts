import { z } from "zod";

/** What goes back to the client. */
export interface GatewayResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body: string | Buffer;
}

/** The gateway's own answers: `{"message":"Not Found"}`. */
export function message(status: number, text: string): GatewayResponse {
  return {
    status,
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ message: text }),
  };
}

export const internalServerError = message(500, "Internal Server Error");

const headerValue = z.union([z.string(), z.number(), z.boolean()]).transform(String);
const structured = z.object({
  statusCode: z.coerce.number().int().min(100).max(599),
  headers: z.record(z.string(), headerValue).nullish(),
  multiValueHeaders: z.record(z.string(), z.array(headerValue)).nullish(),
  cookies: z.array(z.string()).nullish(),
  body: z.string().nullish(),
  isBase64Encoded: z.boolean().nullish(),
});

/**
 * A handler's result as a response. In format 2.0 a result without `statusCode` is the body of a 200 answer; in format
 * 1.0 it is a fault. Undefined for a result that is no response: the gateway answers 500.
 */
export function toResponse(result: unknown, format: "1.0" | "2.0"): GatewayResponse | undefined {
  const isStructured = typeof result === "object" && result !== null && "statusCode" in result;
  if (!isStructured) {
    if (format === "1.0") return undefined;
    const body = typeof result === "string" ? result : JSON.stringify(result);
    return { status: 200, headers: { "content-type": "application/json" }, body };
  }
  const parsed = structured.safeParse(result);
  if (!parsed.success) return undefined;
  const { statusCode, headers, multiValueHeaders, cookies, body, isBase64Encoded } = parsed.data;
  const all: Record<string, string | readonly string[]> = {};
  for (const [name, value] of Object.entries(headers ?? {})) all[name.toLowerCase()] = value;
  if (format === "1.0") {
    for (const [name, values] of Object.entries(multiValueHeaders ?? {})) all[name.toLowerCase()] = values;
  } else if (cookies?.length) all["set-cookie"] = cookies;
  all["content-type"] ??= format === "2.0" ? "text/plain;charset=UTF-8" : "application/json";
  return { status: statusCode, headers: all, body: isBase64Encoded ? Buffer.from(body ?? "", "base64") : (body ?? "") };
}
