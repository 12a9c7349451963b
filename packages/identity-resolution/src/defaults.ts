import { defaultIdentityRules } from "@tributary/model";

/** What an argument that is left out means. */
export const identityResolutionDefaults = Object.freeze({
  rules: defaultIdentityRules,
  batchSize: 500,
  windowSeconds: 1,
  parallelization: 1,
  memoryMb: 1024,
  timeoutSeconds: 60,
  /** Five minutes of changes in a file: the fewer files, the quicker the lake. */
  archiver: Object.freeze({ batchSize: 10_000, windowSeconds: 300, memoryMb: 512 }),
});
