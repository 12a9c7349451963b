import type { LakeTable } from "@tributary/model";
import { column } from "../tables/columns";

/** The reports of the jobs' runs, as a table: one row per run. Its files lie in the workspace bucket. */
export const qualityReports: LakeTable = {
  zone: "raw",
  name: "quality_reports",
  description: "The quality report of each run of a job; curated.pipeline_health reads it",
  columns: [
    column("run", "string", "internal", "The job run"),
    column("job", "string", "internal", "The job"),
    column("at", "string", "internal", "When, ISO 8601"),
    column("passed", "boolean", "internal", "Whether every rule passed"),
    column(
      "tables",
      "array<struct<table:string,total:bigint,rejected:bigint,rules:array<struct<rule:string,failing:bigint,threshold:double,passed:boolean>>>>",
      "internal",
      "What became of each table's rules",
    ),
  ],
  partitionBy: [],
  primaryKey: ["run"],
  format: "json",
};
