import * as pulumi from "@pulumi/pulumi";
import { diffTables, type TableShape, tableName } from "@tributary/model";
import { z } from "zod";
import type { LakePlan } from "../tables/lake-plan";
import { mentions, tablesIn } from "../tables/sql-names";

const column = z.object({ name: z.string(), type: z.string().default("string") });
/** What the hook reads of a catalog table's inputs, as they are in the state and as they are to be. */
const inputs = z.object({
  parameters: z.record(z.string(), z.unknown()).default({}),
  partitionKeys: z.array(column).default([]),
  storageDescriptor: z.object({ columns: z.array(column) }),
});

/** A table's shape from the arguments of its catalog table. */
export function shapeOf(given: unknown): TableShape {
  const { parameters, partitionKeys, storageDescriptor } = inputs.parse(given);
  // An Iceberg table's partition columns are among its columns; the parameter says which.
  const parted = parameters["tributary.partition-by"];
  const keys = typeof parted === "string" ? parted.split(",") : partitionKeys.map(({ name }) => name);
  return {
    columns: storageDescriptor.columns.filter(({ name }) => !keys.includes(name)),
    partitionBy: keys,
    format: parameters.classification === "json" ? "json" : "parquet",
  };
}

/** What a change of a deployed table would break, one line each; empty where it passes. */
export function breakages(table: string, before: unknown, after: unknown, plan: LakePlan): string[] {
  const readers = Object.values(plan.steps)
    .flat()
    .filter(({ sql, reads }) => reads.includes(table) || tablesIn(sql).includes(table));
  return diffTables(shapeOf(before), shapeOf(after))
    .filter(({ kind }) => kind === "breaking")
    .map(({ reason, column: changed }) => {
      const hit = readers.filter(({ sql }) => changed === undefined || mentions(sql, changed));
      const named = hit.map((step) => tableName(step.table)).join(", ");
      return `${table}: ${reason}. Breaks ${named === "" ? "" : `the transforms of ${named}, and `}every query, view and stack that reads it.`;
    });
}

/**
 * Refuses, in a preview as in an update, to change a deployed table so that who reads it breaks. What is deployed is
 * what the stack's state says, so nothing more is to be kept or compared.
 */
export function evolutionHook(
  name: string,
  plan: LakePlan,
  allowed: readonly string[],
): pulumi.ResourceHookBinding | undefined {
  // Mocks of unit tests know no hooks; and nothing is deployed by them.
  if (pulumi.runtime.getMonitor()?.constructor.name === "MockMonitor") return undefined;
  const tables = new Map(
    plan.tables.map((table) => [`${name}-${table.zone}-${table.name.replaceAll("_", "-")}`, tableName(table)]),
  );
  const hook = new pulumi.ResourceHook(
    `${name}-table-evolution`,
    (changed) => {
      const table = tables.get(changed.name) ?? changed.name;
      if (allowed.includes(table)) return;
      const broken = breakages(table, changed.oldInputs, changed.newInputs, plan);
      if (broken.length === 0) return;
      throw new Error(
        [...broken, `To do it all the same, say so for this deployment: breakingChanges: ["${table}"].`].join("\n"),
      );
    },
    { onDryRun: true },
  );
  return { beforeUpdate: [hook] };
}
