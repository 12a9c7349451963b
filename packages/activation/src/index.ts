export {
  type AudienceDefinition,
  all,
  any,
  audience,
  consent,
  identifier,
  not,
  type Predicate,
  trait,
} from "@tributary/model";
export * from "./activation";
export * from "./args";
export { activationDefaults } from "./defaults";
