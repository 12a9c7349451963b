import type { Kernel } from "../../kernel";
import { type ExecutionRow, executionToSdk } from "./execution-row";

/**
 * Tells the default event bus how an execution stands, as AWS does for standard machines and not for the children of a
 * distributed Map. Source: "EventBridge event examples" of Step Functions' guide. What cannot be told is logged: the
 * execution goes on.
 */
export async function announceStatus(kernel: Kernel, row: ExecutionRow): Promise<void> {
  if (row.mapRunArn !== undefined || row.arn.includes(":express:") || !kernel.service("eventbridge")) return;
  const told = executionToSdk(row, "STANDARD", kernel.now());
  const detail = {
    executionArn: row.arn,
    stateMachineArn: row.machineArn,
    name: row.name,
    status: row.status,
    startDate: row.startedAt,
    stopDate: row.stoppedAt ?? null,
    input: row.input,
    inputDetails: { included: true },
    output: row.output ?? null,
    outputDetails: row.output === undefined ? null : { included: true },
    error: row.error ?? null,
    cause: row.cause ?? null,
    stateMachineVersionArn: null,
    stateMachineAliasArn: null,
    redriveCount: row.redriveCount ?? 0,
    redriveDate: row.redrivenAt ?? null,
    redriveStatus: told.redriveStatus,
    redriveStatusReason: told.redriveStatusReason ?? null,
  };
  const event = {
    source: "aws.states",
    "detail-type": "Step Functions Execution Status Change",
    resources: [row.arn],
    detail,
  };
  try {
    await kernel.call("eventbridge", "PutServiceEvent", { EventBusName: "default", Event: event });
  } catch (error) {
    kernel.log.warn(`sfn: the status of ${row.arn} could not be told to the event bus: ${String(error)}`);
  }
}
