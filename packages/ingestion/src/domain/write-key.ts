import { isJsonObject } from "@tributary/model";

type Headers = Readonly<Record<string, string | undefined>>;

/** `base64("<writeKey>:")`; some clients leave the colon out. */
function basic(authorization: string | undefined): string | undefined {
  const encoded = /^basic\s+(\S+)$/i.exec(authorization ?? "")?.[1];
  if (encoded === undefined) return undefined;
  return Buffer.from(encoded, "base64").toString("utf8").split(":")[0] || undefined;
}

function text(value: unknown): string | undefined {
  // Jitsu masks the body's key as `key:***`.
  return typeof value === "string" && value !== "" && !value.includes("***") ? value : undefined;
}

/**
 * The write key of a request: Basic authorization, else `X-Write-Key: <key>[:<secret>]`, else the query, else the body
 * (`writeKey`), where it also is beside an OAuth bearer token. The body comes last, since clients mask it there. Protocols
 * that state a key in their events (Snowplow's `aid`, PostHog's `api_key`) are asked where there is none of these.
 */
export function writeKeyOf(headers: Headers, query: Headers, body: unknown): string | undefined {
  const stated = isJsonObject(body) ? text(body.writeKey) : undefined;
  return (
    basic(headers.authorization) ??
    text(headers["x-write-key"])?.split(":")[0] ??
    text(query.writeKey) ??
    stated?.split(":")[0]
  );
}

/** Enough of a key to find its owner by, in details and logs. */
export function masked(writeKey: string | undefined): string {
  return writeKey === undefined
    ? "no write key"
    : `write key "${writeKey.slice(0, 4)}…" (${writeKey.length} characters)`;
}
