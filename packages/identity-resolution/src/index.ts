export { defaultIdentityRules, type IdentityRules, type IdentityRulesInput } from "@tributary/model";
export * from "./args";
export { identityResolutionDefaults } from "./defaults";
export * from "./identity-resolution";
