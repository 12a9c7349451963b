import { arn, type Kernel, type Realiser } from "../../kernel";
import { LakeEngine } from "../duckdb";
import { defineService } from "../support";
import { athenaOperations } from "./operations";
import { athenaRealisers } from "./realisers";
import { workgroupsOf } from "./workgroups";

export { executionsOf } from "./executions";
export { queryRows } from "./query";

/** Registers Athena. `aws:athena/database:Database` is recorded only: databases come from the Glue catalog. */
export function install(kernel: Kernel): Realiser[] {
  // First, so that it is closed last: queries use it until they have ended.
  LakeEngine.of(kernel);
  kernel.register(defineService("athena", athenaOperations(kernel), { invalidCode: "InvalidRequestException" }));
  workgroupsOf(kernel).workgroups.set("primary", {
    name: "primary",
    arn: arn(kernel.place, "athena", "workgroup/primary"),
    enabled: true,
    enforced: false,
    outputLocation: undefined,
    scanCutoff: undefined,
    description: undefined,
  });
  return athenaRealisers;
}
