import { z } from "zod";

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
        sql: z.string().regex(/^s3:\/\/[^/]+\/.+$/, "must be s3://bucket/key"),
        target: z.object({ database: z.string().min(1), table: z.string().min(1) }),
        /** `overwrite` replaces the table's data; `overwrite-partitions` only the partitions that the query yields. */
        mode: z.enum(["overwrite", "overwrite-partitions"]),
      }),
    )
    .min(1),
});
export type Manifest = z.infer<typeof manifestSchema>;
export type ManifestStep = Manifest["steps"][number];
