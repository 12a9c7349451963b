import { createHash } from "node:crypto";
import { AwsError } from "../../kernel";

export interface PrefixContext {
  /** Arrival of the oldest record in the object, epoch milliseconds. */
  readonly at: number;
  readonly timeZone: string;
  /** What the random string is made from, so that a retry writes the same key. */
  readonly seed: string;
  readonly partitionKeys?: Readonly<Record<string, string>>;
  readonly errorType?: string;
}

/** The parts of a time in a zone, as Java's date letters name them. */
function javaDate(pattern: string, at: number, timeZone: string): string {
  const parts = new Intl.DateTimeFormat("en-GB", {
    timeZone,
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    hourCycle: "h23",
  }).formatToParts(at);
  const part = (type: Intl.DateTimeFormatPartTypes) => parts.find((each) => each.type === type)?.value ?? "";
  const values: Record<string, string> = {
    yyyy: part("year"),
    YYYY: part("year"),
    yy: part("year").slice(-2),
    MM: part("month"),
    dd: part("day"),
    HH: part("hour"),
    mm: part("minute"),
    ss: part("second"),
    SSS: String(at % 1000).padStart(3, "0"),
  };
  return pattern.replace(/'([^']*)'|([A-Za-z])\2*/g, (letters, quoted?: string) => {
    if (quoted !== undefined) return quoted;
    const value = values[letters];
    if (value === undefined) {
      throw new AwsError(
        "InvalidArgumentException",
        `!{timestamp:${pattern}}: ${letters} is not one of ${Object.keys(values).join(" ")}`,
      );
    }
    return value;
  });
}

const randomString = (seed: string) =>
  createHash("sha256").update(seed).digest("base64url").replace(/[-_]/g, "x").slice(0, 11);

/**
 * Evaluates a prefix: `!{timestamp:yyyy-MM-dd}`, `!{firehose:random-string}`, `!{firehose:error-output-type}`,
 * `!{partitionKeyFromQuery:x}`, `!{partitionKeyFromLambda:x}`. Without a timestamp expression AWS appends
 * `yyyy/MM/dd/HH/` in UTC; an error prefix without the error type gets it appended.
 */
export function evaluatePrefix(prefix: string, context: PrefixContext): string {
  const { at, timeZone, seed, partitionKeys = {}, errorType } = context;
  let result = prefix.replace(/!\{(\w+):([^}]*)\}/g, (expression, namespace: string, value: string) => {
    if (namespace === "timestamp") return javaDate(value, at, timeZone);
    if (namespace === "firehose" && value === "random-string") return randomString(seed);
    if (namespace === "firehose" && value === "error-output-type" && errorType !== undefined) return errorType;
    if (namespace === "partitionKeyFromQuery" || namespace === "partitionKeyFromLambda") {
      const key = partitionKeys[value];
      if (key !== undefined) return key;
    }
    throw new AwsError("InvalidArgumentException", `${expression} in the prefix ${prefix} cannot be evaluated`);
  });
  if (errorType !== undefined && !prefix.includes("!{firehose:error-output-type}")) result += `${errorType}/`;
  if (!prefix.includes("!{")) result += `${javaDate("yyyy/MM/dd/HH", at, "UTC")}/`;
  return result;
}
