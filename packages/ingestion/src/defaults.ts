/** What Ingestion does where nothing is said. */
export const ingestionDefaults = Object.freeze({
  capacity: Object.freeze({ shards: 1 }),
  streamRetentionHours: 72,
  eventRetentionDays: 30,
  processing: Object.freeze({ batchSize: 500, windowSeconds: 0, parallelization: 2 }),
  archive: Object.freeze({ megabytes: 64, seconds: 300, deduplicate: true }),
  /** Requests a second beyond which the collector's API answers 429, which clients repeat. */
  throttle: Object.freeze({ rate: 5000, burst: 5000 }),
  collector: Object.freeze({ memoryMb: 512, timeoutSeconds: 20 }),
  processor: Object.freeze({ memoryMb: 1024, timeoutSeconds: 60 }),
  /** As long as it takes DynamoDB to make room for a peak, retries included. */
  archiver: Object.freeze({ memoryMb: 1024, timeoutSeconds: 120 }),
  /** Of a batch that the archiver's function failed on, each up to its whole time; then the batch is put aside. */
  archiverRetries: 10,
  /** A whole vCPU, as it parses; what a run does not finish the next goes on with. */
  loader: Object.freeze({ memoryMb: 1769, timeoutSeconds: 300, concurrency: 2 }),
  /** Days that a file which was loaded can be had back from the landing bucket, beside its copy in the raw zone. */
  landedDays: 7,
  /** A call of `onEvent` is given up, and its event quarantined, when it lets nothing else run, or awaits, for so long. */
  callback: Object.freeze({ blockedMs: 5_000, awaitMs: 30_000 }),
  /** Quarantined records within five minutes that raise the alarm: single ones are everyday, a broken release is not. */
  quarantineAlarmAbove: 100,
});
