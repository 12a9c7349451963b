import type { Input } from "@pulumi/pulumi";
import type { QuickSightArgs } from "./quicksight-args";
import type { RedshiftArgs } from "./redshift-args";

/** A view of yours: a SELECT in Athena's dialect, or that with what its text does not tell. */
export type OwnView =
  | string
  | {
      readonly sql: string;
      /** What a row is. @default none */
      readonly description?: string;
      /** Types of columns whose type the text does not tell, as a table's: `{ revenue: "decimal(38,4)" }`. Names of all, in order, where any is given. */
      readonly columns?: Readonly<Record<string, string>>;
    };

/** A role that may read some tables, by Athena and by their files. */
export interface ReaderArgs {
  /** Name of a role that exists, such as a SageMaker execution role's. Its policy gets an inline policy more. */
  readonly roleName: Input<string>;
  /** Tables and views, by zone and name: `["curated.people", "curated.customer_360"]`. */
  readonly tables: readonly string[];
}

/** What people read the lake with. */
export interface ServingArgs {
  /** Views of yours by zone and name, beside those of every lake: `{ "curated.big_orders": "select …" }`. */
  readonly views?: Readonly<Record<string, OwnView>>;
  /** Roles that may read some tables: `{ notebooks: { roleName, tables: ["curated.people"] } }`. */
  readonly readers?: Readonly<Record<string, ReaderArgs>>;
  /** Redshift Serverless, loaded each night with what changed. Bills while it works. @default none */
  readonly redshift?: RedshiftArgs;
  /** A QuickSight dashboard over the lake. @default none */
  readonly quicksight?: QuickSightArgs;
}
