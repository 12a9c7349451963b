import type { PartitionInput, TableInput } from "@aws-sdk/client-glue";
import { z } from "zod";
import { AwsError, type Kernel } from "../../kernel";
import { listFiles, parseLocation, partitionOf } from "../duckdb";
import { type Operation, operation } from "../support";
import { type CatalogPartition, type CatalogTable, catalogOf, catalogPermissions } from "./catalog";
import { databaseToSdk, partitionToSdk, tableFromSdk, tableToSdk } from "./table-shapes";

const page = { MaxResults: z.number().int().min(1).max(1000).optional(), NextToken: z.string().optional() };
const inDatabase = z.object({ CatalogId: z.string().optional(), DatabaseName: z.string() });
const named = z.object({ CatalogId: z.string().optional(), Name: z.string() });
const tableInput = z.custom<TableInput>((value) => typeof value === "object" && value !== null, "expected an object");
const partitionInput = z.custom<PartitionInput>((value) => typeof value === "object" && value !== null);

/** Cuts a page out of a list; the token is the offset. */
function paged<T>(items: readonly T[], input: { MaxResults?: number; NextToken?: string }): [T[], string | undefined] {
  const from = Number(input.NextToken ?? 0);
  const to = from + (input.MaxResults ?? 100);
  return [items.slice(from, to), to < items.length ? String(to) : undefined];
}

/** Partitions of a table: registered ones, and each Hive folder that holds data. */
function partitionsOf(kernel: Kernel, table: CatalogTable): CatalogPartition[] {
  const keys = table.partitionKeys.map(({ name }) => name);
  const found = new Map<string, CatalogPartition>();
  for (const partition of catalogOf(kernel).registeredPartitions(table)) {
    found.set(JSON.stringify(partition.values), partition);
  }
  if (keys.length === 0 || table.location === "") return [...found.values()];
  const root = table.location.endsWith("/") ? table.location : `${table.location}/`;
  for (const file of listFiles(kernel, parseLocation(table.location))) {
    const values = partitionOf(file, keys);
    const key = JSON.stringify(values);
    if (!values || found.has(key)) continue;
    const folders = file.name.split("/").slice(0, keys.length).join("/");
    found.set(key, { values, location: `${root}${folders}/`, createdAt: table.createdAt });
  }
  return [...found.values()];
}

/** The catalog part of the Glue API. */
export function catalogOperations(kernel: Kernel): Record<string, Operation> {
  const catalog = catalogOf(kernel);
  const needs = (action: string, database?: string, table?: string) =>
    catalogPermissions(kernel, action, database, table);
  const requireDatabase = (name: string) => {
    const database = catalog.database(name);
    if (!database) throw new AwsError("EntityNotFoundException", `Database ${name} not found.`);
    return database;
  };
  return {
    GetDatabase: operation(
      named,
      ({ Name }) => needs("GetDatabase", Name),
      ({ Name }) => ({ Database: databaseToSdk(kernel, requireDatabase(Name)) }),
    ),
    GetDatabases: operation(
      z.object({ CatalogId: z.string().optional(), ...page }),
      () => needs("GetDatabases"),
      (input) => {
        const [items, NextToken] = paged(catalog.listDatabases(), input);
        return { DatabaseList: items.map((item) => databaseToSdk(kernel, item)), ...(NextToken && { NextToken }) };
      },
    ),
    GetTable: operation(
      inDatabase.extend({ Name: z.string() }),
      ({ DatabaseName, Name }) => needs("GetTable", DatabaseName, Name),
      ({ DatabaseName, Name }) => ({ Table: tableToSdk(kernel, catalog.requireTable(DatabaseName, Name)) }),
    ),
    GetTables: operation(
      inDatabase.extend({ Expression: z.string().optional(), ...page }),
      ({ DatabaseName }) => needs("GetTables", DatabaseName),
      (input) => {
        requireDatabase(input.DatabaseName);
        const wanted = input.Expression === undefined ? undefined : new RegExp(`^(?:${input.Expression})$`);
        const tables = catalog.listTables(input.DatabaseName).filter(({ name }) => !wanted || wanted.test(name));
        const [items, NextToken] = paged(tables, input);
        return { TableList: items.map((item) => tableToSdk(kernel, item)), ...(NextToken && { NextToken }) };
      },
    ),
    CreateTable: operation(
      inDatabase.extend({ TableInput: tableInput }),
      ({ DatabaseName, TableInput }) => needs("CreateTable", DatabaseName, TableInput.Name ?? ""),
      async ({ DatabaseName, TableInput }) => {
        requireDatabase(DatabaseName);
        const now = kernel.now();
        const table = tableFromSdk(DatabaseName, TableInput, { createdAt: now, updatedAt: now, version: 0 });
        if (catalog.table(table.database, table.name)) {
          throw new AwsError("AlreadyExistsException", `Table ${table.database}.${table.name} already exists.`);
        }
        await catalog.putTable(table);
        return {};
      },
    ),
    UpdateTable: operation(
      inDatabase.extend({ TableInput: tableInput, SkipArchive: z.boolean().optional() }),
      ({ DatabaseName, TableInput }) => needs("UpdateTable", DatabaseName, TableInput.Name ?? ""),
      async ({ DatabaseName, TableInput }) => {
        const { createdAt, version } = catalog.requireTable(DatabaseName, TableInput.Name ?? "");
        const times = { createdAt, updatedAt: kernel.now(), version: version + 1 };
        await catalog.putTable(tableFromSdk(DatabaseName, TableInput, times));
        return {};
      },
    ),
    DeleteTable: operation(
      inDatabase.extend({ Name: z.string() }),
      ({ DatabaseName, Name }) => needs("DeleteTable", DatabaseName, Name),
      async ({ DatabaseName, Name }) => {
        const { database, name } = catalog.requireTable(DatabaseName, Name);
        await catalog.removeTable(database, name);
        return {};
      },
    ),
    GetPartitions: operation(
      inDatabase.extend({ TableName: z.string(), ExcludeColumnSchema: z.boolean().optional(), ...page }),
      ({ DatabaseName, TableName }) => needs("GetPartitions", DatabaseName, TableName),
      (input) => {
        const table = catalog.requireTable(input.DatabaseName, input.TableName);
        const [items, NextToken] = paged(partitionsOf(kernel, table), input);
        return { Partitions: items.map((item) => partitionToSdk(table, item)), ...(NextToken && { NextToken }) };
      },
    ),
    BatchCreatePartition: operation(
      inDatabase.extend({ TableName: z.string(), PartitionInputList: z.array(partitionInput).max(100) }),
      ({ DatabaseName, TableName }) => needs("BatchCreatePartition", DatabaseName, TableName),
      async ({ DatabaseName, TableName, PartitionInputList }) => {
        const table = catalog.requireTable(DatabaseName, TableName);
        const known = new Set(catalog.registeredPartitions(table).map(({ values }) => JSON.stringify(values)));
        const errors: { PartitionValues: string[]; ErrorDetail: { ErrorCode: string; ErrorMessage: string } }[] = [];
        for (const { Values = [], StorageDescriptor } of PartitionInputList) {
          if (known.has(JSON.stringify(Values))) {
            const ErrorDetail = { ErrorCode: "AlreadyExistsException", ErrorMessage: "Partition already exists." };
            errors.push({ PartitionValues: Values, ErrorDetail });
            continue;
          }
          const location = StorageDescriptor?.Location ?? table.location;
          await catalog.putPartition(table, { values: Values, location, createdAt: kernel.now() });
        }
        return { Errors: errors };
      },
    ),
  };
}
