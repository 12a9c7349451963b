import { Logger } from "@aws-lambda-powertools/logger";

/**
 * The structured logger of a function (JSON lines, level from AWS_LAMBDA_LOG_LEVEL). Log ids, counts and reasons, never
 * events, traits or other payloads; pass what may name a person through `redact`.
 */
export type { Logger };

export function logger(service: string): Logger {
  return new Logger({ serviceName: service });
}

/** Shows the kind and length of a value, never the value: `string(16)`, `object(3 keys)`. */
export function redact(value: unknown): string {
  if (value === null || value === undefined || typeof value === "boolean") return String(value);
  if (typeof value === "string") return `string(${value.length})`;
  if (Array.isArray(value)) return `array(${value.length})`;
  if (typeof value === "object") return `object(${Object.keys(value).length} keys)`;
  return typeof value;
}
