/** Activation's defaults; docs and tests read this object. */
export const activationDefaults = Object.freeze({
  timeoutSeconds: 10,
  maximumConcurrency: 5,
  /** Tries of a delivery before it rests in the destination's dead letters: 4, 16, 64 … 900 seconds apart, 50 minutes in all. */
  maxAttempts: 8,
  /** Profile changes, membership changes and deliveries of one invocation, at most. */
  propagateBatchSize: 200,
  /** Events of one invocation that computed traits are kept up by, at most. */
  traitFactsBatchSize: 100,
  /** How often people are looked for of whom an event left a window. */
  sweepSchedule: "rate(1 minute)",
  dispatchBatchSize: 200,
  deliverBatchSize: 10,
  /** Parts of a segment by SQL that are imported at a time. */
  segmentConcurrency: 4,
  /** Hours that an import of segments may take. */
  segmentImportHours: 6,
});
