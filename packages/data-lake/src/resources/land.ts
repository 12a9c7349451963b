import { createHash } from "node:crypto";
import { join } from "node:path";
import type * as pulumi from "@pulumi/pulumi";
import {
  type BucketRef,
  type FoundationRef,
  grantBucketRead,
  grantBucketWrite,
  grantStatements,
  handlerBundle,
  LambdaFunction,
} from "@tributary/core";
import type { LandEnv } from "../env";
import type { LakePlan } from "../tables/lake-plan";

/** Where in the workspace bucket the pipeline remembers what had landed; below it `runs/`, of runs under way. */
export const landPrefix = "land/";

export interface LandArgs {
  readonly foundation: FoundationRef;
  readonly raw: BucketRef;
  readonly workspace: BucketRef;
  readonly plan: LakePlan;
}

/** The function that looks for what has landed since the last run: it lists the raw tables and keeps its record, and may nothing else. */
export function makeLand(name: string, args: LandArgs, opts: pulumi.CustomResourceOptions): LambdaFunction {
  const { foundation, raw, workspace, plan } = args;
  const tables = plan.tables.filter(({ zone }) => zone === "raw").map((table) => table.name);
  const land = new LambdaFunction(
    name,
    {
      foundation,
      bundle: handlerBundle(join(__dirname, ".."), "land"),
      calls: ["s3"],
      description: "Looks for what has landed in the raw zone since the pipeline's last run.",
      environment: {
        RAW_BUCKET: raw.name,
        WORKSPACE_BUCKET: workspace.name,
        PREFIX: landPrefix,
      } satisfies Record<keyof LandEnv, unknown>,
      config: { tables, plan: fingerprintOf(plan), everyNight: hasFreshness(plan) },
      // Ten thousand objects are listed in a second or two.
      timeoutSeconds: 900,
    },
    opts,
  );
  grantStatements(land, "list-raw", [
    {
      sid: "ListRaw",
      actions: ["s3:ListBucket"],
      resources: [raw.arn],
      conditions: { StringLike: { "s3:prefix": tables.map((table) => `${table}/*`) } },
    },
  ]);
  grantBucketRead(land, workspace, landPrefix);
  grantBucketWrite(land, workspace, landPrefix);
  return land;
}

/** Tells lakes apart that would make other tables of the same files. */
function fingerprintOf({ steps }: LakePlan): string {
  const made = Object.values(steps).flatMap((job) => job.map(({ table, sql }) => [table, sql]));
  return createHash("sha256").update(JSON.stringify(made)).digest("hex").slice(0, 16);
}

/** A rule of freshness is about nights on which nothing landed. */
function hasFreshness({ steps }: LakePlan): boolean {
  return Object.values(steps).some((job) =>
    job.some(({ table }) => table.quality?.some(({ kind }) => kind === "freshness") ?? false),
  );
}
