/** What Governance does where nothing is said. */
export const governanceDefaults = Object.freeze({
  cidrBlock: "10.42.0.0/16",
  availabilityZones: 2,
  logRetentionDays: 90,
  tenant: "default",
  /** The longest that KMS offers: time to notice. */
  keyDeletionWindowDays: 30,
  budgetNotices: Object.freeze([
    Object.freeze({ type: "ACTUAL", percent: 80 }),
    Object.freeze({ type: "ACTUAL", percent: 100 }),
    Object.freeze({ type: "FORECASTED", percent: 100 }),
  ]),
});
