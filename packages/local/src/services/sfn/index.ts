import { z } from "zod";
import { arn, autoName, type Kernel, parseInput, type Realiser } from "../../kernel";
import { defineService, tagOutputs } from "../support";
import { parseMachine } from "./definition";
import { executionsOf } from "./executions";
import { notesOn } from "./notes";
import { sfnOperations } from "./operations";

export { executionsOf } from "./executions";
export { describePipelineRun, type PipelineRun, type PipelineStep } from "./pipeline-run";

const inputs = z.object({
  name: z.string().optional(),
  namePrefix: z.string().optional(),
  definition: z.string(),
  roleArn: z.string(),
  type: z.enum(["STANDARD", "EXPRESS"]).default("STANDARD"),
});

const stateMachineRealiser: Realiser = {
  type: "aws:sfn/stateMachine:StateMachine",
  replaceOn: ["name", "namePrefix", "type"],
  compute(resource, kernel, previous) {
    const given = parseInput(inputs, resource.inputs);
    parseMachine(given.definition, given.type);
    const generated = autoName(resource.urn, given.namePrefix ?? resource.name, 80);
    const name = previous ? String(previous.outputs.name) : (given.name ?? generated);
    const machineArn = arn(kernel.place, "states", `stateMachine:${name}`);
    return {
      id: machineArn,
      outputs: {
        arn: machineArn,
        name,
        creationDate: previous?.outputs.creationDate ?? new Date(kernel.now()).toISOString(),
        status: "ACTIVE",
        description: "",
        revisionId: "",
        versionDescription: "",
        stateMachineVersionArn: "",
        region: kernel.place.region,
        ...tagOutputs(resource.inputs),
      },
    };
  },
  attach(resource, kernel) {
    const { definition, roleArn, type } = parseInput(inputs, resource.inputs);
    const machine = parseMachine(definition, type);
    for (const note of notesOn(kernel, machine)) kernel.log.warn(`state machine ${resource.outputs.name} ${note}`);
    executionsOf(kernel).attach({
      name: String(resource.outputs.name),
      arn: resource.id,
      roleArn,
      type,
      definition,
      machine,
      createdAt: Date.parse(String(resource.outputs.creationDate)),
    });
  },
  detach(resource, kernel) {
    executionsOf(kernel).detach(resource.id);
  },
  destroy(resource, kernel) {
    executionsOf(kernel).destroy(resource.id);
  },
};

/** Registers Step Functions. */
export function install(kernel: Kernel): Realiser[] {
  kernel.register(defineService("sfn", sfnOperations(kernel)));
  return [stateMachineRealiser];
}
