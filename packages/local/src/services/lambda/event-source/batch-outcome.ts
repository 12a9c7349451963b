import type { Outcome } from "../environment";

/** What became of a batch: all of it done, all of it failed, or the items with these identifiers failed. */
export type BatchOutcome =
  | { readonly kind: "success" }
  | { readonly kind: "failure"; readonly reason: string }
  | { readonly kind: "partial"; readonly failed: readonly string[] };

const success: BatchOutcome = { kind: "success" };
const failure = (reason: string): BatchOutcome => ({ kind: "failure", reason });

/**
 * Reads a handler's answer. With ReportBatchItemFailures: an empty answer, or an empty or null list, is success; an
 * empty, null or unknown identifier fails the whole batch, and so does an answer of another shape. `idOf` reads the
 * identifiers of sources where they are no text.
 * Source: "Configuring partial batch response" for Kinesis, DynamoDB and SQS in the Lambda developer guide.
 */
export function batchOutcome(
  outcome: Outcome,
  reportsItemFailures: boolean,
  isMember: (id: string) => boolean,
  idOf: (identifier: unknown) => unknown = (identifier) => identifier,
): BatchOutcome {
  if (outcome.error) return failure(`${outcome.error.errorType}: ${outcome.error.errorMessage}`);
  if (!reportsItemFailures) return success;
  const answer = JSON.parse(outcome.json) as unknown;
  if (answer === null || answer === "") return success;
  if (typeof answer !== "object" || Array.isArray(answer)) return failure("the answer is no batch response");
  const list = (answer as { batchItemFailures?: unknown }).batchItemFailures;
  if (list === undefined || list === null) return success;
  if (!Array.isArray(list)) return failure("batchItemFailures is no list");
  if (list.length === 0) return success;
  const failed: string[] = [];
  for (const entry of list as unknown[]) {
    const given =
      typeof entry === "object" && entry !== null ? (entry as { itemIdentifier?: unknown }).itemIdentifier : undefined;
    const id = idOf(given);
    if (typeof id !== "string" || id === "" || !isMember(id)) {
      return failure(`batchItemFailures names ${JSON.stringify(given ?? null)}, which is not in the batch`);
    }
    failed.push(id);
  }
  return { kind: "partial", failed };
}
