import type * as pulumi from "@pulumi/pulumi";
import { SecureBucket } from "@tributary/core";
import { dataLakeDefaults } from "../defaults";
import type { ResolvedDataLake } from "../normalize";
import type { Zone } from "../tables";
import { landPrefix } from "./land";
import { qualityPrefix } from "./scripts";
import { segmentsPrefix } from "./segments";
import { resultsPrefix } from "./workgroup";

/** A bucket for each zone, and one for what is kept for a while only. */
export function makeBuckets(
  name: string,
  resolved: ResolvedDataLake,
  opts: pulumi.CustomResourceOptions,
): Record<Zone | "workspace", SecureBucket> {
  const { foundation, onDelete, transform } = resolved;
  const zone = (what: Zone, noncurrentDays: number): SecureBucket =>
    new SecureBucket(
      `${name}-${what}`,
      {
        foundation,
        dataClass: "personal",
        onDelete,
        lifecycle: {
          noncurrentDays,
          ...(what === "raw" ? {} : { expirePrefixes: { "rejected_rows/": dataLakeDefaults.rejectedDays } }),
        },
        transform: transform[`${what}Bucket`],
      },
      opts,
    );
  return {
    raw: zone("raw", dataLakeDefaults.rawNoncurrentDays),
    clean: zone("clean", dataLakeDefaults.noncurrentDays),
    curated: zone("curated", dataLakeDefaults.noncurrentDays),
    workspace: new SecureBucket(
      `${name}-workspace`,
      {
        foundation,
        dataClass: "personal",
        onDelete,
        lifecycle: {
          noncurrentDays: dataLakeDefaults.noncurrentDays,
          expirePrefixes: {
            [resultsPrefix]: dataLakeDefaults.resultDays,
            "scratch/": dataLakeDefaults.scratchDays,
            [qualityPrefix]: dataLakeDefaults.rejectedDays,
            [`${landPrefix}runs/`]: dataLakeDefaults.landDays,
            ...(Object.keys(resolved.sqlSegments).length > 0 ? { [segmentsPrefix]: dataLakeDefaults.scratchDays } : {}),
            ...(resolved.peopleToMatch ? { "matching/": dataLakeDefaults.matchingDays } : {}),
          },
        },
        transform: transform.workspaceBucket,
      },
      opts,
    ),
  };
}
