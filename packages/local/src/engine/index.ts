export { Store } from "../kernel/store";
export { type InlineOptions, type InlineProgram, runInline } from "./inline";
export { awsInvokes } from "./invokes";
export { runProgram } from "./run";
export * from "./run-types";
export {
  listStacks,
  loadStacks,
  loadState,
  type SavedStack,
  saveResourceOutputs,
  saveStackOutputs,
  stackOutputs,
} from "./state";
export * from "./types";
export { isRootStack, makeUrn, parseUrn, type UrnParts } from "./urn";
