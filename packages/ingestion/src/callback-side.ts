/** What code that runs in Lambda imports from this package: a bundle of it must not hold Pulumi. */
export * from "./connector";
export * from "./on-event";
