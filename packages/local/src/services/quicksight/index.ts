import type { Kernel, Realiser } from "../../kernel";
import { defineService } from "../support";
import { ingestionOperations } from "./ingestions";
import { quicksightRealisers } from "./realisers";

/**
 * Registers QuickSight: data sources and data sets are checked, and an ingestion runs the data set's SQL on Athena under
 * the data source's role, and counts its rows. Nothing is drawn: analyses and dashboards are recorded only.
 */
export function install(kernel: Kernel): Realiser[] {
  kernel.register(defineService("quicksight", ingestionOperations(kernel)));
  return quicksightRealisers;
}
