import type { Kernel, Realiser } from "../../kernel";
import { defineService } from "../support";
import { jobsOf } from "./jobs";
import { entityResolutionOperations } from "./operations";
import { entityResolutionRealisers } from "./realisers";

/**
 * Entity Resolution: schema mappings and rule-based matching workflows of the aws-native provider, whose jobs read Glue
 * tables and write to S3 as on AWS. Machine learning, providers and ID mapping are recorded only.
 */
export function install(kernel: Kernel): Realiser[] {
  // Jobs that the end of the process cut short are told so at once.
  jobsOf(kernel);
  kernel.register(defineService("entityresolution", entityResolutionOperations(kernel)));
  return entityResolutionRealisers;
}
