import type { Kernel, Realiser } from "../../kernel";
import { defineService } from "../support";
import { exportOperations } from "./exports";
import { watchSnapshots } from "./snapshots";

/**
 * RDS, as far as snapshots go: a folder stands for the snapshots of a database, `<data>/rds/<database>/<snapshot>/`, with a
 * file for each table. What is put there is announced on the event bus as an automated snapshot, and StartExportTask writes
 * it to S3 as RDS does. The folder is looked at once a rule asks for RDS's events. There is no database.
 */
export function install(kernel: Kernel): Realiser[] {
  kernel.register(defineService("rds", exportOperations(kernel)));
  watchSnapshots(kernel);
  return [];
}
