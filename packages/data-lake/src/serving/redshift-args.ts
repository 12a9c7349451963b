import type { Input } from "@pulumi/pulumi";
import {
  type Fault,
  type FoundationRef,
  inputListFaults,
  nearest,
  objectFaults,
  optionalObjectFaults,
  quoted,
  type TableRef,
  tableRefFaults,
  unknownFaults,
} from "@tributary/core";
import { type LakeTable, tableName } from "@tributary/model";

/** A DynamoDB table that Redshift copies as it changes. */
export interface ZeroEtlArgs {
  readonly table: TableRef;
  /**
   * A table has one resource policy. `create`: it is made here. `existing`: the table has one (as those of our components
   * have in a network), which must hold the statements of docs/lake/redshift.md.
   * @default "create"
   */
  readonly policy?: "create" | "existing";
}

/** Redshift Serverless over the lake. Bills by the RPU-second while something runs, $0.375 per RPU-hour in us-east-1. */
export interface RedshiftArgs {
  /** Clean and curated tables to load, by zone and name. @default every curated table but rejected_rows */
  readonly tables?: readonly string[];
  /** The database's name. @default "lake" */
  readonly database?: string;
  /** RPUs that a query starts with, from 4; eight at a time from 8. @default 8 */
  readonly baseCapacity?: number;
  /** RPUs at most. @default 32 */
  readonly maxCapacity?: number;
  /** RPU-hours a day. @default 16 (about $6) */
  readonly rpuHoursPerDay?: number;
  /** At the day's limit: queries are refused until the next day, or it is only logged or told by a metric. @default "deactivate" */
  readonly onLimit?: "deactivate" | "log" | "emit-metric";
  /** Private subnets in three zones. @default the foundation's */
  readonly subnetIds?: Input<Input<string>[]>;
  /** DynamoDB tables to copy as they change, by a name for each: `{ orders: { table } }`. They need point-in-time recovery. @default none */
  readonly zeroEtl?: Readonly<Record<string, ZeroEtlArgs>>;
}

export const redshiftDefaults = Object.freeze({
  database: "lake",
  baseCapacity: 8,
  maxCapacity: 32,
  rpuHoursPerDay: 16,
  onLimit: "deactivate",
} as const);

export interface ResolvedRedshift {
  readonly tables: readonly string[];
  readonly database: string;
  readonly baseCapacity: number;
  readonly maxCapacity: number;
  readonly rpuHoursPerDay: number;
  readonly onLimit: "deactivate" | "log" | "emit-metric";
  readonly subnetIds: Input<Input<string>[]> | undefined;
  readonly zeroEtl: readonly (readonly [string, ZeroEtlArgs])[];
}

const loadable = (tables: readonly LakeTable[]): string[] =>
  tables.filter(({ zone, name }) => zone !== "raw" && name !== "rejected_rows").map(tableName);

export function resolveRedshift(given: RedshiftArgs, tables: readonly LakeTable[]): ResolvedRedshift {
  const { zeroEtl, subnetIds, ...values } = given;
  return {
    ...redshiftDefaults,
    tables: loadable(tables).filter((name) => name.startsWith("curated.")),
    ...values,
    subnetIds,
    zeroEtl: Object.entries(zeroEtl ?? {}),
  };
}

const keys = ["tables", "database", "baseCapacity", "maxCapacity", "rpuHoursPerDay", "onLimit", "subnetIds", "zeroEtl"];

/** Faults of `redshift`, in themselves. */
export function redshiftFaults(value: unknown, foundation: Partial<FoundationRef> | undefined): Fault[] {
  return optionalObjectFaults("redshift", value, "{}", (given) => {
    const { tables, database, baseCapacity = 8, maxCapacity = 32, rpuHoursPerDay, onLimit, subnetIds, zeroEtl } = given;
    const capacity = (at: string, rpus: unknown): Fault[] =>
      rpus === 4 ||
      (Number.isInteger(rpus) && (rpus as number) >= 8 && (rpus as number) <= 1024 && (rpus as number) % 8 === 0)
        ? []
        : [{ path: `redshift.${at}`, reason: `${quoted(rpus)} must be 4, or a multiple of 8 up to 1024: RPUs` }];
    const subnets = subnetIds ?? foundation?.network?.subnetIds;
    return [
      ...unknownFaults("redshift.", given, keys),
      ...(foundation?.network === undefined
        ? [
            {
              path: "redshift",
              reason: "needs a network: give governance `network: { create: {} }`, or foundation.network",
            },
          ]
        : Array.isArray(subnets) && subnets.length < 3
          ? [
              {
                path: "redshift.subnetIds",
                reason: `${subnets.length} subnets; Redshift Serverless needs three, in three zones: give subnetIds`,
              },
            ]
          : []),
      ...inputListFaults("redshift.subnetIds", subnetIds, "ids of private subnets"),
      ...(tables === undefined ||
      (Array.isArray(tables) && tables.length > 0 && tables.every((table) => typeof table === "string"))
        ? []
        : [{ path: "redshift.tables", reason: `${quoted(tables)} must be a list such as ["curated.people"]` }]),
      ...(database === undefined || /^[a-z][a-z0-9_]{0,62}$/.test(String(database))
        ? []
        : [
            {
              path: "redshift.database",
              reason: `${quoted(database)} must be lower case letters, digits and underscores`,
            },
          ]),
      ...capacity("baseCapacity", baseCapacity),
      ...capacity("maxCapacity", maxCapacity),
      ...(Number(maxCapacity) >= Number(baseCapacity)
        ? []
        : [{ path: "redshift.maxCapacity", reason: `${quoted(maxCapacity)} is less than baseCapacity` }]),
      ...(rpuHoursPerDay === undefined || (Number.isInteger(rpuHoursPerDay) && (rpuHoursPerDay as number) >= 1)
        ? []
        : [{ path: "redshift.rpuHoursPerDay", reason: `${quoted(rpuHoursPerDay)} must be a whole number from 1` }]),
      ...(onLimit === undefined || ["deactivate", "log", "emit-metric"].includes(String(onLimit))
        ? []
        : [{ path: "redshift.onLimit", reason: `${quoted(onLimit)} must be "deactivate", "log" or "emit-metric"` }]),
      ...optionalObjectFaults("redshift.zeroEtl", zeroEtl, "{ profiles: { table } }", (all) =>
        Object.entries(all).flatMap(([label, each]) => zeroEtlFaults(`redshift.zeroEtl.${label}`, each)),
      ),
    ];
  });
}

const zeroEtlFaults = (path: string, value: unknown): Fault[] =>
  objectFaults(path, value, "{ table: identities.profiles.profiles }", ({ table, policy = "create", ...more }) => [
    ...unknownFaults(`${path}.`, more, ["table", "policy"]),
    ...tableRefFaults(`${path}.table`, table, "identities.profiles.profiles"),
    ...(["create", "existing"].includes(String(policy))
      ? []
      : [{ path: `${path}.policy`, reason: `${quoted(policy)} must be "create" or "existing"` }]),
  ]);

/** Faults of the tables that it names. */
export function redshiftTableFaults(given: RedshiftArgs | undefined, tables: readonly LakeTable[]): Fault[] {
  const known = loadable(tables);
  return (given?.tables ?? []).flatMap((table, index): Fault[] => {
    if (known.includes(table)) return [];
    const near = nearest(table, known);
    return [
      {
        path: `redshift.tables[${index}]`,
        reason: `there is no clean or curated table ${table}${near === undefined ? "" : `; did you mean ${near}?`}`,
      },
    ];
  });
}
