export * from "./evidence";
export * from "./explain";
export * from "./identifiers";
export * from "./normalise";
export * from "./resolve";
export * from "./rules";
export * from "./storage";
