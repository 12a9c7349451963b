export * from "./condition";
export * from "./grammar";
export * from "./rule-set";
