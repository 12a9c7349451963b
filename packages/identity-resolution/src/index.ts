export {
  defaultIdentityRules,
  defineRules,
  type IdentityRules,
  type IdentityRulesInput,
  type MatchRulesInput,
  type RuleSetInput,
} from "@tributary/model";
export * from "./args";
export { identityResolutionDefaults } from "./defaults";
export * from "./identity-resolution";
export * from "./matching/args";
export { matchingDefaults } from "./matching/defaults";
