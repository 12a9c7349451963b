export * from "./athena";
export { athenaFunctions } from "./athena-functions";
export * from "./tokens";
