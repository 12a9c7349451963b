import type { ZodType } from "zod";
import { AwsError } from "./errors";

/**
 * Checks the input of an operation against a schema and returns it typed. Faults become one error in AWS's words, with
 * the path of every fault. For hot operations, hand-written checks are faster; this is for all others.
 */
export function parseInput<T>(schema: ZodType<T>, input: unknown, code = "ValidationException"): T {
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  const faults = result.error.issues.map((issue) => `Value at '${issue.path.join(".")}': ${issue.message}`);
  const noun = faults.length === 1 ? "1 validation error" : `${faults.length} validation errors`;
  throw new AwsError(code, `${noun} detected: ${faults.join("; ")}`);
}
