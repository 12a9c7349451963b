import { rmSync } from "node:fs";
import type { Kernel, Realiser } from "../../kernel";
import { LakeEngine } from "../duckdb";
import { defineService } from "../support";
import { catalogOperations } from "./catalog-operations";
import { jobOperations } from "./job-operations";
import { glueRealisers } from "./realisers";
import { finishSwaps } from "./replace-objects";

export { type BoundTable, bindTables, tableNotFound } from "./bind-tables";
export { type CatalogTable, catalogOf, catalogPermissions, relationOf } from "./catalog";
export { type JobRunRow, jobRunsOf, type StepStatistics } from "./job-runs";
export { isView } from "./presto-view";

/** Registers the Glue Data Catalog and SQL jobs. Triggers and crawlers are recorded only. */
export function install(kernel: Kernel): Realiser[] {
  // First, so that it is closed last: jobs use it until they have ended.
  LakeEngine.of(kernel);
  // What a stopped process had written and not yet swapped in.
  rmSync(kernel.folder("tmp", "glue"), { recursive: true, force: true });
  kernel.register(defineService("glue", { ...catalogOperations(kernel), ...jobOperations(kernel) }));
  const swaps = finishSwaps(kernel).catch((error) => {
    kernel.log.warn(`glue: files of an interrupted job could not be cleared away: ${String(error)}`);
  });
  kernel.onClose(() => swaps);
  return glueRealisers;
}
