import { createHash } from "node:crypto";
import { z } from "zod";
import { arn, autoName, parseInput, type Realiser, type Resource } from "../../kernel";
import { tagOutputs } from "../support";
import { workgroupsOf } from "./workgroups";

const workgroupInputs = z.object({
  name: z.string().optional(),
  description: z.string().optional(),
  state: z.enum(["ENABLED", "DISABLED"]).default("ENABLED"),
  configuration: z
    .object({
      bytesScannedCutoffPerQuery: z.number().int().min(10_485_760).optional(),
      enforceWorkgroupConfiguration: z.boolean().default(true),
      resultConfiguration: z.object({ outputLocation: z.string().optional() }).optional(),
    })
    .default({ enforceWorkgroupConfiguration: true }),
});

const workgroupRealiser: Realiser = {
  type: "aws:athena/workgroup:Workgroup",
  replaceOn: ["name"],
  compute(resource, kernel) {
    const given = parseInput(workgroupInputs, resource.inputs);
    const name = given.name ?? autoName(resource.urn, resource.name, 128);
    return {
      id: name,
      outputs: {
        arn: arn(kernel.place, "athena", `workgroup/${name}`),
        name,
        region: kernel.place.region,
        ...tagOutputs(resource.inputs),
      },
    };
  },
  attach(resource, kernel) {
    const { state, description, configuration } = parseInput(workgroupInputs, resource.inputs);
    workgroupsOf(kernel).workgroups.set(resource.id, {
      name: resource.id,
      arn: String(resource.outputs.arn),
      enabled: state === "ENABLED",
      enforced: configuration.enforceWorkgroupConfiguration,
      outputLocation: configuration.resultConfiguration?.outputLocation,
      scanCutoff: configuration.bytesScannedCutoffPerQuery,
      description,
    });
  },
  detach(resource, kernel) {
    workgroupsOf(kernel).workgroups.delete(resource.id);
  },
};

const namedQueryInputs = z.object({
  name: z.string().optional(),
  database: z.string(),
  query: z.string(),
  workgroup: z.string().default("primary"),
  description: z.string().optional(),
});

/** Athena draws the id of a named query; here it follows from the URN. */
const namedQueryId = ({ urn }: { urn: string }): string => {
  const hex = createHash("sha256").update(urn).digest("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join("-");
};

const namedQueryRealiser: Realiser = {
  type: "aws:athena/namedQuery:NamedQuery",
  replaceOn: ["name", "database", "query", "workgroup", "description"],
  compute(resource, kernel) {
    const given = parseInput(namedQueryInputs, resource.inputs);
    const name = given.name ?? autoName(resource.urn, resource.name, 128);
    return { id: namedQueryId(resource), outputs: { name, region: kernel.place.region } };
  },
  attach(resource: Resource, kernel) {
    const { database, query, workgroup, description } = parseInput(namedQueryInputs, resource.inputs);
    const name = String(resource.outputs.name);
    const id = resource.id;
    workgroupsOf(kernel).namedQueries.set(id, { id, name, database, query, workgroup, description });
  },
  detach(resource, kernel) {
    workgroupsOf(kernel).namedQueries.delete(resource.id);
  },
};

export const athenaRealisers: Realiser[] = [workgroupRealiser, namedQueryRealiser];
