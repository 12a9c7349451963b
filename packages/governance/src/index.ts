export * from "./args";
export { governanceDefaults } from "./defaults";
export * from "./governance";
export { governanceFaults, normalize } from "./normalize";
export { keyStatements } from "./resources/key";
export * from "./vpc-ref";
