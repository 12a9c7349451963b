import { z } from "zod";
import { AwsError, arn, type Kernel, parseInput, type Realiser } from "../../kernel";
import { assertTrusted } from "../iam";
import { perKernel, tagOutputs } from "../support";

const dataSourceInputs = z.object({
  dataSourceId: z.string().min(1),
  type: z.string(),
  parameters: z.object({
    athena: z.object({ workGroup: z.string().default("primary"), roleArn: z.string().optional() }).optional(),
  }),
});
const customSql = z.object({
  dataSourceArn: z.string(),
  name: z.string(),
  sqlQuery: z.string().min(1),
  columns: z.array(z.object({ name: z.string(), type: z.string() })).default([]),
});
const dataSetInputs = z.object({
  dataSetId: z.string().min(1),
  importMode: z.enum(["SPICE", "DIRECT_QUERY"]),
  physicalTableMaps: z.array(z.object({ physicalTableMapId: z.string(), customSql: customSql.optional() })).default([]),
});

export interface DataSource {
  readonly arn: string;
  readonly workgroup: string;
  readonly roleArn: string | undefined;
}
export interface DataSet {
  readonly id: string;
  readonly arn: string;
  readonly importMode: "SPICE" | "DIRECT_QUERY";
  readonly tables: readonly z.output<typeof customSql>[];
}

/** Data sources by ARN and data sets by id. */
export const registryOf = perKernel((_kernel: Kernel) => ({
  dataSources: new Map<string, DataSource>(),
  dataSets: new Map<string, DataSet>(),
}));

const dataSourceRealiser: Realiser = {
  type: "aws:quicksight/dataSource:DataSource",
  replaceOn: ["dataSourceId", "awsAccountId"],
  compute(resource, kernel) {
    const { dataSourceId, parameters } = parseInput(dataSourceInputs, resource.inputs);
    if (parameters.athena?.roleArn !== undefined)
      assertTrusted(kernel, parameters.athena.roleArn, "quicksight.amazonaws.com");
    const outputs = {
      arn: arn(kernel.place, "quicksight", `datasource/${dataSourceId}`),
      ...tagOutputs(resource.inputs),
    };
    return { id: `${kernel.place.accountId}/${dataSourceId}`, outputs };
  },
  attach(resource, kernel) {
    const { type, parameters } = parseInput(dataSourceInputs, resource.inputs);
    // Of another kind: recorded; a data set over it cannot be ingested here.
    if (type !== "ATHENA" || parameters.athena === undefined) return;
    const { workGroup: workgroup, roleArn } = parameters.athena;
    const source = String(resource.outputs.arn);
    registryOf(kernel).dataSources.set(source, { arn: source, workgroup, roleArn });
  },
  detach(resource, kernel) {
    registryOf(kernel).dataSources.delete(String(resource.outputs.arn));
  },
};

const dataSetRealiser: Realiser = {
  type: "aws:quicksight/dataSet:DataSet",
  replaceOn: ["dataSetId", "awsAccountId"],
  compute(resource, kernel) {
    const { dataSetId, physicalTableMaps } = parseInput(dataSetInputs, resource.inputs);
    for (const { customSql: sql } of physicalTableMaps) {
      if (sql !== undefined && !kernel.restoring && !sql.dataSourceArn.includes(":datasource/"))
        throw new AwsError("InvalidParameterValueException", `${sql.dataSourceArn} is not the ARN of a data source`);
    }
    return {
      id: `${kernel.place.accountId},${dataSetId}`,
      outputs: { arn: arn(kernel.place, "quicksight", `dataset/${dataSetId}`), ...tagOutputs(resource.inputs) },
    };
  },
  attach(resource, kernel) {
    const { dataSetId, importMode, physicalTableMaps } = parseInput(dataSetInputs, resource.inputs);
    const tables = physicalTableMaps.flatMap(({ customSql: sql }) => (sql === undefined ? [] : [sql]));
    registryOf(kernel).dataSets.set(dataSetId, {
      id: dataSetId,
      arn: String(resource.outputs.arn),
      importMode,
      tables,
    });
  },
  detach(resource, kernel) {
    registryOf(kernel).dataSets.delete(String(resource.inputs.dataSetId));
  },
};

export const quicksightRealisers: Realiser[] = [dataSourceRealiser, dataSetRealiser];
