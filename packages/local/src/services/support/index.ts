export * from "./deliver";
export * from "./derived";
export * from "./operation";
export * from "./outbox";
export * from "./values";
