import * as path from "node:path";
import * as s3 from "@pulumi/aws/s3";
import * as pulumi from "@pulumi/pulumi";
import type { SecureBucket } from "@tributary/core";
import { packageRoot } from "@tributary/core";
import { type LakeTable, qualityCheck, tableName } from "@tributary/model";
import type { UnreadableAction } from "../args";
import { servedViews } from "../serving/lake-views";
import { qualityReports } from "../serving/quality-reports";
import { lakeTables, peopleToMatch, type Zone } from "../tables";
import type { LakeStep } from "../tables/lake-plan";
import { rejectedRows } from "../tables/rejected-rows";
import { tablesIn } from "../tables/sql-names";
import { traitTables } from "../tables/traits";

/** Where in the workspace bucket the jobs' files lie. */
export const scriptsPrefix = "scripts/";

/** What the driver's Spark calls the catalog of Iceberg tables. */
export const icebergCatalog = "glue_catalog";

/** Where in the workspace bucket the quality reports of the jobs' runs lie, by job and day. */
export const qualityPrefix = "quality/";

/** Where in the workspace bucket the jobs' bookmarks lie: what each step did last. */
export const bookmarksPrefix = "bookmarks/";

/** Where in the raw bucket files go that cannot be read, under the names that they had. */
export const unreadablePrefix = "unreadable/";

/** CloudWatch's namespace of what the jobs count about quality, and the dimension that tells lakes apart. */
export const qualityMetrics = (name: string) => ({ namespace: "Tributary/DataLake", dimensions: { Lake: name } });

/** A job's files in the workspace bucket. */
export interface JobScripts {
  /** `s3://` URIs. */
  readonly driver: pulumi.Output<string>;
  readonly manifest: pulumi.Output<string>;
  /** The driver's parts, as Glue takes them: separated by commas. */
  readonly library: pulumi.Output<string>;
}

/** The driver's parts. */
const libraries = ["quality.py", "incremental.py", "iceberg.py", "files.py", "lake.py", "unreadable.py"];

const everyLakes = [...lakeTables, peopleToMatch, ...traitTables, ...rejectedRows, qualityReports, ...servedViews];

/** SQL with the deployment's database names instead of the zones'. */
export function bindDatabases(
  sql: string,
  databases: Readonly<Record<Zone, string>>,
  tables: readonly Pick<LakeTable, "zone" | "name">[] = everyLakes,
): string {
  const known = new Set(tables.map(tableName));
  // What is in quotes or in a comment is matched first, and stays.
  return sql.replace(
    /'(?:[^']|'')*'|--.*$|(?<![\w.])(raw|clean|curated)\.(\w+)\b/gm,
    (text, zone: Zone | undefined, table: string) =>
      zone !== undefined && known.has(`${zone}.${table}`) ? `${databases[zone]}.${table}` : text,
  );
}

