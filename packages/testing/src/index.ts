export { Graph } from "./graph";
export { type RecordedCall, RecordingProvider, type RecordingProviderOptions } from "./recording-provider";
export { runStack, type StackOptions, type StackProgram, StackRun } from "./run-stack";
// Event and profile factories join here.
