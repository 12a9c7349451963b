import type * as pulumi from "@pulumi/pulumi";
import { tableName } from "@tributary/model";
import type { ResolvedDataLake } from "../normalize";
import type { Catalog } from "./catalog";
import type { ServeBranch } from "./pipeline-states";
import { makeQuickSight } from "./quicksight";
import type { ReadContext } from "./reader";
import { makeRedshift } from "./redshift";
import { makeViews } from "./views";

/** What people read the lake with, besides Athena itself. */
export interface Serving {
  /** State machines that bring what was curated there, side by side at the end of each night. */
  readonly serve: readonly ServeBranch[];
  readonly nodes: Readonly<Record<string, pulumi.Resource>>;
}

/** Views for all, Redshift and QuickSight where asked for. */
export function makeServing(
  name: string,
  args: {
    readonly resolved: ResolvedDataLake;
    readonly module: string;
    readonly catalog: Catalog;
    readonly reading: ReadContext;
    readonly workgroupName: pulumi.Input<string>;
    readonly tags: Record<string, string>;
  },
  opts: pulumi.CustomResourceOptions,
): Serving {
  const { resolved, catalog, reading } = args;
  const { foundation } = resolved;
  const views = makeViews(
    name,
    {
      plan: resolved.viewPlan,
      catalog,
      databaseNames: resolved.databases,
      workspace: { name: reading.workspaceName },
    },
    opts,
  );
  const dependsOn = [...catalog.tables.values(), ...views.values()];
  const redshift =
    resolved.redshift === undefined || foundation.network === undefined
      ? undefined
      : makeRedshift(
          name,
          {
            ...args,
            foundation,
            network: foundation.network,
            redshift: resolved.redshift,
            tables: resolved.plan.tables,
            onDelete: resolved.onDelete,
            dependsOn,
          },
          opts,
        );
  const quicksight =
    resolved.quicksight === undefined
      ? undefined
      : makeQuickSight(
          name,
          {
            ...args,
            foundation,
            quicksight: resolved.quicksight,
            tables: new Set(resolved.plan.tables.map(tableName)),
            dependsOn,
          },
          opts,
        );
  const refresh = quicksight?.refresh;
  return {
    serve: [
      ...(redshift === undefined ? [] : [{ state: "LoadRedshift", machineArn: redshift.load.arn }]),
      ...(refresh === undefined ? [] : [{ state: "RefreshQuickSight", machineArn: refresh.arn }]),
    ],
    nodes: {
      ...(redshift === undefined
        ? {}
        : {
            redshiftNamespace: redshift.namespace,
            redshiftWorkgroup: redshift.workgroup,
            redshiftLoad: redshift.load,
          }),
      ...(quicksight === undefined ? {} : { quicksightDashboard: quicksight.dashboard }),
      ...(refresh === undefined ? {} : { quicksightRefresh: refresh }),
    },
  };
}
