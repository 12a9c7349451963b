/** Activation's defaults; docs and tests read this object. */
export const activationDefaults = Object.freeze({
  timeoutSeconds: 10,
  maximumConcurrency: 5,
  /** Tries of a delivery before it goes to the destination's dead-letter queue. */
  maxReceiveCount: 8,
  /** Profile changes, membership changes and deliveries of one invocation, at most. */
  propagateBatchSize: 200,
  dispatchBatchSize: 200,
  deliverBatchSize: 10,
});
