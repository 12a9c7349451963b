export * from "./compile";
export * from "./evolution";
export * from "./quality";
export * from "./quality-sql";
export * from "./table";
