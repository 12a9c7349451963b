export { Store } from "../kernel/store";
export type { ResolvedConfig } from "./config";
export { awsInvokes } from "./invokes";
export { type HostOptions, runLanguageHost } from "./language-host";
export { type Project, readProject } from "./project";
export { type ProgramHost, runProgram, runWith } from "./run";
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
