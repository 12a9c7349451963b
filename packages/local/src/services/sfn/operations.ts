import { z } from "zod";
import { AwsError, type Kernel, type RequiredPermission } from "../../kernel";
import { type Operation, operation } from "../support";
import { executionsOf, executionToSdk, type StateMachine } from "./executions";
import { historyEventToSdk } from "./history";

const page = { maxResults: z.number().int().min(0).max(1000).optional(), nextToken: z.string().optional() };
const byArn = z.object({ executionArn: z.string(), includedData: z.string().optional() });
const startInput = z.object({
  stateMachineArn: z.string(),
  name: z.string().min(1).max(80).optional(),
  input: z.string().max(262_144).optional(),
  traceHeader: z.string().optional(),
});

function paged<T>(
  items: readonly T[],
  input: { maxResults?: number; nextToken?: string },
): [T[], { nextToken?: string }] {
  const from = Number(input.nextToken ?? 0);
  const to = from + (input.maxResults || 100);
  return [items.slice(from, to), to < items.length ? { nextToken: String(to) } : {}];
}

const machineToSdk = ({ arn, name, type, createdAt }: StateMachine) => ({
  stateMachineArn: arn,
  name,
  type,
  creationDate: new Date(createdAt),
});

/** The Step Functions API. */
export function sfnOperations(kernel: Kernel): Record<string, Operation> {
  const executions = executionsOf(kernel);
  const onResource = (action: string, resource: string): RequiredPermission[] => [
    { action: `states:${action}`, resource },
  ];
  return {
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
        return executionToSdk(await executions.settled(arn));
      },
    ),
    DescribeExecution: operation(
      byArn,
      ({ executionArn }) => onResource("DescribeExecution", executionArn),
      ({ executionArn }) => executionToSdk(executions.get(executionArn)),
    ),
    GetExecutionHistory: operation(
      byArn.extend({ ...page, reverseOrder: z.boolean().optional(), includeExecutionData: z.boolean().optional() }),
      ({ executionArn }) => onResource("GetExecutionHistory", executionArn),
      (input) => {
        executions.get(input.executionArn);
        const events = executions.histories.list(input.executionArn);
        const [items, next] = paged(input.reverseOrder ? events.reverse() : events, input);
        return { events: items.map(historyEventToSdk), ...next };
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
    ListExecutions: operation(
      z.object({ stateMachineArn: z.string(), statusFilter: z.string().optional(), ...page }),
      ({ stateMachineArn }) => onResource("ListExecutions", stateMachineArn),
      (input) => {
        executions.requireMachine(input.stateMachineArn);
        const all = executions
          .list(input.stateMachineArn)
          .filter(({ status }) => input.statusFilter === undefined || status === input.statusFilter);
        const [items, next] = paged(all, input);
        return {
          executions: items.map((row) => {
            const { executionArn, stateMachineArn, name, status, startDate, stopDate } = executionToSdk(row);
            return {
              executionArn,
              stateMachineArn,
              name,
              status,
              startDate,
              ...(stopDate !== undefined && { stopDate }),
            };
          }),
          ...next,
        };
      },
    ),
    DescribeStateMachine: operation(
      z.object({ stateMachineArn: z.string(), includedData: z.string().optional() }),
      ({ stateMachineArn }) => onResource("DescribeStateMachine", stateMachineArn),
      ({ stateMachineArn }) => {
        const machine = executions.requireMachine(stateMachineArn);
        const { definition, roleArn } = machine;
        return { ...machineToSdk(machine), definition, roleArn, status: "ACTIVE" };
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
