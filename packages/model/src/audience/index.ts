export { type EventPredicate, eventTraitName, isEventTrait } from "./event-predicate";
export { instantOf } from "./instant";
export * from "./predicate";
export * from "./segment";
