export * from "./args";
export * from "./data-lake";
export { dataLakeDefaults } from "./defaults";
export { dataLakeFaults, normalize } from "./normalize";
export { queries } from "./queries";
export { transformText } from "./resources/scripts";
export * from "./tables";
