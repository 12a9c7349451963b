import type { Column, Database, Partition, Table, TableInput } from "@aws-sdk/client-glue";
import { z } from "zod";
import { AwsError, type Kernel } from "../../kernel";
import type { CatalogColumn, CatalogDatabase, CatalogPartition, CatalogTable } from "./catalog";

const texts = z.record(z.string(), z.string());
const column = z.object({ name: z.string(), type: z.string().default("string"), comment: z.string().optional() });

/** What programs declare as `aws:glue/catalogTable:CatalogTable`; members that have no effect here pass unread. */
export const catalogTableInputs = z.object({
  databaseName: z.string(),
  name: z.string().optional(),
  description: z.string().optional(),
  tableType: z.string().optional(),
  viewOriginalText: z.string().optional(),
  parameters: texts.default({}),
  openTableFormatInput: z.object({ icebergInput: z.object({ version: z.string().default("2") }) }).optional(),
  partitionKeys: z.array(column).default([]),
  storageDescriptor: z
    .object({
      columns: z.array(column).default([]),
      location: z.string().default(""),
      inputFormat: z.string().default(""),
      outputFormat: z.string().default(""),
      serDeInfo: z
        .object({ serializationLibrary: z.string().default(""), parameters: texts.default({}) })
        .default({ serializationLibrary: "", parameters: {} }),
    })
    .default({
      columns: [],
      location: "",
      inputFormat: "",
      outputFormat: "",
      serDeInfo: { serializationLibrary: "", parameters: {} },
    }),
});

/** The parameter by which a program says what an Iceberg table is partitioned by: Glue's catalog has no other place for it. */
const partitionBy = "tributary.partition-by";

/**
 * An Iceberg table is here the Parquet folder that it would be without: one folder for each value of its partition columns.
 * The catalog records what it was declared as.
 */
export function shapeOf(given: z.output<typeof catalogTableInputs>): z.output<typeof catalogTableInputs> {
  if (given.openTableFormatInput === undefined) return given;
  const keys = (given.parameters[partitionBy] ?? "").split(",").filter((key) => key !== "");
  const { columns } = given.storageDescriptor;
  return {
    ...given,
    parameters: { ...given.parameters, classification: "parquet", "declared-format": "iceberg" },
    partitionKeys: columns.filter(({ name }) => keys.includes(name)),
    storageDescriptor: { ...given.storageDescriptor, columns: columns.filter(({ name }) => !keys.includes(name)) },
  };
}

type Times = Pick<CatalogTable, "createdAt" | "updatedAt" | "version">;

export function tableFromInputs(given: z.output<typeof catalogTableInputs>, name: string, times: Times): CatalogTable {
  const { storageDescriptor: storage } = given;
  return {
    database: given.databaseName.toLowerCase(),
    name: name.toLowerCase(),
    ...(given.description !== undefined && { description: given.description }),
    tableType: given.tableType ?? "EXTERNAL_TABLE",
    parameters: given.parameters,
    columns: storage.columns,
    partitionKeys: given.partitionKeys,
    location: storage.location,
    inputFormat: storage.inputFormat,
    outputFormat: storage.outputFormat,
    serde: { library: storage.serDeInfo.serializationLibrary, parameters: storage.serDeInfo.parameters },
    ...(given.viewOriginalText !== undefined && { viewOriginalText: given.viewOriginalText }),
    ...times,
  };
}

const fromColumns = (columns: readonly Column[] | undefined): CatalogColumn[] =>
  (columns ?? []).map(({ Name = "", Type = "string", Comment }) => ({
    name: Name,
    type: Type,
    ...(Comment !== undefined && { comment: Comment }),
  }));

export function tableFromSdk(database: string, input: TableInput, times: Times): CatalogTable {
  if (!input.Name) throw new AwsError("InvalidInputException", "TableInput.Name must be given");
  const storage = input.StorageDescriptor ?? {};
  return {
    database: database.toLowerCase(),
    name: input.Name.toLowerCase(),
    ...(input.Description !== undefined && { description: input.Description }),
    tableType: input.TableType ?? "EXTERNAL_TABLE",
    parameters: input.Parameters ?? {},
    columns: fromColumns(storage.Columns),
    partitionKeys: fromColumns(input.PartitionKeys),
    location: storage.Location ?? "",
    inputFormat: storage.InputFormat ?? "",
    outputFormat: storage.OutputFormat ?? "",
    serde: {
      library: storage.SerdeInfo?.SerializationLibrary ?? "",
      parameters: storage.SerdeInfo?.Parameters ?? {},
    },
    ...(input.ViewOriginalText !== undefined && { viewOriginalText: input.ViewOriginalText }),
    ...times,
  };
}

const toColumns = (columns: readonly CatalogColumn[]): Column[] =>
  columns.map(({ name, type, comment }) => ({ Name: name, Type: type, ...(comment && { Comment: comment }) }));

const descriptorOf = (table: CatalogTable, location: string) => ({
  Columns: toColumns(table.columns),
  Location: location,
  InputFormat: table.inputFormat,
  OutputFormat: table.outputFormat,
  SerdeInfo: { SerializationLibrary: table.serde.library, Parameters: { ...table.serde.parameters } },
});

export function tableToSdk(kernel: Kernel, table: CatalogTable): Table {
  return {
    Name: table.name,
    DatabaseName: table.database,
    ...(table.description !== undefined && { Description: table.description }),
    CatalogId: kernel.place.accountId,
    TableType: table.tableType,
    Parameters: { ...table.parameters },
    ...(table.viewOriginalText !== undefined && {
      ViewOriginalText: table.viewOriginalText,
      ViewExpandedText: "/* Presto View */",
    }),
    PartitionKeys: toColumns(table.partitionKeys),
    StorageDescriptor: descriptorOf(table, table.location),
    CreateTime: new Date(table.createdAt),
    UpdateTime: new Date(table.updatedAt),
    VersionId: String(table.version),
  };
}

export function databaseToSdk(kernel: Kernel, database: CatalogDatabase): Database {
  return {
    Name: database.name,
    ...(database.description !== undefined && { Description: database.description }),
    ...(database.locationUri !== undefined && { LocationUri: database.locationUri }),
    Parameters: { ...database.parameters },
    CreateTime: new Date(database.createdAt),
    CatalogId: kernel.place.accountId,
  };
}

export function partitionToSdk(table: CatalogTable, partition: CatalogPartition): Partition {
  return {
    DatabaseName: table.database,
    TableName: table.name,
    Values: [...partition.values],
    CreationTime: new Date(partition.createdAt),
    StorageDescriptor: descriptorOf(table, partition.location),
  };
}
