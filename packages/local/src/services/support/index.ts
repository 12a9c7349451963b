export * from "./deliver";
export * from "./derived";
export * from "./drop-folder";
export * from "./operation";
export * from "./outbox";
export * from "./values";
