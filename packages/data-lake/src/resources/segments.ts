import * as athena from "@pulumi/aws/athena";
import type * as pulumi from "@pulumi/pulumi";
import type { SecureBucket, SegmentsRef } from "@tributary/core";
import type { ResolvedDataLake } from "../normalize";
import { segmentMembers, type Zone } from "../tables";
import { tablePrefix } from "./catalog";
import { workgroupConfiguration } from "./workgroup";

/** Where in the workspace bucket the answers lie that Activation imports: apart, as who may read them may not read analysts'. */
export const segmentsPrefix = "segments/";

/** The segments by SQL, where there are some, with a workgroup of their own in which Activation asks for their members. */
export function makeSegmentsRef(
  name: string,
  args: {
    readonly resolved: ResolvedDataLake;
    /** Of the curated zone. */
    readonly database: pulumi.Output<string>;
    readonly buckets: Readonly<Record<Zone | "workspace", SecureBucket>>;
    readonly tags: Record<string, string>;
  },
  opts: pulumi.CustomResourceOptions,
): SegmentsRef | undefined {
  const { resolved, database, buckets, tags } = args;
  if (Object.keys(resolved.sqlSegments).length === 0) return undefined;
  const workgroup = new athena.Workgroup(
    name,
    {
      description: "Members of segments by SQL, for Activation",
      forceDestroy: resolved.onDelete === "destroy",
      configuration: workgroupConfiguration(
        { bucket: buckets.workspace, keyArn: resolved.foundation.keyArn, cutoffBytes: resolved.queryCutoffBytes },
        segmentsPrefix,
      ),
      tags,
    },
    opts,
  );
  return {
    sql: resolved.sqlSegments,
    members: {
      database,
      table: segmentMembers.name,
      bucket: buckets.curated.ref,
      prefix: tablePrefix(segmentMembers, resolved.plan.iceberg),
    },
    workgroup: {
      name: workgroup.name,
      arn: workgroup.arn,
      results: buckets.workspace.ref,
      resultsPrefix: segmentsPrefix,
    },
  };
}