/** Uploads what a job runs: the driver, its manifest, and one `.sql` per step. */
export function uploadScripts(
  name: string,
  args: {
    readonly job: string;
    readonly steps: readonly LakeStep[];
    /** Every table of the lake: what SQL may name. */
    readonly tables: readonly LakeTable[];
    /** Which of them are Iceberg. */
    readonly iceberg: ReadonlySet<string>;
    readonly databases: Readonly<Record<Zone, string>>;
    readonly bucket: SecureBucket;
    /** Of the raw zone: where files go that are set aside. */
    readonly rawBucket: SecureBucket;
    readonly unreadable: UnreadableAction;
    readonly keyArn: pulumi.Input<string>;
    readonly tags: Record<string, string>;
  },
  opts: pulumi.CustomResourceOptions,
): JobScripts {
  const upload = (
    file: string,
    source: pulumi.Input<pulumi.asset.Asset>,
    contentType: string,
  ): pulumi.Output<string> => {
    const key = `${scriptsPrefix}${args.job}/${file}`;
    const object = new s3.BucketObjectv2(
      `${name}-${args.job}-${file.replace(/[^a-z0-9]+/gi, "-")}`,
      {
        bucket: args.bucket.name,
        key,
        source,
        contentType,
        serverSideEncryption: "aws:kms",
        kmsKeyId: args.keyArn,
        tags: args.tags,
      },
      opts,
    );
    return pulumi.interpolate`s3://${object.bucket}/${object.key}`;
  };
  const python = (file: string): pulumi.Output<string> =>
    upload(file, new pulumi.asset.FileAsset(path.join(packageRoot(__dirname), "glue", file)), "text/x-python");
  const bound = (sql: string): string => bindDatabases(sql, args.databases, args.tables);
  const known = new Map(args.tables.map((table) => [tableName(table), table]));
  const steps = args.steps.map(({ table, sql }) => ({
    name: tableName(table),
    sql: upload(`${tableName(table)}.sql`, new pulumi.asset.StringAsset(bound(sql)), "application/sql"),
    target: { database: args.databases[table.zone], table: table.name },
    mode: "overwrite",
    follow: table.incremental ?? "whole",
    key: table.primaryKey,
    ...(table.firstBy && { firstBy: table.firstBy }),
    ...(table.groupBy && { groupBy: table.groupBy }),
    order: table.order ?? [],
    presorted: table.presorted ?? false,
    // Spark reads by place; where it is, and what, the catalog says.
    sources: tablesIn(sql).flatMap((read) => {
      const source = known.get(read);
      return source === undefined
        ? []
        : [{ database: args.databases[source.zone], table: source.name, format: source.format ?? "parquet" }];
    }),
    ...qualityOf(table, args.databases, bound),
  }));
  const quality = {
    report: pulumi.interpolate`s3://${args.bucket.name}/${qualityPrefix}${args.job}/`,
    metrics: qualityMetrics(name),
  };
  const bookmark = pulumi.interpolate`s3://${args.bucket.name}/${bookmarksPrefix}${args.job}.json`;
  const unreadable = {
    action: args.unreadable === "setAside" ? "set-aside" : "stop",
    prefix: pulumi.interpolate`s3://${args.rawBucket.name}/${unreadablePrefix}`,
    // Other zones are made from this one, so they are made again instead.
    databases: [args.databases.raw],
  };
  const iceberg = {
    catalog: icebergCatalog,
    tables: Object.fromEntries(
      args.tables
        .filter((table) => args.iceberg.has(tableName(table)))
        .map((table) => [
          `${args.databases[table.zone]}.${table.name}`,
          {
            columns: [
              ...table.columns.map(({ name, type }) => [name, type]),
              ...table.partitionBy.map((key) => [key, "string"]),
            ],
            partitionBy: table.partitionBy,
          },
        ]),
    ),
  };
  const manifest = pulumi
    .jsonStringify(
      { version: 1, bookmark, unreadable, quality, ...(args.iceberg.size === 0 ? {} : { iceberg }), steps },
      undefined,
      2,
    )
    .apply((text) => new pulumi.asset.StringAsset(text));
  return {
    driver: python("driver.py"),
    library: pulumi.all(libraries.map(python)).apply((uris) => uris.join(",")),
    manifest: upload("manifest.json", manifest, "application/json"),
  };
}

/** A step's rules, as the runner takes them. */
function qualityOf(
  table: LakeTable,
  databases: Readonly<Record<Zone, string>>,
  bound: (sql: string) => string,
): { readonly quality?: object } {
  const check = qualityCheck(table);
  if (check === undefined) return {};
  const { rules, measure, rejects, passing } = check;
  return {
    quality: {
      rules,
      measure: bound(measure),
      ...(rejects === undefined ? {} : { rejects: bound(rejects) }),
      ...(passing === undefined ? {} : { passing: bound(passing) }),
      rejected: { database: databases[table.zone], table: "rejected_rows" },
    },
  };
}
