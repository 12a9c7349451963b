import type { Kernel } from "../../kernel";
import type { State, StateGroup } from "./definition";
import { parseResource } from "./resources";

/** Fields of a Map that AWS takes in the mode DISTRIBUTED only; the language's specification has them in every Map. */
const distributedOnly = [
  "ItemBatcher",
  "ResultWriter",
  "ToleratedFailureCount",
  "ToleratedFailureCountPath",
  "ToleratedFailurePercentage",
  "ToleratedFailurePercentagePath",
] as const;

/** What someone should know of a machine that runs here: what AWS would refuse, and calls that will fail here. */
export function notesOn(kernel: Kernel, group: StateGroup, path = ""): string[] {
  return Object.entries(group.States).flatMap(([name, state]) => {
    const place = `${path}/States/${name}`;
    const processor = state.ItemProcessor ?? state.Iterator;
    return [
      ...unrealised(kernel, state, place),
      ...(processor
        ? [...inlineFaults(state, processor, place), ...notesOn(kernel, processor, `${place}/ItemProcessor`)]
        : []),
      ...state.Branches.flatMap((branch, index) => notesOn(kernel, branch, `${place}/Branches/${index}`)),
    ];
  });
}

function inlineFaults(state: State, processor: StateGroup, place: string): string[] {
  if (processor.ProcessorConfig?.Mode === "DISTRIBUTED") return [];
  const given = distributedOnly.filter((field) => state[field] !== undefined);
  return given.length === 0 ? [] : [`${place}: AWS takes ${given.join(", ")} in a Map of the mode DISTRIBUTED only`];
}

function unrealised(kernel: Kernel, state: State, place: string): string[] {
  if (state.Type !== "Task") return [];
  const resource = parseResource(state.Resource ?? "", "STANDARD", place);
  if (resource.kind === "function" || kernel.service(resource.service)?.operations[resource.operation]) return [];
  if (resource.label.startsWith("lambda:invoke")) return [];
  return [`${place}: the embedded runtime does not do ${resource.service}.${resource.operation}; the task will fail`];
}
