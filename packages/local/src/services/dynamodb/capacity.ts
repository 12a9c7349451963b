import type { ConsumedCapacity } from "@aws-sdk/client-dynamodb";

/** What a request would cost on AWS, where it asks (`ReturnConsumedCapacity`). */
export function consumed(
  wanted: string | undefined,
  table: string,
  units: number,
): { ConsumedCapacity?: ConsumedCapacity } {
  if (wanted !== "TOTAL" && wanted !== "INDEXES") return {};
  const detail = wanted === "INDEXES" ? { Table: { CapacityUnits: units } } : {};
  return { ConsumedCapacity: { TableName: table, CapacityUnits: units, ...detail } };
}

/** Write units of a number of bytes: one per KiB begun. */
export function writeUnits(bytes: number): number {
  return Math.max(1, Math.ceil(bytes / 1024));
}

/** Read units of a number of bytes: one per 4 KiB begun, half where eventual consistency does. */
export function readUnits(bytes: number, consistent: boolean | undefined): number {
  return Math.max(1, Math.ceil(bytes / 4096)) * (consistent ? 1 : 0.5);
}
