/** What DataLake does where nothing is said. */
export const dataLakeDefaults = Object.freeze({
  databasePrefix: "",
  peopleToMatch: false,
  unreadable: "stop" as const,
  curatedFormat: "parquet" as const,
  /** Days that an Iceberg table's former states can be read. */
  snapshotDays: 5,
  /** Days after which files that no state of an Iceberg table names are deleted. */
  orphanDays: 3,
  queryCutoffGb: 100,
  workers: 2,
  timeoutMinutes: 120,
  glueVersion: "5.1",
  workerType: "G.1X",
  /** Days that Athena's results and the jobs' scratch files are kept. */
  resultDays: 30,
  scratchDays: 7,
  /** Days that a run's listing of the raw zone is kept: a failed run can be resumed for 14. */
  landDays: 30,
  /** Days that rows which broke a quality rule, and the reports about them, are kept. */
  rejectedDays: 90,
  /** Days that the output of matching jobs is kept: who was matched with whom, and by which job. */
  matchingDays: 30,
  /** Days that replaced versions are kept: raw is the source of everything else. */
  rawNoncurrentDays: 365,
  noncurrentDays: 30,
  /** First day that Athena looks for partitions; the platform cannot have received anything before it existed. */
  firstDay: "2024-01-01",
});
