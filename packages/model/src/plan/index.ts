export * from "./check";
export * from "./define";
export * from "./diff";
export * from "./drift";
export { type JsonSchema, type PlanFault, type SubSchema, schemaFaults } from "./json-schema";
export * from "./plan";
export { type Refusal, refusals } from "./refusals";
export * from "./types";
export { compileSchema, type SchemaViolation } from "./validator";
