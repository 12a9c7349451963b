export * from "./credentials";
export * from "./errors";
export * from "./kernel";
export * from "./metrics";
export * from "./naming";
export * from "./store";
export * from "./types";
export * from "./versioned-map";
