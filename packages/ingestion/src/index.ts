export { type PlanDefinition, type TrackingPlan, trackingPlan } from "@tributary/model";
export * from "./args";
export * from "./connector";
export { ingestionDefaults } from "./defaults";
export * from "./ingestion";
export { derivedWriteKey, ingestionFaults, normalize } from "./normalize";
export * from "./on-event";
export * from "./sources";
export type { WebhookContext, WebhookEvent, WebhookMap } from "./webhook-map";
