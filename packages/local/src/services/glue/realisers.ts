import { z } from "zod";
import { arn, autoName, parseInput, type Realiser, type Registered, type Resource } from "../../kernel";
import { duckdbType } from "../duckdb";
import { tagOutputs } from "../support";
import { catalogOf, databaseArn, tableArn } from "./catalog";
import { type JobDefinition, jobRunsOf } from "./job-runs";
import { catalogTableInputs, shapeOf, tableFromInputs } from "./table-shapes";

const texts = z.record(z.string(), z.string());

const databaseInputs = z.object({
  name: z.string().optional(),
  description: z.string().optional(),
  locationUri: z.string().optional(),
  parameters: texts.default({}),
});

const databaseRealiser: Realiser = {
  type: "aws:glue/catalogDatabase:CatalogDatabase",
  replaceOn: ["name", "catalogId"],
  compute(resource, kernel) {
    const given = parseInput(databaseInputs, resource.inputs);
    const name = given.name ?? autoName(resource.urn, resource.name, 255).toLowerCase();
    return {
      id: `${kernel.place.accountId}:${name}`,
      outputs: {
        arn: databaseArn(kernel, name),
        catalogId: kernel.place.accountId,
        name,
        region: kernel.place.region,
        locationUri: given.locationUri ?? "",
        ...tagOutputs(resource.inputs),
      },
    };
  },
  async attach(resource, kernel) {
    const { description, locationUri, parameters } = parseInput(databaseInputs, resource.inputs);
    const name = nameOf(resource);
    await catalogOf(kernel).putDatabase({
      name,
      ...(description !== undefined && { description }),
      ...(locationUri !== undefined && { locationUri }),
      parameters,
      createdAt: catalogOf(kernel).database(name)?.createdAt ?? kernel.now(),
    });
  },
  async destroy(resource, kernel) {
    await catalogOf(kernel).removeDatabase(nameOf(resource));
  },
};

const tableRealiser: Realiser = {
  type: "aws:glue/catalogTable:CatalogTable",
  replaceOn: ["name", "databaseName", "catalogId", "openTableFormatInput"],
  compute(resource, kernel) {
    const given = parseInput(catalogTableInputs, resource.inputs);
    const { columns } = given.storageDescriptor;
    for (const { type } of [...columns, ...given.partitionKeys]) duckdbType(type);
    const name = given.name ?? autoName(resource.urn, resource.name, 255).toLowerCase();
    return {
      id: `${kernel.place.accountId}:${given.databaseName}:${name}`,
      outputs: {
        arn: tableArn(kernel, given.databaseName, name),
        catalogId: kernel.place.accountId,
        name,
        region: kernel.place.region,
        partitionIndices: [],
      },
    };
  },
  async attach(resource, kernel) {
    const given = parseInput(catalogTableInputs, resource.inputs);
    const name = nameOf(resource);
    const existing = catalogOf(kernel).table(given.databaseName, name);
    const times = {
      createdAt: existing?.createdAt ?? kernel.now(),
      updatedAt: existing?.updatedAt ?? kernel.now(),
      version: existing?.version ?? 0,
    };
    await catalogOf(kernel).putTable(tableFromInputs(shapeOf(given), name, times));
  },
  async destroy(resource, kernel) {
    await catalogOf(kernel).removeTable(String(resource.inputs.databaseName).toLowerCase(), nameOf(resource));
  },
};

const jobInputs = z.object({
  name: z.string().optional(),
  roleArn: z.string(),
  command: z.object({
    name: z.string().optional(),
    scriptLocation: z.string(),
    pythonVersion: z.string().optional(),
    runtime: z.string().optional(),
  }),
  defaultArguments: texts.default({}),
  nonOverridableArguments: texts.default({}),
  maxRetries: z.number().int().min(0).default(0),
  timeout: z.number().int().min(1).default(2880),
  executionProperty: z
    .object({ maxConcurrentRuns: z.number().int().min(1).default(1) })
    .default({ maxConcurrentRuns: 1 }),
  jobRunQueuingEnabled: z.boolean().default(false),
});

const jobRealiser: Realiser = {
  type: "aws:glue/job:Job",
  replaceOn: ["name"],
  compute(resource, kernel) {
    const given = parseInput(jobInputs, resource.inputs);
    const { inputs } = resource;
    const name = given.name ?? autoName(resource.urn, resource.name, 255);
    return {
      id: name,
      outputs: {
        arn: arn(kernel.place, "glue", `job/${name}`),
        name,
        region: kernel.place.region,
        timeout: given.timeout,
        executionProperty: given.executionProperty,
        glueVersion: inputs.glueVersion ?? "5.0",
        jobMode: inputs.jobMode ?? "SCRIPT",
        maxCapacity: inputs.maxCapacity ?? inputs.numberOfWorkers ?? 0,
        numberOfWorkers: inputs.numberOfWorkers ?? 0,
        workerType: inputs.workerType ?? "",
        notificationProperty: inputs.notificationProperty ?? {},
        ...tagOutputs(inputs),
      },
    };
  },
  attach(resource, kernel) {
    const definition = jobOf(resource);
    jobRunsOf(kernel).jobs.set(definition.name, definition);
  },
  detach(resource, kernel) {
    jobRunsOf(kernel).jobs.delete(nameOf(resource));
  },
};

function jobOf(resource: Resource): JobDefinition {
  const given = parseInput(jobInputs, resource.inputs);
  return {
    name: nameOf(resource),
    arn: String(resource.outputs.arn),
    roleArn: given.roleArn,
    scriptLocation: given.command.scriptLocation,
    defaultArguments: given.defaultArguments,
    nonOverridableArguments: given.nonOverridableArguments,
    maxRetries: given.maxRetries,
    timeout: given.timeout,
    maxConcurrentRuns: given.executionProperty.maxConcurrentRuns,
    queuing: given.jobRunQueuingEnabled,
  };
}

/** Encryption of what Glue writes: on this machine, the disk's own. */
const securityConfigurationRealiser: Realiser = {
  type: "aws:glue/securityConfiguration:SecurityConfiguration",
  replaceOn: ["name", "encryptionConfiguration"],
  compute(resource, kernel) {
    const name = nameGiven(resource, 255);
    return { id: name, outputs: { name, region: kernel.place.region } };
  },
};

function nameGiven(resource: Registered, maxLength: number): string {
  const { name } = resource.inputs;
  return typeof name === "string" ? name : autoName(resource.urn, resource.name, maxLength);
}

const nameOf = (resource: Resource): string => String(resource.outputs.name);

export const glueRealisers: Realiser[] = [databaseRealiser, tableRealiser, jobRealiser, securityConfigurationRealiser];
