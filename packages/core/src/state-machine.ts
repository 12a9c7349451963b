import * as cloudwatch from "@pulumi/aws/cloudwatch";
import * as sfn from "@pulumi/aws/sfn";
import * as pulumi from "@pulumi/pulumi";
import { alarm } from "./alarm";
import type { Place } from "./component";
import { failureNotice } from "./failure-notice";
import type { FoundationRef } from "./foundation";
import { grantStatements } from "./grants";
import type { Statement } from "./policy";
import { ServiceRole } from "./service-role";

export interface StandardStateMachineArgs {
  readonly foundation: FoundationRef;
  readonly module: string;
  readonly tags: Record<string, string>;
  /** Amazon States Language, as JSON text. */
  readonly definition: pulumi.Input<string>;
  /** What its tasks may do, besides what every state machine of ours may: its key, its logs, its traces. */
  readonly statements: readonly Statement[];
  /** What it means when an execution fails or runs out of time; the alarm's text. */
  readonly failure: string;
  /**
   * Tells the alarm topic of each execution that failed, ran out of time or was stopped: which, why, and how to resume it.
   * For machines whose tasks fail where they are, so that an execution can be redriven. @default false
   */
  readonly notice?: boolean;
  /** What executions may do with the machine itself: `states:ListExecutions`. @default nothing */
  readonly onItself?: readonly string[];
  /** What must be there before the first execution. */
  readonly dependsOn?: readonly pulumi.Resource[];
}

/** What Step Functions needs to trace and to deliver logs; none of it can be narrowed to a resource. */
const observability: readonly Statement[] = [
  {
    sid: "Trace",
    actions: ["xray:PutTraceSegments", "xray:PutTelemetryRecords", "xray:GetSamplingRules", "xray:GetSamplingTargets"],
    resources: ["*"],
  },
  {
    sid: "LogDelivery",
    actions: [
      "logs:CreateLogDelivery",
      "logs:GetLogDelivery",
      "logs:UpdateLogDelivery",
      "logs:DeleteLogDelivery",
      "logs:ListLogDeliveries",
      "logs:PutResourcePolicy",
      "logs:DescribeResourcePolicies",
      "logs:DescribeLogGroups",
    ],
    resources: ["*"],
  },
];

/** A standard state machine with a role of its own: errors logged, executions traced, state encrypted, failures alarmed. */
export function standardStateMachine(
  name: string,
  args: StandardStateMachineArgs,
  opts: pulumi.CustomResourceOptions,
): sfn.StateMachine {
  const { foundation, module, tags } = args;
  const logGroup = new cloudwatch.LogGroup(
    name,
    {
      // Vended logs: the prefix keeps the account's log resource policy from growing with each state machine.
      namePrefix: "/aws/vendedlogs/states/",
      kmsKeyId: foundation.keyArn,
      retentionInDays: foundation.logRetentionDays,
      tags,
    },
    opts,
  );
  const role = new ServiceRole(name, { service: "states.amazonaws.com", foundation }, opts);
  const policy = grantStatements(role, "run", [...args.statements, ...observability]);
  const machine = new sfn.StateMachine(
    name,
    {
      type: "STANDARD",
      roleArn: role.arn,
      definition: args.definition,
      loggingConfiguration: {
        level: "ERROR",
        // The state holds names and errors, no customer data, but a task's error message may quote some.
        includeExecutionData: false,
        logDestination: pulumi.interpolate`${logGroup.arn}:*`,
      },
      tracingConfiguration: { enabled: true },
      encryptionConfiguration: { type: "CUSTOMER_MANAGED_KMS_KEY", kmsKeyId: foundation.keyArn },
      tags,
    },
    pulumi.mergeOptions(opts, { dependsOn: [policy, ...(args.dependsOn ?? [])] }),
  );
  if (args.onItself !== undefined) {
    // A policy cannot name the machine before it is there.
    grantStatements(role, "itself", [{ actions: args.onItself, resources: [machine.arn] }]);
  }
  if (args.notice === true) noticeOfExecutions(name, machine, args, opts);
  for (const [what, metric] of [
    ["failed", "ExecutionsFailed"],
    ["timed-out", "ExecutionsTimedOut"],
  ] as const) {
    alarm(
      `${name}-${what}`,
      {
        foundation,
        module,
        description: `${name} ${what.replace("-", " ")}: ${args.failure}`,
        namespace: "AWS/States",
        metric,
        dimensions: { StateMachineArn: machine.arn },
        statistic: "Sum",
        above: 0,
        periodSeconds: 300,
      },
      opts,
    );
  }
  return machine;
}

/**
 * AWS leaves `error` and `cause` out of events of machines that are encrypted with a customer's key, as ours are: the message
 * has them where they are there, and says how to read them.
 */
function noticeOfExecutions(
  name: string,
  machine: sfn.StateMachine,
  { foundation, module, failure }: StandardStateMachineArgs,
  opts: pulumi.CustomResourceOptions,
): void {
  failureNotice(
    `${name}-ended`,
    {
      foundation,
      module,
      description: `An execution of ${name} failed, ran out of time or was stopped: ${failure}`,
      pattern: pulumi.jsonStringify({
        source: ["aws.states"],
        "detail-type": ["Step Functions Execution Status Change"],
        detail: { stateMachineArn: [machine.arn], status: ["FAILED", "TIMED_OUT", "ABORTED"] },
      }),
      message: {
        paths: {
          status: "$.detail.status",
          execution: "$.detail.executionArn",
          name: "$.detail.name",
          error: "$.detail.error",
          cause: "$.detail.cause",
          time: "$.time",
        },
        text:
          `Pipeline ${name}: execution <name> <status> at <time>; ${failure} Error: <error>: <cause> ` +
          "To see what failed: aws stepfunctions describe-execution --execution-arn <execution>. " +
          "When it is mended, to go on from the failed step (within 14 days): aws stepfunctions redrive-execution --execution-arn <execution>",
      },
    },
    opts,
  );
}

/**
 * What starting state machines by `states:startExecution.sync:2` and waiting for their ends takes. Source: "IAM policies for
 * calling Step Functions workflows" of Step Functions' guide.
 */
export function nestedExecutionStatements(place: Place, machineArns: readonly pulumi.Input<string>[]): Statement[] {
  if (machineArns.length === 0) return [];
  const executions = machineArns.map((arn) =>
    pulumi.output(arn).apply((text) => `${text.replace(":stateMachine:", ":execution:")}:*`),
  );
  return [
    { sid: "StartMachines", actions: ["states:StartExecution"], resources: machineArns },
    { sid: "AwaitMachines", actions: ["states:DescribeExecution", "states:StopExecution"], resources: executions },
    {
      sid: "HearOfMachines",
      actions: ["events:PutTargets", "events:PutRule", "events:DescribeRule"],
      resources: [
        pulumi.interpolate`arn:${place.partition}:events:${place.region}:${place.accountId}:rule/StepFunctionsGetEventsForStepFunctionsExecutionRule`,
      ],
    },
  ];
}
