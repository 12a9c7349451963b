import * as glue from "@pulumi/aws/glue";
import * as pulumi from "@pulumi/pulumi";
import type { RawZoneRef } from "../args";
import { type FileFormat, filesPrefix, fixedFolder } from "../loader-env";
import type { ResolvedSource } from "../normalize";
import { filesOfSource, type SourceFiles } from "../sources";

/** First day that Athena looks for. */
const firstDay = "2020-01-01";

const text = {
  inputFormat: "org.apache.hadoop.mapred.TextInputFormat",
  outputFormat: "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
};

/** How Glue reads each format. */
const formats: Readonly<Record<FileFormat, object>> = {
  csv: {
    ...text,
    serDeInfo: {
      serializationLibrary: "org.apache.hadoop.hive.serde2.OpenCSVSerde",
      parameters: { separatorChar: ",", quoteChar: '"', escapeChar: "\\" },
    },
  },
  json: {
    ...text,
    serDeInfo: {
      serializationLibrary: "org.openx.data.jsonserde.JsonSerDe",
      parameters: { "ignore.malformed.json": "true" },
    },
  },
  parquet: {
    inputFormat: "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
    outputFormat: "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
    serDeInfo: {
      serializationLibrary: "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe",
      parameters: { "serialization.format": "1" },
    },
  },
};

/** Name of the table over a source's files, as SQL writes it: `files_shop`, `files_crm_public_orders`. */
export function fileTableName(sourceId: string, table: string): string {
  return ["files", sourceId, table]
    .filter((part) => part !== "")
    .join("_")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "_");
}

/** A table over each kind of file that sources' files are kept as: partitioned by the day on which they landed. */
export function makeFileTables(
  name: string,
  { rawZone, sources }: { readonly rawZone: RawZoneRef; readonly sources: readonly ResolvedSource[] },
  opts: pulumi.CustomResourceOptions,
): void {
  for (const { id, args } of sources) {
    for (const files of filesOfSource(args)) {
      if (Object.keys(files.types).length > 0) makeTable(name, rawZone, id, files, opts);
    }
  }
}

function makeTable(
  name: string,
  rawZone: RawZoneRef,
  id: string,
  { route, types, table }: SourceFiles,
  opts: pulumi.CustomResourceOptions,
): void {
  const tableName = fileTableName(id, table);
  const location = pulumi.interpolate`s3://${rawZone.bucket.name}/${filesPrefix}source=${id}/`;
  // As the loader keeps them: without the leading folders that are another each time.
  const folder = fixedFolder(route.folder);
  const below = folder === "" ? "" : `${folder}/`;
  new glue.CatalogTable(
    `${name}-${tableName.replaceAll("_", "-")}`,
    {
      databaseName: rawZone.database,
      name: tableName,
      description: `Files of source ${id} as they landed${below === "" ? "" : `: ${below}`}`,
      tableType: "EXTERNAL_TABLE",
      parameters: {
        EXTERNAL: "TRUE",
        classification: route.format,
        ...(route.format === "csv" ? { "skip.header.line.count": "1" } : {}),
        // Athena works the days out instead of listing them, so that new files are seen at once.
        "projection.enabled": "true",
        "projection.dt.type": "date",
        "projection.dt.format": "yyyy-MM-dd",
        "projection.dt.range": `${firstDay},NOW`,
        "storage.location.template": pulumi.interpolate`${location}dt=$\{dt}/${below}`,
      },
      partitionKeys: [{ name: "dt", type: "string", comment: "Day on which the file landed, UTC [internal]" }],
      storageDescriptor: {
        ...formats[route.format],
        location,
        columns: Object.entries(types).map(([column, type]) => ({
          name: column,
          type,
          comment: "As in the file [sensitive]",
        })),
      },
    },
    opts,
  );
}
