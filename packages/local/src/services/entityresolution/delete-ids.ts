import type { Kernel } from "../../kernel";
import { semanticsOf, type Workflow } from "./definitions";
import { type IndexedRecord, indexOf, recordKey } from "./match-index";
import { assign } from "./run-job";

/**
 * Forgets records by their unique ids. Whom a deleted record held to a group, and nothing else, loses the group's match id:
 * those are the disconnected ones. AWS does not document how it tells them.
 */
export async function deleteUniqueIds(
  kernel: Kernel,
  workflow: Workflow,
  uniqueIds: readonly string[],
  inputSource: string | undefined,
): Promise<Record<string, unknown>> {
  const wanted = new Set(uniqueIds);
  const all = [...indexOf(kernel).all(workflow.workflowName)];
  const gone = all.filter(
    ({ uniqueId, sourceArn }) => wanted.has(uniqueId) && (inputSource === undefined || inputSource === sourceArn),
  );
  const goneKeys = new Set(gone.map(({ sourceArn, uniqueId }) => recordKey(sourceArn, uniqueId)));
  const groups = new Set(gone.map(({ matchId }) => matchId));
  const left = all.filter(
    ({ matchId, sourceArn, uniqueId }) => groups.has(matchId) && !goneKeys.has(recordKey(sourceArn, uniqueId)),
  );
  const changed = regroup(workflow, left, `deletion ${kernel.now()}`);
  await indexOf(kernel).change(workflow.workflowName, changed, gone);
  const found = new Set(gone.map(({ uniqueId }) => uniqueId));
  const errors = [...wanted].filter((uniqueId) => !found.has(uniqueId));
  return {
    status: "COMPLETED",
    deleted: [...found].map((uniqueId) => ({ uniqueId })),
    errors: errors.map((uniqueId) => ({ uniqueId, errorType: "VALIDATION_ERROR" })),
    disconnectedUniqueIds: changed.map(({ uniqueId }) => uniqueId),
  };
}

/** Those of what is left of groups that do not keep their match id. */
function regroup(workflow: Workflow, left: readonly IndexedRecord[], seed: string): IndexedRecord[] {
  const semantics = semanticsOf(workflow);
  if (!semantics) return [];
  const before = new Map(left.map((record) => [recordKey(record.sourceArn, record.uniqueId), record.matchId]));
  const after = assign(left, semantics, seed, before);
  return after.filter(({ sourceArn, uniqueId, matchId }) => before.get(recordKey(sourceArn, uniqueId)) !== matchId);
}
