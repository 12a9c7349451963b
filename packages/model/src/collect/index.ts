export * from "./item";
export * from "./record";
export * from "./rejection";
export * from "./stored";
export * from "./time";
