import * as cloudwatch from "@pulumi/aws/cloudwatch";
import * as sfn from "@pulumi/aws/sfn";
import * as pulumi from "@pulumi/pulumi";
import { alarm } from "./alarm";
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
