import type { Fault } from "../engine/types";
import { checkObject } from "./check-value";
import { checkDocuments } from "./documents";
import { resourceTable } from "./tables";

export { checkPolicy, type PolicyKind } from "./iam-policy";
export { checkStateMachine } from "./state-machine";
export { schemaVersion } from "./tables";

/**
 * Faults of a resource's arguments: properties that the type does not have, missing ones, wrong types, and mistakes in
 * the documents inside (IAM policies, Step Functions definitions). Types of other providers pass unchecked, and so does
 * an aws type that is newer than the tables (`schemaVersion`).
 */
export function checkResource(type: string, inputs: Record<string, unknown>): Fault[] {
  const found = resourceTable(type);
  if (!found) return [];
  return [...checkObject(inputs, found.table, found.types, ""), ...checkDocuments(type, inputs)];
}
