import * as glue from "@pulumi/aws/glue";
import * as pulumi from "@pulumi/pulumi";
import {
  grantBucketDelete,
  grantBucketRead,
  grantBucketWrite,
  grantStatements,
  type Place,
  type SecureBucket,
  ServiceRole,
} from "@tributary/core";
import { dataLakeDefaults } from "../defaults";
import type { ResolvedDataLake } from "../normalize";
import { type Catalog, icebergPrefix } from "./catalog";

/** Groups that Glue names; its optimizers of Iceberg tables log there. */
const logGroups = ["iceberg-compaction", "iceberg-retention", "iceberg-orphan-file-deletion"];

/**
 * Lets Glue keep a lake's Iceberg tables, where it has some: small files are put together, former states and files that no state names are deleted.
 * The role has what AWS asks for (https://docs.aws.amazon.com/glue/latest/dg/optimization-prerequisites.html), of these
 * tables and their files only.
 */
export function makeOptimizers(
  name: string,
  args: {
    readonly resolved: ResolvedDataLake;
    readonly place: Place;
    readonly bucket: SecureBucket;
    readonly catalog: Catalog;
  },
  opts: pulumi.CustomResourceOptions,
): void {
  const { place, bucket } = args;
  const { foundation, plan } = args.resolved;
  const database = args.resolved.databases.curated;
  if (plan.iceberg.size === 0) return;
  const role = new ServiceRole(`${name}-table-optimizer`, { service: "glue.amazonaws.com", foundation }, opts);
  const tables = plan.tables.filter((table) => plan.iceberg.has(`${table.zone}.${table.name}`));
  const prefix = pulumi.interpolate`${place.region}:${place.accountId}`;
  const granted = [
    grantBucketRead(role, bucket.ref, icebergPrefix),
    grantBucketWrite(role, bucket.ref, icebergPrefix),
    grantBucketDelete(role, bucket.ref, icebergPrefix),
    grantStatements(role, "tables-and-logs", [
      {
        sid: "KeepTables",
        actions: ["glue:GetTable", "glue:UpdateTable"],
        resources: [
          pulumi.interpolate`arn:${place.partition}:glue:${prefix}:catalog`,
          pulumi.interpolate`arn:${place.partition}:glue:${prefix}:database/${database}`,
          ...tables.map(
            (table) => pulumi.interpolate`arn:${place.partition}:glue:${prefix}:table/${database}/${table.name}`,
          ),
        ],
      },
      {
        sid: "Log",
        actions: ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
        resources: logGroups.map(
          (group) => pulumi.interpolate`arn:${place.partition}:logs:${prefix}:log-group:/aws-glue/${group}/logs:*`,
        ),
      },
    ]),
  ];
  const works = {
    compaction: {},
    retention: {
      retentionConfiguration: {
        icebergConfiguration: {
          snapshotRetentionPeriodInDays: dataLakeDefaults.snapshotDays,
          numberOfSnapshotsToRetain: 1,
          cleanExpiredFiles: true,
        },
      },
    },
    orphan_file_deletion: {
      orphanFileDeletionConfiguration: {
        icebergConfiguration: { orphanFileRetentionPeriodInDays: dataLakeDefaults.orphanDays },
      },
    },
  };
  for (const table of tables) {
    const made = args.catalog.tables.get(`${table.zone}.${table.name}`);
    if (made === undefined) continue;
    for (const [type, configuration] of Object.entries(works)) {
      new glue.CatalogTableOptimizer(
        `${name}-${table.zone}-${table.name.replaceAll("_", "-")}-${type.replaceAll("_", "-")}`,
        {
          catalogId: place.accountId,
          databaseName: made.databaseName,
          tableName: made.name,
          type,
          configuration: { roleArn: role.arn, enabled: true, ...configuration },
        },
        // Glue tries the role when an optimizer is made.
        { ...opts, dependsOn: granted },
      );
    }
  }
}
