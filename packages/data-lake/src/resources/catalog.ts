import * as glue from "@pulumi/aws/glue";
import * as pulumi from "@pulumi/pulumi";
import type { OnDelete } from "@tributary/core";
import { dqdl, type LakeTable, tableName } from "@tributary/model";
import { dataLakeDefaults } from "../defaults";
import type { Zone } from "../tables";
import type { LakePlan } from "../tables/lake-plan";
import { evolutionHook } from "./evolution";

/** Glue's names for each format. */
const formats = {
  parquet: {
    inputFormat: "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
    outputFormat: "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
    serDeInfo: {
      serializationLibrary: "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe",
      parameters: { "serialization.format": "1" },
    },
  },
  json: {
    inputFormat: "org.apache.hadoop.mapred.TextInputFormat",
    outputFormat: "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
    serDeInfo: {
      serializationLibrary: "org.openx.data.jsonserde.JsonSerDe",
      parameters: { "serialization.format": "1" },
    },
  },
};

export interface Catalog {
  readonly databases: Readonly<Record<Zone, glue.CatalogDatabase>>;
  /** By `<zone>.<table>`. */
  readonly tables: ReadonlyMap<string, glue.CatalogTable>;
}

/** One Glue database per zone, and a table for each declaration. */
export function makeCatalog(
  name: string,
  args: {
    readonly plan: LakePlan;
    readonly databaseNames: Readonly<Record<Zone, string>>;
    readonly buckets: Readonly<Record<Zone, { readonly name: pulumi.Output<string> }>>;
    /** Tables that may change so that readers break. */
    readonly breakingChanges: readonly string[];
    readonly onDelete: OnDelete;
    readonly tags: Record<string, string>;
  },
  opts: pulumi.CustomResourceOptions,
): Catalog {
  const database = (zone: Zone): glue.CatalogDatabase =>
    new glue.CatalogDatabase(
      `${name}-${zone}`,
      {
        // Named: SQL and other teams say `curated.orders`.
        name: args.databaseNames[zone],
        description: `Customer data platform: ${zone} zone`,
        locationUri: pulumi.interpolate`s3://${args.buckets[zone].name}/`,
        tags: args.tags,
      },
      opts,
    );
  const databases = { raw: database("raw"), clean: database("clean"), curated: database("curated") };
  const hooks = evolutionHook(name, args.plan, args.breakingChanges);
  const tables = args.plan.tables.map((table) => {
    const iceberg = args.plan.iceberg.has(tableName(table));
    const location = pulumi.interpolate`s3://${args.buckets[table.zone].name}/${tablePrefix(table, args.plan.iceberg)}`;
    const logicalName = `${name}-${table.zone}-${table.name.replaceAll("_", "-")}`;
    const made = new glue.CatalogTable(
      logicalName,
      (iceberg ? icebergTableArgs : tableArgs)(table, databases[table.zone].name, location),
      // A table that somebody declared does not go because a line of a program did.
      {
        ...opts,
        hooks,
        protect: args.plan.own.has(tableName(table)) && args.onDelete === "retain",
        // Its name is taken while it is there.
        ...(table.zone === "curated" ? { deleteBeforeReplace: true } : {}),
      },
    );
    const ruleset = dqdl(table);
    if (ruleset !== undefined) {
      new glue.DataQualityRuleset(
        logicalName,
        {
          name: `${args.databaseNames[table.zone]}-${table.name}`,
          description: `What rows of ${args.databaseNames[table.zone]}.${table.name} must be`,
          ruleset,
          targetTable: { databaseName: made.databaseName, tableName: made.name },
          tags: args.tags,
        },
        opts,
      );
    }
    return [tableName(table), made] as const;
  });
  return { databases, tables: new Map(tables) };
}

/** Where a table's files lie in its zone's bucket. An Iceberg table's are apart: who reads Parquet by its folder must not meet them. */
export const tablePrefix = (table: Pick<LakeTable, "zone" | "name">, iceberg: ReadonlySet<string>): string =>
  `${iceberg.has(tableName(table)) ? icebergPrefix : ""}${table.name}/`;

