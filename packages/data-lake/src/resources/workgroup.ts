import * as athena from "@pulumi/aws/athena";
import * as pulumi from "@pulumi/pulumi";
import type { SecureBucket, Transform } from "@tributary/core";
import { applyTransform } from "@tributary/core";
import { tableName } from "@tributary/model";
import { queries, traitQueries } from "../queries";
import type { Readable } from "../serving/plan";
import type { Zone } from "../tables";
import { tablesIn } from "../tables/sql-names";
import { bindDatabases } from "./scripts";

/** Where in the workspace bucket Athena's results lie. */
export const resultsPrefix = "athena/";

export interface WorkgroupArgs {
  readonly bucket: SecureBucket;
  readonly keyArn: pulumi.Input<string>;
  readonly cutoffBytes: number;
  readonly databases: Readonly<Record<Zone, string>>;
  /** What the named queries may name. */
  readonly readable: readonly Readable[];
  readonly forceDestroy: boolean;
  readonly tags: Record<string, string>;
  readonly transform: Transform<athena.WorkgroupArgs> | undefined;
}

/** A workgroup's settings: they cannot be overridden, results are encrypted, scans are capped. */
export const workgroupConfiguration = (
  { bucket, keyArn, cutoffBytes }: Pick<WorkgroupArgs, "bucket" | "keyArn" | "cutoffBytes">,
  prefix: string,
) => ({
  enforceWorkgroupConfiguration: true,
  publishCloudwatchMetricsEnabled: true,
  bytesScannedCutoffPerQuery: cutoffBytes,
  resultConfiguration: {
    outputLocation: pulumi.interpolate`s3://${bucket.name}/${prefix}`,
    encryptionConfiguration: { encryptionOption: "SSE_KMS", kmsKeyArn: keyArn },
  },
});

/** The workgroup that analysts query in: its settings cannot be overridden, results are encrypted, scans are capped. */
export function makeWorkgroup(
  name: string,
  args: WorkgroupArgs,
  opts: pulumi.CustomResourceOptions,
): { readonly workgroup: athena.Workgroup; readonly queries: readonly athena.NamedQuery[] } {
  const defaults: athena.WorkgroupArgs = { description: "Customer data platform", tags: args.tags };
  const workgroup = new athena.Workgroup(
    name,
    {
      ...applyTransform(defaults, args.transform),
      forceDestroy: args.forceDestroy,
      configuration: workgroupConfiguration(args, resultsPrefix),
    },
    opts,
  );
  // Of questions about computed traits and segments those that this lake can answer.
  const known = new Set(args.readable.map(tableName));
  const offered = [...queries, ...traitQueries.filter(({ sql }) => tablesIn(sql).every((table) => known.has(table)))];
  const named = offered.map(
    (query) =>
      new athena.NamedQuery(
        `${name}-${query.name}`,
        {
          name: query.name,
          description: query.description,
          database: args.databases.curated,
          workgroup: workgroup.name,
          query: bindDatabases(query.sql, args.databases, args.readable),
        },
        opts,
      ),
  );
  return { workgroup, queries: named };
}
