import * as glue from "@pulumi/aws/glue";
import * as pulumi from "@pulumi/pulumi";
import { tableName } from "@tributary/model";
import type { ServedView } from "../serving/lake-views";
import type { ViewPlan } from "../serving/plan";
import { qualityReports } from "../serving/quality-reports";
import { athenaType } from "../serving/view-columns";
import type { Zone } from "../tables";
import { type Catalog, tableArgs } from "./catalog";
import { bindDatabases, qualityPrefix } from "./scripts";

/**
 * A view as the Glue catalog keeps Athena's: base64 of JSON in a comment, which Athena reads as a view of its own. Form:
 * what Athena itself writes on CREATE VIEW (Trino's ConnectorViewDefinition).
 */
export function prestoView(view: ServedView, databases: Readonly<Record<Zone, string>>, plan: ViewPlan): string {
  const definition = {
    originalSql: bindDatabases(view.sql, databases, plan.readable),
    catalog: "awsdatacatalog",
    schema: databases[view.zone],
    columns: view.columns.map(({ name, type }) => ({ name, type: athenaType(type) })),
  };
  return `/* Presto View: ${Buffer.from(JSON.stringify(definition)).toString("base64")} */`;
}

/** The views' entries of the catalog, and the quality reports as a table. By `<zone>.<name>`. */
export function makeViews(
  name: string,
  args: {
    readonly plan: ViewPlan;
    readonly catalog: Catalog;
    readonly databaseNames: Readonly<Record<Zone, string>>;
    readonly workspace: { readonly name: pulumi.Output<string> };
  },
  opts: pulumi.CustomResourceOptions,
): ReadonlyMap<string, glue.CatalogTable> {
  const { plan, catalog, databaseNames } = args;
  const reports = new glue.CatalogTable(
    `${name}-raw-quality-reports`,
    tableArgs(
      qualityReports,
      catalog.databases[qualityReports.zone].name,
      pulumi.interpolate`s3://${args.workspace.name}/${qualityPrefix}`,
    ),
    opts,
  );
  const views = plan.views.map((view): [string, glue.CatalogTable] => [
    tableName(view),
    new glue.CatalogTable(
      `${name}-${view.zone}-${view.name.replaceAll("_", "-")}`,
      {
        databaseName: catalog.databases[view.zone].name,
        name: view.name,
        description: view.description,
        tableType: "VIRTUAL_VIEW",
        parameters: { presto_view: "true", comment: "Presto View" },
        viewOriginalText: prestoView(view, databaseNames, plan),
        viewExpandedText: "/* Presto View */",
        storageDescriptor: {
          columns: view.columns.map(({ name: column, type, description }) => ({
            name: column,
            type,
            ...(description === undefined ? {} : { comment: description }),
          })),
        },
      },
      opts,
    ),
  ]);
  return new Map([[tableName(qualityReports), reports], ...views]);
}
