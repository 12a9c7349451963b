export { type EventPredicate, eventTraitName, isEventTrait } from "./event-predicate";
export * from "./predicate";
export * from "./segment";
