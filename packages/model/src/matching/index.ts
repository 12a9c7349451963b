export * from "./rule-set";
