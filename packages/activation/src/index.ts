export {
  type AudienceDefinition,
  all,
  any,
  audience,
  consent,
  context,
  count,
  distinct,
  event,
  first,
  identifier,
  identify,
  last,
  max,
  min,
  mostFrequent,
  not,
  type Predicate,
  page,
  property,
  screen,
  segment,
  source,
  sum,
  type TraitDefinition,
  type TraitDefinitions,
  trait,
} from "@tributary/model";
export * from "./activation";
export * from "./args";
export { activationDefaults } from "./defaults";
export type { AudienceEvent } from "./domain/audience-event";
