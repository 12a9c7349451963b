import { z } from "zod";

/**
 * What a stack that holds the whole platform publishes (stack output `platform`): the version, and the handles that
 * other stacks, the command line and tests reach it by.
 */
export const platformContract = z.object({
  contract: z.literal("tributary.platform"),
  version: z.literal(1),
  ingestion: z.object({
    /** Base URL of the collector, without a trailing slash: SDKs post to `<url>/v1/batch`. */
    collectorUrl: z.string(),
    /** Write key by source id. */
    writeKeys: z.record(z.string(), z.string()),
    eventStreamArn: z.string(),
    eventsTableName: z.string(),
    quarantineBucket: z.string(),
    /** Where files of sources arrive, below `source=<id>/`; absent where no source takes files. */
    landingBucket: z.string().optional(),
    /** Mapping by source id, of the sources that have one: what files of the source are loaded by. */
    mappings: z.record(z.string(), z.json()).optional(),
    /** Tracking plan (`readPlan` reads it) by source id, of the sources that have one. */
    plans: z.record(z.string(), z.json()).optional(),
  }),
  lake: z.object({
    /** Glue database by zone. */
    databases: z.object({ raw: z.string(), clean: z.string(), curated: z.string() }),
    buckets: z.object({ raw: z.string(), clean: z.string(), curated: z.string() }),
    workgroup: z.string(),
    /** State machine ARN by pipeline name (`nightly`). */
    pipelines: z.record(z.string(), z.string()),
    /** Lake Formation tag values (data classes) by `<zone>.<table>`: the table's, and those of columns that differ. */
    dataClasses: z
      .record(z.string(), z.object({ table: z.string(), columns: z.record(z.string(), z.string()) }))
      .optional(),
  }),
  identities: z.object({
    graphTableName: z.string(),
    profilesTableName: z.string(),
    /** Function that links, unlinks and retracts at a steward's word, and tells the past: takes a `StewardRequest`. */
    stewardFunctionName: z.string(),
    /** State machine ARN by pipeline name: `match`, and `forget-matches`, which takes `{ uniqueIds }`. Absent without matching. */
    pipelines: z.record(z.string(), z.string()).optional(),
  }),
  activation: z.object({
    profileApiUrl: z.string(),
    /** ARN of the secret that holds the profile API's bearer token. */
    profileApiSecretArn: z.string(),
    membershipsTableName: z.string(),
    audiences: z.array(z.string()),
    destinations: z.array(z.string()),
    /** EventBridge bus that is told who enters and leaves audiences; absent without audiences. */
    audienceEventBusName: z.string().optional(),
    /** Names of traits computed from events. These four are absent where nothing is. */
    traits: z.array(z.string()).optional(),
    /** What events said to the computed traits: key `identifier`, as the graph table's keys of identifiers, and `fact`. */
    traitFactsTableName: z.string().optional(),
    /** Computed traits and audiences by `profileId`. */
    standingsTableName: z.string().optional(),
    /** Function that computes everybody's traits and audiences anew, after a declaration changed. */
    recomputeFunctionName: z.string().optional(),
  }),
});
export type PlatformContract = z.infer<typeof platformContract>;
