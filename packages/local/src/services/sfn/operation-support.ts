import { z } from "zod";
import { AwsError, type RequiredPermission } from "../../kernel";
import type { ExecutionRow } from "./execution-row";

/** Input members of operations that answer page by page. */
export const page = { maxResults: z.number().int().min(0).max(1000).optional(), nextToken: z.string().optional() };

export function paged<T>(
  items: readonly T[],
  input: { maxResults?: number | undefined; nextToken?: string | undefined },
): [T[], { nextToken?: string }] {
  const from = Number(input.nextToken ?? 0);
  if (!Number.isInteger(from) || from < 0)
    throw new AwsError("InvalidToken", `Invalid Token: '${String(input.nextToken)}'`);
  const to = from + (input.maxResults || 100);
  return [items.slice(from, to), to < items.length ? { nextToken: String(to) } : {}];
}

export const onResource = (action: string, resource: string): RequiredPermission[] => [
  { action: `states:${action}`, resource },
];

/** An execution as lists tell it. */
export const summaryOf = (row: ExecutionRow): Record<string, unknown> => ({
  executionArn: row.arn,
  stateMachineArn: row.machineArn,
  name: row.name,
  status: row.status,
  startDate: new Date(row.startedAt),
  ...(row.stoppedAt !== undefined && { stopDate: new Date(row.stoppedAt) }),
  ...(row.mapRunArn !== undefined && { mapRunArn: row.mapRunArn, itemCount: row.itemCount ?? 1 }),
  redriveCount: row.redriveCount ?? 0,
  ...(row.redrivenAt !== undefined && { redriveDate: new Date(row.redrivenAt) }),
});
