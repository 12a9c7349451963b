export type { PipelineRun, QueryResult, ResourceSummary, RuntimeHandle, RuntimeStatus } from "./control/handle";
export { runningInstance } from "./data-folder";
export * from "./engine";
export { type Graph, receivedGraph } from "./graph";
export { AwsError, LocalRuntimeError, type Logger, NotSupportedLocally } from "./kernel";
export { readParquet } from "./read-parquet";
export { connect, LocalRuntime, type ProgramOptions, type RuntimeOptions } from "./runtime";
