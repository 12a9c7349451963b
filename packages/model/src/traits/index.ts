export * from "./declare";
export {
  type EventFilter,
  type EventSelection,
  eventSelectionSchema,
  maxTraitText,
  type TraitDefinition,
  type TraitDefinitions,
  type TraitFold,
  type TraitWindow,
  traitDefinitionSchema,
  traitDefinitionsSchema,
  windowLength,
  windowSchema,
} from "./definition";
export { factEndsAt, isNumeric, type TraitFact, traitFactOf } from "./fact";
export { type FoldedTraits, foldTraits } from "./fold";
export {
  compareCodePoints,
  compareValues,
  millionths,
  ofMillionths,
  type TraitValue,
  traitNumber,
  traitValue,
} from "./value";
