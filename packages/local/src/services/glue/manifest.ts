import { z } from "zod";

const s3Object = z.string().regex(/^s3:\/\/[^/]+\/.+$/, "must be s3://bucket/key");
const s3Prefix = z.string().regex(/^s3:\/\/[^/]+\/.+\/$/, "must be s3://bucket/prefix/");

/** A table's quality rules, compiled. The rows that are to become the table's are the relation `candidate`. */
const qualitySchema = z.object({
  rules: z.array(z.object({ name: z.string(), threshold: z.number().min(0).max(1), rows: z.boolean() })).min(1),
  /** One row: the number of rows, then by rule how many break it. */
  measure: z.string(),
  /** The rows that break a rule, each after the rule's name as `quality_rule`. */
  rejects: z.string().optional(),
  /** The rows that break none. */
  passing: z.string().optional(),
  /** Where rows that break a rule are kept. */
  rejected: z.object({ database: z.string().min(1), table: z.string().min(1) }),
});
export type Quality = z.infer<typeof qualitySchema>;

/**
 * What a SQL job does: the file that its `--manifest` argument names. The same manifest drives the PySpark driver on
 * Glue and DuckDB here. Location, columns and partition keys of a target are the catalog table's.
 */
export const manifestSchema = z.object({
  version: z.literal(1),
  steps: z
    .array(
      z.object({
        /** Unique in the manifest; how logs and statistics name the step. */
        name: z.string().min(1),
        /** `s3://bucket/key` of a file with one SELECT. */
        sql: s3Object,
        target: z.object({ database: z.string().min(1), table: z.string().min(1) }),
        /** `overwrite` replaces the table's data; `overwrite-partitions` only the partitions that the query yields. */
        mode: z.enum(["overwrite", "overwrite-partitions"]),
        /** What a run makes again of the table where only some of its sources' partitions changed. */
        follow: z.enum(["whole", "partition", "first", "fold", "key"]).default("whole"),
        /** Columns that tell rows apart. */
        key: z.array(z.string()).default([]),
        /** Of `first`: the source's columns that, beside key and partition, decide which partition has a key's row; left out: all. */
        firstBy: z.array(z.string()).optional(),
        /** Of `fold` and `key`: columns of the table and its source; rows with other values there have nothing to do with a row. Left out: all may have. */
        groupBy: z.array(z.string()).optional(),
        /** Columns that rows lie by in their files; left out: by all. */
        order: z.array(z.string()).default([]),
        /** The SELECT gives rows in this order where its source has them so. */
        presorted: z.boolean().default(false),
        quality: qualitySchema.optional(),
      }),
    )
    .min(1)
    .refine((steps) => steps.every(({ follow, groupBy = [] }) => follow !== "key" || groupBy.length > 0), {
      message: "a step that follows by key must say its columns in groupBy",
    }),
  /** Where is kept what each step did last, so that the next run makes again only what changed. Left out: all. */
  bookmark: s3Object.optional(),
  /** What becomes of a source's files that cannot be read: by default the run stops; `set-aside` moves them below the prefix. */
  unreadable: z
    .object({ action: z.enum(["stop", "set-aside"]), prefix: s3Prefix, databases: z.array(z.string()) })
    .optional(),
  /** Where the quality report of each run is written, and what is counted in CloudWatch. */
  quality: z
    .object({
      report: s3Prefix,
      metrics: z.object({ namespace: z.string(), dimensions: z.record(z.string(), z.string()) }),
    })
    .optional(),
});
export type Manifest = z.infer<typeof manifestSchema>;
export type Follow = Manifest["steps"][number]["follow"];
export type ManifestStep = Manifest["steps"][number];
