import { createHash } from "node:crypto";

/** Where the local "account" lives. The account id is AWS's documentation account; the partition is always `aws`. */
export interface Place {
  readonly accountId: string;
  readonly region: string;
}

export const localAccountId = "000000000000";

/** `arn(place, "kinesis", "stream/events")` → `arn:aws:kinesis:us-east-1:000000000000:stream/events`. */
export function arn(place: Place, service: string, resource: string): string {
  return `arn:aws:${service}:${place.region}:${place.accountId}:${resource}`;
}

/** An ARN of a service without Region (IAM), or without Region and account (S3: pass `account: ""`). */
export function globalArn(place: Place, service: string, resource: string, account = place.accountId): string {
  return `arn:aws:${service}::${account}:${resource}`;
}

export interface ParsedArn {
  readonly service: string;
  readonly region: string;
  readonly accountId: string;
  readonly resource: string;
}

/** The parts of an ARN, or undefined where the text is none. */
export function parseArn(text: string): ParsedArn | undefined {
  const match = /^arn:[^:]+:([^:]*):([^:]*):([^:]*):(.*)$/s.exec(text);
  if (!match) return undefined;
  const [, service = "", region = "", accountId = "", resource = ""] = match;
  return { service, region, accountId, resource };
}

/**
 * A physical name as Pulumi's auto-naming makes it (`<name>-<7 hex>`), but derived from the URN instead of drawn, so
 * that a new data folder gets the same names. `maxLength` cuts the logical part, never the suffix.
 */
export function autoName(urn: string, name: string, maxLength = 63): string {
  const suffix = createHash("sha256").update(urn).digest("hex").slice(0, 7);
  return `${name.slice(0, maxLength - 8)}-${suffix}`;
}