/** Where in the curated bucket Iceberg tables lie. */
export const icebergPrefix = "iceberg/";

/** A declaration's columns, as Glue takes them. */
const columnArgs = (table: LakeTable) =>
  table.columns.map((column) => ({
    name: column.name,
    type: column.type,
    comment: `${column.description} [${column.dataClass}]`,
  }));

const partitionColumns = (table: LakeTable) =>
  table.partitionBy.map((name) => ({ name, type: "string", comment: "Day of arrival, UTC [internal]" }));

/** What a declaration says whatever its format is. */
const entryOf = (table: LakeTable, databaseName: pulumi.Input<string>) => ({
  databaseName,
  name: table.name,
  description: table.description,
  tableType: "EXTERNAL_TABLE",
});

const primaryKey = (table: LakeTable): Record<string, string> =>
  table.primaryKey.length === 0 ? {} : { "tributary.primary-key": table.primaryKey.join(",") };

/**
 * A declaration as an Iceberg table. Glue makes the first metadata file from the columns and takes no partition keys
 * (https://docs.aws.amazon.com/glue/latest/webapi/API_IcebergInput.html), and who updates the table by its columns
 * keeps its metadata: so the driver gives it its partitions, before its first rows, and later columns. The parameter
 * says which they are.
 */
export function icebergTableArgs(
  table: LakeTable,
  databaseName: pulumi.Input<string>,
  location: pulumi.Input<string>,
): glue.CatalogTableArgs {
  return {
    ...entryOf(table, databaseName),
    openTableFormatInput: { icebergInput: { metadataOperation: "CREATE", version: "2" } },
    parameters: {
      ...primaryKey(table),
      ...(table.partitionBy.length === 0 ? {} : { "tributary.partition-by": table.partitionBy.join(",") }),
    },
    storageDescriptor: { location, columns: [...columnArgs(table), ...partitionColumns(table)] },
  };
}

/** A declaration as Glue's arguments. */
export function tableArgs(
  table: LakeTable,
  databaseName: pulumi.Input<string>,
  location: pulumi.Input<string>,
): glue.CatalogTableArgs {
  return {
    ...entryOf(table, databaseName),
    parameters: {
      EXTERNAL: "TRUE",
      classification: table.format ?? "parquet",
      ...primaryKey(table),
      ...projection(table, location),
    },
    partitionKeys: partitionColumns(table),
    storageDescriptor: {
      ...formats[table.format ?? "parquet"],
      location,
      columns: columnArgs(table),
    },
  };
}

/** Athena works the days out instead of listing them, so that new files are seen at once. */
function projection(table: LakeTable, location: pulumi.Input<string>): Record<string, pulumi.Input<string>> {
  if (table.partitionBy.length === 0) return {};
  if (table.partitionBy.length > 1 || table.partitionBy[0] !== "dt") {
    throw new Error(`Table ${table.zone}.${table.name}: only the partition key dt is projected.`);
  }
  return {
    "projection.enabled": "true",
    "projection.dt.type": "date",
    "projection.dt.format": "yyyy-MM-dd",
    "projection.dt.range": `${dataLakeDefaults.firstDay},NOW`,
    "storage.location.template": pulumi.interpolate`${location}dt=$\{dt}/`,
  };
}

/** ARNs that a reader or writer of these zones' tables needs in its policy. */
export function catalogArns(
  place: {
    readonly partition: pulumi.Output<string>;
    readonly region: pulumi.Output<string>;
    readonly accountId: pulumi.Output<string>;
  },
  databases: readonly string[],
): pulumi.Output<string>[] {
  const prefix = pulumi.interpolate`arn:${place.partition}:glue:${place.region}:${place.accountId}`;
  return [
    pulumi.interpolate`${prefix}:catalog`,
    ...databases.flatMap((database) => [
      pulumi.interpolate`${prefix}:database/${database}`,
      pulumi.interpolate`${prefix}:table/${database}/*`,
    ]),
  ];
}
