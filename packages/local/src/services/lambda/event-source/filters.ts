import { AwsError } from "../../../kernel";
import { compilePattern } from "../../eventbridge/pattern";

/** Whether a record, as Lambda would deliver it, is wanted. */
export type RecordFilter = (record: Record<string, unknown>) => boolean;

const payloadField = { kinesis: "data", dynamodb: undefined, sqs: "body" } as const;

/**
 * The filters of a mapping; a record passes when any of them matches. A Kinesis record's `data` (base64) and an SQS
 * message's `body` are matched as JSON where the pattern looks inside, and as text where it names plain values.
 * Source: "Control which events Lambda sends to your function" and its pages per source, in the developer guide.
 * @throws AwsError `InvalidParameterValueException` for a pattern that is none
 */
export function compileFilters(
  kind: "kinesis" | "dynamodb" | "sqs",
  patterns: readonly string[],
): RecordFilter | undefined {
  if (patterns.length === 0) return undefined;
  const field = payloadField[kind];
  const tests = patterns.map((text) => {
    const pattern = parsePattern(text);
    const matches = compile(pattern, text);
    const looksInside = field !== undefined && isObject(pattern[field]);
    return (subject: Record<string, unknown>, payload: string) => {
      if (field === undefined || !(field in pattern)) return matches(subject);
      const value = looksInside ? parseJson(payload) : payload;
      return matches({ ...subject, [field]: value });
    };
  });
  return (record) => {
    const subject = kind === "kinesis" ? (record.kinesis as Record<string, unknown>) : record;
    const payload = field === undefined ? "" : String(subject[field]);
    const text = kind === "kinesis" ? Buffer.from(payload, "base64").toString() : payload;
    return tests.some((test) => test(subject, text));
  };
}

function parsePattern(text: string): Record<string, unknown> {
  const pattern = parseJson(text);
  if (isObject(pattern)) return pattern;
  throw new AwsError("InvalidParameterValueException", `Invalid filter pattern definition: ${text}`);
}

function compile(pattern: unknown, text: string): (event: unknown) => boolean {
  try {
    return compilePattern(pattern);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new AwsError("InvalidParameterValueException", `Invalid filter pattern definition: ${text} (${why})`);
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Undefined where the text is no JSON: such a record does not match a pattern that looks inside. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
