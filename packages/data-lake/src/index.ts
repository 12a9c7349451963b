export { rule } from "@tributary/model";
export * from "./args";
export * from "./data-lake";
export { dataLakeDefaults } from "./defaults";
export { dataLakeFaults, normalize } from "./normalize";
export { queries } from "./queries";
export * from "./tables";
export { column } from "./tables/columns";
export { type LakePlan, type LakeStep, planLake, transformText } from "./tables/lake-plan";
