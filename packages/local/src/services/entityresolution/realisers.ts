import { isDeepStrictEqual } from "node:util";
import { matchFaults } from "@tributary/model";
import { AwsError, autoName, type Kernel, parseInput, type Realiser, type Resource } from "../../kernel";
import { records, text } from "../support";
import {
  type SchemaInputs,
  type SchemaMapping,
  schemaInputs,
  semanticsOf,
  type Workflow,
  type WorkflowInputs,
  workflowInputs,
} from "./definitions";
import { jobsOf } from "./jobs";
import { indexOf } from "./match-index";
import { registryOf } from "./registry";

function refuse(
  what: string,
  faults: readonly { readonly path: readonly unknown[]; readonly message: string }[],
): void {
  if (faults.length === 0) return;
  const told = faults.map(({ path, message }) => `${path.join(".")}: ${message}`);
  throw new AwsError("ValidationException", `${what}: ${told.join("; ")}`);
}

/** A schema mapping's fields as attributes of match rules. */
const attributesOf = ({ mappedInputFields }: SchemaInputs) =>
  mappedInputFields.map(({ fieldName, type, groupName, matchKey, hashed }) => ({
    column: fieldName,
    type,
    group: groupName,
    matchKey,
    hashed,
  }));

function checkSchema(given: SchemaInputs): void {
  refuse(`schema mapping ${given.schemaName}`, matchFaults({ attributes: attributesOf(given) }));
  if (given.mappedInputFields.some(({ type }) => type === "UNIQUE_ID")) return;
  throw new AwsError("ValidationException", `schema mapping ${given.schemaName}: no field is of type UNIQUE_ID`);
}

/** "You can't update a schema mapping if it's associated with a workflow" (UpdateSchemaMapping). */
function checkUnused(
  { schemaName, mappedInputFields }: SchemaInputs,
  previous: Resource | undefined,
  kernel: Kernel,
): void {
  if (!previous || isDeepStrictEqual(previous.inputs.mappedInputFields, mappedInputFields)) return;
  const users = [...registryOf(kernel).workflows.values()].filter(({ inputSourceConfig }) =>
    inputSourceConfig.some(({ schemaArn }) => schemaArn.endsWith(`schemamapping/${schemaName}`)),
  );
  if (users.length === 0) return;
  const names = users.map(({ workflowName }) => workflowName).join(", ");
  throw new AwsError(
    "ConflictException",
    `schema mapping ${schemaName} is used by ${names} and cannot be changed: make one of another name, and let the workflow use it`,
  );
}

/** Rules against the match keys of all inputs, as AWS checks them when the workflow is made. */
function checkWorkflow(name: string, given: WorkflowInputs, kernel: Kernel): void {
  const schemas = given.inputSourceConfig.map(({ schemaArn }) => registryOf(kernel).requireSchema(schemaArn));
  const semantics = semanticsOf(given);
  if (!semantics) {
    const type = given.resolutionTechniques.resolutionType ?? "RULE_MATCHING";
    if (type !== "RULE_MATCHING") return;
    throw new AwsError("ValidationException", `matching workflow ${name}: RULE_MATCHING has no rules`);
  }
  const matchKeys = new Set(
    schemas.flatMap(({ mappedInputFields }) => mappedInputFields.flatMap(({ matchKey }) => matchKey ?? [])),
  );
  const attributes = [...matchKeys].map((matchKey) => ({ column: matchKey, type: "STRING", matchKey }));
  refuse(`matching workflow ${name}`, matchFaults({ ...semantics, attributes }));
}

const tagsOf = (inputs: Record<string, unknown>): Record<string, string> =>
  Object.fromEntries(records(inputs.tags).map(({ key, value }) => [String(key), String(value)]));

const madeAt = (previous: Resource | undefined, kernel: Kernel): string =>
  text(previous?.outputs.createdAt) ?? new Date(kernel.now()).toISOString();

const schemaRealiser: Realiser = {
  type: "aws-native:entityresolution:SchemaMapping",
  replaceOn: ["schemaName"],
  compute(resource, kernel, previous) {
    const given = parseInput(schemaInputs, resource.inputs);
    checkSchema(given);
    checkUnused(given, previous, kernel);
    const [createdAt, updatedAt] = [madeAt(previous, kernel), new Date(kernel.now()).toISOString()];
    const schemaArn = registryOf(kernel).schemaArn(given.schemaName);
    return {
      id: given.schemaName,
      outputs: { schemaArn, createdAt, updatedAt, hasWorkflows: previous?.outputs.hasWorkflows ?? false },
    };
  },
  attach({ inputs, outputs }, kernel) {
    const given = parseInput(schemaInputs, inputs);
    const mapping: SchemaMapping = {
      ...given,
      arn: String(outputs.schemaArn),
      createdAt: Date.parse(String(outputs.createdAt)),
      tags: tagsOf(inputs),
    };
    registryOf(kernel).schemas.set(given.schemaName, mapping);
  },
  detach({ inputs }, kernel) {
    registryOf(kernel).schemas.delete(String(inputs.schemaName));
  },
};

const workflowRealiser: Realiser = {
  type: "aws-native:entityresolution:MatchingWorkflow",
  replaceOn: ["workflowName"],
  compute(resource, kernel, previous) {
    const given = parseInput(workflowInputs, resource.inputs);
    const workflowName =
      given.workflowName ?? text(previous?.outputs.workflowName) ?? autoName(resource.urn, resource.name, 255);
    checkWorkflow(workflowName, given, kernel);
    const type = given.resolutionTechniques.resolutionType;
    if (type === "ML_MATCHING" || type === "PROVIDER") {
      kernel.log.info(`entityresolution: workflow ${workflowName} (${type}) is recorded; its jobs cannot run here`);
    }
    const workflowArn = registryOf(kernel).workflowArn(workflowName);
    const [createdAt, updatedAt] = [madeAt(previous, kernel), new Date(kernel.now()).toISOString()];
    return { id: workflowName, outputs: { workflowName, workflowArn, createdAt, updatedAt } };
  },
  attach({ inputs, outputs }, kernel) {
    const workflow: Workflow = {
      ...parseInput(workflowInputs, inputs),
      workflowName: String(outputs.workflowName),
      arn: String(outputs.workflowArn),
      createdAt: Date.parse(String(outputs.createdAt)),
      tags: tagsOf(inputs),
    };
    registryOf(kernel).workflows.set(workflow.workflowName, workflow);
  },
  detach({ outputs }, kernel) {
    registryOf(kernel).workflows.delete(String(outputs.workflowName));
  },
  async destroy({ outputs }, kernel) {
    await jobsOf(kernel).forget(String(outputs.workflowName));
    await indexOf(kernel).forget(String(outputs.workflowName));
  },
};

export const entityResolutionRealisers: Realiser[] = [schemaRealiser, workflowRealiser];
