import type { Kernel, Realiser } from "../../kernel";
import { LakeEngine } from "../duckdb";
import { defineService } from "../support";
import { dataOperations, serverlessOperations } from "./operations";
import { redshiftRealisers } from "./realisers";

export { statementsOf } from "./statements";

/**
 * Registers Redshift Serverless: namespaces are DuckDB files of the data folder, reached by the Data API. Nothing speaks
 * Redshift's own protocol; users and their rights, usage limits and integrations are recorded only.
 */
export function install(kernel: Kernel): Realiser[] {
  // First, so that it is closed last: statements use it until they have ended.
  LakeEngine.of(kernel);
  kernel.register(defineService("redshift-data", dataOperations(kernel)));
  kernel.register(defineService("redshift-serverless", serverlessOperations(kernel)));
  return redshiftRealisers;
}
