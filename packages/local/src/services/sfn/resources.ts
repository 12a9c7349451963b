import { AwsError, NotSupportedLocally } from "../../kernel";
import type { MachineType } from "./definition-check";

/** What a Task's `Resource` asks for. */
export type TaskResource =
  | { readonly kind: "function"; readonly arn: string }
  | {
      readonly kind: "call";
      /** `glue:startJobRun`, as errors and histories name it. */
      readonly label: string;
      /** The runtime's service and the API's operation. */
      readonly service: string;
      readonly operation: string;
      /** What the names of its errors begin with. */
      readonly errors: string;
      /** An integration of Step Functions' own, not the plain API (`aws-sdk:`). */
      readonly optimised: boolean;
      readonly pattern: "request" | "sync" | "token";
      /** `.sync:2` */
      readonly version?: string | undefined;
    };

interface Target {
  readonly service: string;
  readonly errors: string;
  /** Operations that `.sync` waits for. */
  readonly sync?: readonly string[];
}

/** Optimised integrations: service in the resource ARN → service of the runtime, and how its errors are called. */
const integrations: Readonly<Record<string, Target>> = {
  athena: { service: "athena", errors: "Athena", sync: ["startQueryExecution"] },
  dynamodb: { service: "dynamodb", errors: "DynamoDB" },
  events: { service: "eventbridge", errors: "EventBridge" },
  glue: { service: "glue", errors: "Glue", sync: ["startJobRun"] },
  lambda: { service: "lambda", errors: "Lambda" },
  sns: { service: "sns", errors: "SNS" },
  sqs: { service: "sqs", errors: "SQS" },
  states: { service: "sfn", errors: "StepFunctions", sync: ["startExecution"] },
};

/** `aws-sdk:` integrations: service ids as Step Functions writes them, where they differ from the runtime's names. */
const sdkServices: Readonly<Record<string, Target>> = {
  appflow: { service: "appflow", errors: "Appflow" },
  cloudcontrol: { service: "cloudcontrol", errors: "CloudControl" },
  cloudwatch: { service: "cloudwatch", errors: "CloudWatch" },
  cloudwatchlogs: { service: "cloudwatch-logs", errors: "CloudWatchLogs" },
  dynamodb: { service: "dynamodb", errors: "DynamoDb" },
  dynamodbstreams: { service: "dynamodb-streams", errors: "DynamoDbStreams" },
  entityresolution: { service: "entityresolution", errors: "EntityResolution" },
  eventbridge: { service: "eventbridge", errors: "EventBridge" },
  quicksight: { service: "quicksight", errors: "QuickSight" },
  redshiftdata: { service: "redshift-data", errors: "RedshiftData" },
  secretsmanager: { service: "secrets-manager", errors: "SecretsManager" },
  sfn: { service: "sfn", errors: "Sfn" },
};

/** The plain Lambda function, or a call in one of Step Functions' three patterns. @throws where it is none of these */
export function parseResource(resource: string, type: MachineType, place: string): TaskResource {
  const what = `Step Functions ${place}`;
  if (/^arn:aws[\w-]*:lambda:/.test(resource)) return { kind: "function", arn: resource };
  const [, integration] = /^arn:aws[\w-]*:states:[^:]*:[^:]*:(.+)$/.exec(resource) ?? [];
  if (integration === undefined) throw new NotSupportedLocally(`${what}: the task ${resource}`);
  const [first = "", second = "", third, fourth] = integration.split(":");
  if (first === "activity") throw new NotSupportedLocally(`${what}: an activity`);
  const sdk = first === "aws-sdk";
  const [name = "", pattern] = ((sdk ? third : second) ?? "").split(".");
  const target = sdk ? (sdkServices[second] ?? { service: second, errors: capital(second) }) : integrations[first];
  if (!target || name === "") throw new NotSupportedLocally(`${what}: the integration ${integration}`);
  const version = sdk ? fourth : third;
  const kind = pattern === undefined ? "request" : pattern === "sync" ? "sync" : "token";
  if (kind === "token" && pattern !== "waitForTaskToken")
    throw new AwsError(
      "InvalidDefinition",
      `Invalid State Machine Definition: ${place}: there is no pattern .${pattern}`,
    );
  if (kind === "sync" && !target.sync?.includes(name))
    throw new NotSupportedLocally(`${what}: the integration ${integration}`);
  if (kind !== "request" && type === "EXPRESS") {
    throw new AwsError(
      "InvalidDefinition",
      `Invalid State Machine Definition: ${place}: an EXPRESS machine cannot wait for ${integration}`,
    );
  }
  return {
    kind: "call",
    label: `${sdk ? `aws-sdk:${second}` : first}:${name}${pattern ? `.${pattern}` : ""}`,
    service: target.service,
    operation: capital(name),
    errors: target.errors,
    optimised: !sdk,
    pattern: kind,
    version,
  };
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
