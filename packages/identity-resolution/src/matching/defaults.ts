/** What `matching` does where nothing is said. */
export const matchingDefaults = Object.freeze({
  ml: false,
  incremental: false,
  timeoutMinutes: 720,
  /** Seconds between two looks at a job, and between two tries for the lock. */
  pollSeconds: 60,
  /** Minutes that an execution waits for the one before it. */
  waitMinutes: 720,
  /** Minutes that a job is asked for again where another stack's runs in the account. */
  startMinutes: 720,
  /** Objects of links that are imported at a time. */
  importConcurrency: 4,
  /** Below the output bucket. */
  outputPrefix: "matching/output/",
  evidencePrefix: "matching/evidence/",
  /** Of the function that reads a job's groups: a few hundred bytes for each, so some ten million fit. */
  groupsMemoryMb: 3008,
});

/** Where lines of objects of links go that are no links, with the reason; below the output bucket. */
export const linkQuarantinePrefix = "matching/quarantine/";
