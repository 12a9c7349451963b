export type { PipelineRun, QueryResult, ResourceSummary, RuntimeHandle, RuntimeStatus } from "./control/handle";
export { runningInstance } from "./data-folder";
export * from "./engine";
export { AwsError, LocalRuntimeError, type Logger, NotSupportedLocally } from "./kernel";
export { connect, LocalRuntime, type ProgramOptions, type RuntimeOptions } from "./runtime";
