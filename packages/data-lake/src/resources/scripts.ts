import * as path from "node:path";
import * as s3 from "@pulumi/aws/s3";
import * as pulumi from "@pulumi/pulumi";
import type { SecureBucket } from "@tributary/core";
import { packageRoot } from "@tributary/core";
import { type LakeTable, tableName } from "@tributary/model";
import { lakeTables, peopleToMatch, type Zone } from "../tables";
import type { LakeStep } from "../tables/lake-plan";

/** Where in the workspace bucket the jobs' files lie. */
export const scriptsPrefix = "scripts/";

/** A job's files in the workspace bucket. */
export interface JobScripts {
  /** `s3://` URIs. */
  readonly driver: pulumi.Output<string>;
  readonly manifest: pulumi.Output<string>;
}

const everyLakes = [...lakeTables, peopleToMatch];

/** SQL with the deployment's database names instead of the zones'. */
export function bindDatabases(
  sql: string,
  databases: Readonly<Record<Zone, string>>,
  tables: readonly Pick<LakeTable, "zone" | "name">[] = everyLakes,
): string {
  return tables.reduce(
    (text, { zone, name }) =>
      text.replace(new RegExp(`(?<![\\w.])${zone}\\.${name}\\b`, "g"), `${databases[zone]}.${name}`),
    sql,
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
    readonly databases: Readonly<Record<Zone, string>>;
    readonly bucket: SecureBucket;
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
  const driver = path.join(packageRoot(__dirname), "glue", "driver.py");
  const bound = (sql: string): string => bindDatabases(sql, args.databases, args.tables);
  const steps = args.steps.map(({ table, sql }) => ({
    name: tableName(table),
    sql: upload(`${tableName(table)}.sql`, new pulumi.asset.StringAsset(bound(sql)), "application/sql"),
    target: { database: args.databases[table.zone], table: table.name },
    mode: "overwrite",
  }));
  const manifest = pulumi
    .jsonStringify({ version: 1, steps }, undefined, 2)
    .apply((text) => new pulumi.asset.StringAsset(text));
  return {
    driver: upload("driver.py", new pulumi.asset.FileAsset(driver), "text/x-python"),
    manifest: upload("manifest.json", manifest, "application/json"),
  };
}
