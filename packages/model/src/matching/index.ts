export * from "./attribute-types";
export * from "./condition";
export * from "./define-rules";
export * from "./entity-resolution";
export * from "./families";
export { type MatchFault, matchFaults } from "./faults";
export * from "./grammar";
export * from "./lint";
export * from "./rule-set";
