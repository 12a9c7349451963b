import type { Json } from "@tributary/model";
import { z } from "zod";
import { AwsError, type Kernel } from "../../kernel";
import { type Operation, operation } from "../support";
import type { StateMachine } from "./execution-row";
import { executionsOf } from "./executions";
import { historyEventToSdk } from "./history";
import { childPrefix, mapRunToSdk } from "./map-run";
import { onResource, page, paged, summaryOf } from "./operation-support";
import { taskOperations } from "./task-operations";

const byArn = z.object({ executionArn: z.string(), includedData: z.string().optional() });
const machineArn = z.object({ stateMachineArn: z.string(), includedData: z.string().optional() });
const startInput = z.object({
  stateMachineArn: z.string(),
  name: z.string().optional(),
  input: z.string().max(262_144).optional(),
  traceHeader: z.string().optional(),
});

const machineToSdk = ({ arn, name, type, createdAt }: StateMachine) => ({
  stateMachineArn: arn,
  name,
  type,
  creationDate: new Date(createdAt),
});

/** The Step Functions API. */
export function sfnOperations(kernel: Kernel): Record<string, Operation> {
  const executions = executionsOf(kernel);
  const { mapRuns, journals } = executions;
  return {
    ...taskOperations(kernel),
    StartExecution: operation(
      startInput,
      ({ stateMachineArn }) => onResource("StartExecution", stateMachineArn),
      async ({ stateMachineArn, name, input }) => {
        const row = await executions.start(executions.requireMachine(stateMachineArn), name, input);
        return { executionArn: row.arn, startDate: new Date(row.startedAt) };
      },
    ),
    StartSyncExecution: operation(
      startInput,
      ({ stateMachineArn }) => onResource("StartSyncExecution", stateMachineArn),
      async ({ stateMachineArn, name, input }) => {
        const machine = executions.requireMachine(stateMachineArn);
        if (machine.type !== "EXPRESS") {
          throw new AwsError(
            "StateMachineTypeNotSupported",
            "This operation is not supported by this type of state machine",
          );
        }
        const { arn } = await executions.start(machine, name, input);
        return executions.describe(await executions.settled(arn));
      },
    ),
    DescribeExecution: operation(
      byArn,
      ({ executionArn }) => onResource("DescribeExecution", executionArn),
      ({ executionArn }) => executions.describe(executions.get(executionArn)),
    ),
    GetExecutionHistory: operation(
      byArn.extend({ ...page, reverseOrder: z.boolean().optional(), includeExecutionData: z.boolean().optional() }),
      ({ executionArn }) => onResource("GetExecutionHistory", executionArn),
      (input) => {
        executions.get(input.executionArn);
        const events = journals.histories.list(input.executionArn, input.reverseOrder);
        const [items, next] = paged(events, input);
        return { events: items.map((event) => historyEventToSdk(event, input.includeExecutionData)), ...next };
      },
    ),
    StopExecution: operation(
      z.object({ executionArn: z.string(), error: z.string().optional(), cause: z.string().optional() }),
      ({ executionArn }) => onResource("StopExecution", executionArn),
      async ({ executionArn, error, cause }) => {
        executions.stop(executionArn, { error, cause });
        const { stoppedAt } = await executions.settled(executionArn);
        return { stopDate: new Date(stoppedAt ?? kernel.now()) };
      },
    ),
    RedriveExecution: operation(
      z.object({ executionArn: z.string(), clientToken: z.string().optional() }),
      ({ executionArn }) => onResource("RedriveExecution", executionArn),
      async ({ executionArn }) => {
        const row = await executions.redrive(executionArn);
        return { redriveDate: new Date(row.redrivenAt ?? kernel.now()) };
      },
    ),
    ListExecutions: operation(
      z.object({
        stateMachineArn: z.string().optional(),
        mapRunArn: z.string().optional(),
        statusFilter: z.enum(["RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED", "PENDING_REDRIVE"]).optional(),
        redriveFilter: z.enum(["REDRIVEN", "NOT_REDRIVEN"]).optional(),
        ...page,
      }),
      ({ stateMachineArn, mapRunArn }) => onResource("ListExecutions", stateMachineArn ?? mapRunArn ?? "*"),
      (input) => {
        const { stateMachineArn, mapRunArn, statusFilter, redriveFilter } = input;
        if ((stateMachineArn === undefined) === (mapRunArn === undefined))
          throw new AwsError("ValidationException", "Give one of stateMachineArn and mapRunArn");
        const all =
          mapRunArn === undefined
            ? executions.list(executions.requireMachine(stateMachineArn ?? "").arn)
            : executions.listBelow(childPrefix(mapRuns.get(mapRunArn).arn));
        const wanted = all.filter(
          ({ status, redriveCount = 0 }) =>
            (statusFilter === undefined || status === statusFilter) &&
            (redriveFilter === undefined || redriveCount > 0 === (redriveFilter === "REDRIVEN")),
        );
        const [items, next] = paged(wanted, input);
        return { executions: items.map(summaryOf), ...next };
      },
    ),
    DescribeMapRun: operation(
      z.object({ mapRunArn: z.string() }),
      ({ mapRunArn }) => onResource("DescribeMapRun", mapRunArn),
      ({ mapRunArn }) => {
        const row = mapRuns.get(mapRunArn);
        return mapRunToSdk(row, executions.listBelow(childPrefix(row.arn)));
      },
    ),
    ListMapRuns: operation(
      z.object({ executionArn: z.string(), ...page }),
      ({ executionArn }) => onResource("ListMapRuns", executionArn),
      (input) => {
        const { machineArn: stateMachineArn } = executions.get(input.executionArn);
        const [items, next] = paged(mapRuns.list(input.executionArn), input);
        return {
          mapRuns: items.map(({ arn, executionArn, startedAt, stoppedAt }) => ({
            mapRunArn: arn,
            executionArn,
            stateMachineArn,
            startDate: new Date(startedAt),
            ...(stoppedAt !== undefined && { stopDate: new Date(stoppedAt) }),
          })),
          ...next,
        };
      },
    ),
    DescribeStateMachine: operation(
      machineArn,
      ({ stateMachineArn }) => onResource("DescribeStateMachine", stateMachineArn),
      ({ stateMachineArn }) => {
        const machine = executions.requireMachine(stateMachineArn);
        const { definition, roleArn } = machine;
        return { ...machineToSdk(machine), definition, roleArn, status: "ACTIVE" };
      },
    ),
    DescribeStateMachineForExecution: operation(
      byArn,
      ({ executionArn }) => onResource("DescribeStateMachineForExecution", executionArn),
      ({ executionArn }): Record<string, Json | Date> => {
        const row = executions.get(executionArn);
        const { arn, name, roleArn, createdAt } = executions.requireMachine(row.machineArn);
        const definition = executions.definitionOf(row);
        return { stateMachineArn: arn, name, roleArn, definition, updateDate: new Date(createdAt) };
      },
    ),
    ListStateMachines: operation(
      z.object(page),
      () => onResource("ListStateMachines", "*"),
      (input) => {
        const [items, next] = paged([...executions.machines.values()], input);
        return { stateMachines: items.map(machineToSdk), ...next };
      },
    ),
  };
}
