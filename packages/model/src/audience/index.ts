export * from "./predicate";
