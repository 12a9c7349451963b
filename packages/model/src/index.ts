export * from "./collected";
export * from "./contract";
export * from "./event";
export * from "./json";
export * from "./profile";
export * from "./quarantine";
export * from "./stored-event";
export * from "./table";
