import { defaultIdentityRules } from "@tributary/model";

/** What an argument that is left out means. */
export const identityResolutionDefaults = Object.freeze({
  rules: defaultIdentityRules,
  batchSize: 500,
  windowSeconds: 1,
  parallelization: 1,
  memoryMb: 1024,
  timeoutSeconds: 60,
});
