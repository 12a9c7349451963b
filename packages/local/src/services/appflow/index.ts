import { z } from "zod";
import type { Kernel, Realiser } from "../../kernel";
import { defineService, operation, physicalName, tagOutputs } from "../support";
import { nativeConnector } from "./connectors";
import { readFlow, unsupported } from "./definition";
import { flowsOf } from "./flows";
import { profileRealiser, profilesOf } from "./profiles";

const flow: Realiser = {
  type: "aws:appflow/flow:Flow",
  replaceOn: ["name"],
  compute(resource, kernel, previous) {
    const definition = readFlow(resource.inputs, resource.urn);
    const name = physicalName(resource, previous, 256);
    const why = unsupported(definition);
    if (why !== undefined) kernel.log.info(`${resource.name}: ${why} is recorded; it cannot run here`);
    const { triggerType } = definition.triggerConfig;
    const outputs = {
      name,
      arn: flowsOf(kernel).arnOf(name),
      flowStatus: triggerType === "OnDemand" ? "Active" : "Draft",
      region: kernel.place.region,
    };
    return { id: name, outputs: { ...outputs, ...tagOutputs(resource.inputs) } };
  },
  attach({ inputs, outputs, urn }, kernel) {
    flowsOf(kernel).attach({ name: String(outputs.name), arn: String(outputs.arn), definition: readFlow(inputs, urn) });
  },
  detach({ outputs }, kernel) {
    flowsOf(kernel).detach(String(outputs.name));
  },
  async destroy({ outputs }, kernel) {
    await flowsOf(kernel).forget(String(outputs.name));
  },
};

/** EventBridge Scheduler names members with a capital, the SDK without. */
const members = <S extends z.ZodRawShape>(shape: S) =>
  z.preprocess(
    (given) =>
      typeof given === "object" && given !== null
        ? Object.fromEntries(
            Object.entries(given).map(([key, value]) => [key.charAt(0).toLowerCase() + key.slice(1), value]),
          )
        : given,
    z.strictObject(shape),
  );

/** AppFlow: flows from custom connectors, whose functions are really invoked, to S3. Other flows are recorded. */
export function install(kernel: Kernel): Realiser[] {
  const flows = flowsOf(kernel);
  const flowName = z.string().min(1);
  const named = members({ flowName, clientToken: z.string().optional() });
  const on = (action: string) => (input: { flowName: string }) => [
    { action: `appflow:${action}`, resource: flows.arnOf(input.flowName) },
  ];
  const paged = { maxResults: z.number().optional(), nextToken: z.string().optional() };
  const time = (at: number | undefined) => (at === undefined ? {} : { lastUpdatedAt: new Date(at) });
  const service = defineService("appflow", {
    StartFlow: operation(named, on("StartFlow"), async (input) => {
      const { executionId, status } = await flows.start(input.flowName);
      return {
        flowArn: flows.arnOf(input.flowName),
        flowStatus: status,
        ...(executionId === undefined ? {} : { executionId }),
      };
    }),
    StopFlow: operation(members({ flowName }), on("StopFlow"), async (input) => {
      await flows.stop(input.flowName);
      return { flowArn: flows.arnOf(input.flowName), flowStatus: "Suspended" };
    }),
    DescribeFlow: operation(members({ flowName }), on("DescribeFlow"), (input) => {
      const { name, arn, definition } = flows.require(input.flowName);
      const [last] = flows.runsOf(name);
      const details = last && {
        lastRunExecutionDetails: {
          mostRecentExecutionStatus: last.status,
          mostRecentExecutionTime: new Date(last.startedAt),
          ...(last.message === undefined ? {} : { mostRecentExecutionMessage: last.message }),
        },
      };
      return { flowName: name, flowArn: arn, flowStatus: flows.stateOf(name).status, ...definition, ...details };
    }),
    ListFlows: operation(
      members(paged),
      () => [{ action: "appflow:ListFlows", resource: "*" }],
      () => ({
        flows: [...flows.byName.values()].map(({ name, arn, definition }) => ({
          flowName: name,
          flowArn: arn,
          flowStatus: flows.stateOf(name).status,
          sourceConnectorType: definition.sourceFlowConfig.connectorType,
          triggerType: definition.triggerConfig.triggerType,
        })),
      }),
    ),
    DescribeFlowExecutionRecords: operation(
      members({ flowName, ...paged }),
      on("DescribeFlowExecutionRecords"),
      (input) => {
        flows.require(input.flowName);
        return {
          flowExecutions: flows
            .runsOf(input.flowName)
            .slice(0, input.maxResults ?? 20)
            .map((run) => ({
              executionId: run.executionId,
              executionStatus: run.status,
              executionResult: {
                recordsProcessed: run.records,
                bytesProcessed: run.bytes,
                bytesWritten: run.bytes,
                ...(run.message === undefined ? {} : { errorInfo: { executionMessage: run.message } }),
              },
              startedAt: new Date(run.startedAt),
              ...time(run.endedAt),
            })),
        };
      },
    ),
    DescribeConnectorProfiles: operation(
      members({
        connectorProfileNames: z.array(z.string()).optional(),
        connectorType: z.string().optional(),
        connectorLabel: z.string().optional(),
        ...paged,
      }),
      () => [{ action: "appflow:DescribeConnectorProfiles", resource: "*" }],
      ({ connectorProfileNames, connectorType, connectorLabel }) => ({
        connectorProfileDetails: [...profilesOf(kernel).values()]
          .filter((profile) => connectorProfileNames?.includes(profile.name) ?? true)
          .filter((profile) => (connectorType ?? profile.connectorType) === profile.connectorType)
          .filter((profile) => (connectorLabel ?? profile.label) === profile.label)
          .map((profile) => ({
            connectorProfileName: profile.name,
            connectorType: profile.connectorType,
            ...(profile.label === undefined ? {} : { connectorLabel: profile.label }),
            connectionMode: "Public",
            credentialsArn: profile.secretArn,
          })),
      }),
    ),
  });
  kernel.register(service);
  return [flow, profileRealiser, nativeConnector];
}
