import type { Json } from "@tributary/model";
import { AwsError, arn, type Kernel, NotSupportedLocally, type Principal } from "../../kernel";
import { executionsOf as athenaExecutionsOf } from "../athena";
import { jobRunsOf } from "../glue";
import { isRecord } from "../support";
import { StateError } from "./state-error";

/** What a task runs under. */
export interface TaskContext {
  readonly kernel: Kernel;
  readonly principal: Principal;
  /** Registers what undoes the work in progress when the execution is stopped; call the result once it is over. */
  onAbort(undo: () => void): () => void;
  /** Waits for another execution of a state machine to end; its description in the API's words. */
  settledExecution(executionArn: string): Promise<Record<string, unknown>>;
}

type Input = Record<string, Json>;

/** Optimised integrations: service in the resource ARN → service of the runtime, and how its errors are called. */
const integrations: Readonly<Record<string, { service: string; errors: string }>> = {
  athena: { service: "athena", errors: "Athena" },
  dynamodb: { service: "dynamodb", errors: "DynamoDB" },
  events: { service: "eventbridge", errors: "EventBridge" },
  glue: { service: "glue", errors: "Glue" },
  lambda: { service: "lambda", errors: "Lambda" },
  sns: { service: "sns", errors: "SNS" },
  sqs: { service: "sqs", errors: "SQS" },
  states: { service: "sfn", errors: "StepFunctions" },
};

/** `aws-sdk:` integrations: service ids as Step Functions writes them, where they differ from the runtime's names. */
const sdkServices: Readonly<Record<string, { service: string; errors: string }>> = {
  dynamodb: { service: "dynamodb", errors: "DynamoDb" },
  secretsmanager: { service: "secrets-manager", errors: "SecretsManager" },
  cloudwatchlogs: { service: "cloudwatch-logs", errors: "CloudWatchLogs" },
  cloudwatch: { service: "cloudwatch", errors: "CloudWatch" },
  eventbridge: { service: "eventbridge", errors: "EventBridge" },
  sfn: { service: "sfn", errors: "Sfn" },
  entityresolution: { service: "entityresolution", errors: "EntityResolution" },
};

/** Services whose API is in lower camel case, where Step Functions' integrations are not: at every depth. */
const lowerCamel: ReadonlySet<string> = new Set(["entityresolution"]);

/** SDK output as JSON: dates in ISO 8601, bytes as text, no undefined members. */
function plain(value: unknown): Json {
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Uint8Array) return Buffer.from(value).toString("utf8");
  if (Array.isArray(value)) return value.map(plain);
  if (!isRecord(value)) return (value ?? null) as Json;
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return Object.fromEntries(members.map(([key, member]) => [key, plain(member)]));
}

const recase = (value: Input, change: (letter: string) => string): Input =>
  Object.fromEntries(Object.entries(value).map(([key, member]) => [change(key.charAt(0)) + key.slice(1), member]));

const deepRecase = (value: Json, change: (letter: string) => string): Json => {
  if (Array.isArray(value)) return value.map((item) => deepRecase(item, change));
  if (!isRecord(value)) return value;
  const members = Object.entries(recase(value as Input, change));
  return Object.fromEntries(members.map(([key, member]) => [key, deepRecase(member, change)]));
};
const lower = (letter: string): string => letter.toLowerCase();
const upper = (letter: string): string => letter.toUpperCase();

/** Members that a task may give as JSON where the API wants text. */
const textMembers: Readonly<Record<string, readonly string[]>> = {
  "sqs.SendMessage": ["MessageBody"],
  "sns.Publish": ["Message"],
  "sfn.StartExecution": ["input"],
};

async function callService(
  context: TaskContext,
  service: string,
  errors: string,
  action: string,
  input: Input,
): Promise<Json> {
  const operation = action.charAt(0).toUpperCase() + action.slice(1);
  if (lowerCamel.has(service)) {
    try {
      const given = deepRecase(input, lower) as Input;
      return deepRecase(plain(await context.kernel.call(service, operation, given, context.principal)), upper);
    } catch (error) {
      throw asStateError(error, errors);
    }
  }
  // The API of Step Functions itself is in lower camel case; its integrations are not.
  const members = service === "sfn" ? recase(input, lower) : { ...input };
  for (const name of textMembers[`${service}.${operation}`] ?? []) {
    if (members[name] !== undefined && typeof members[name] !== "string") members[name] = JSON.stringify(members[name]);
  }
  if (service === "eventbridge" && Array.isArray(members.Entries)) {
    members.Entries = members.Entries.map((entry) =>
      isRecord(entry) && typeof entry.Detail !== "string"
        ? { ...(entry as Input), Detail: JSON.stringify(entry.Detail) }
        : entry,
    );
  }
  try {
    const output = plain(await context.kernel.call(service, operation, members, context.principal));
    return service === "sfn" && isRecord(output) ? recase(output as Input, upper) : output;
  } catch (error) {
    throw asStateError(error, errors);
  }
}

function asStateError(error: unknown, prefix: string): unknown {
  if (!(error instanceof AwsError)) return error;
  const name = error.name === "NotSupportedLocally" ? error.name : `${prefix}.${error.name}`;
  return new StateError(name, error.message);
}

/** Runs a Task's resource with its effective input. */
export async function runTask(context: TaskContext, resource: string, input: Json): Promise<Json> {
  const [, integration] = /^arn:aws[\w-]*:states:[^:]*:[^:]*:(.+)$/.exec(resource) ?? [];
  if (integration === undefined) {
    if (/^arn:aws[\w-]*:lambda:/.test(resource)) return await invoke(context, resource, input);
    throw new NotSupportedLocally(`Step Functions task ${resource}`);
  }
  const parameters = (isRecord(input) ? input : {}) as Input;
  const [service = "", action = "", sdkAction] = integration.split(":");
  if (service === "aws-sdk" && sdkAction !== undefined) {
    const target = sdkServices[action] ?? { service: action, errors: action.charAt(0).toUpperCase() + action.slice(1) };
    return await callService(context, target.service, target.errors, sdkAction, parameters);
  }
  const target = integrations[service];
  if (!target) throw new NotSupportedLocally(`Step Functions integration ${integration}`);
  const [operation = "", pattern, version] = [...action.split("."), sdkAction];
  if (service === "lambda" && operation === "invoke") return await invokeIntegration(context, parameters);
  const started = await callService(context, target.service, target.errors, operation, parameters);
  if (pattern !== "sync") return failedEntries(service, operation, started);
  return await finished(context, service, operation, version, parameters, started);
}

/** `events:putEvents` fails where any entry was refused. */
function failedEntries(service: string, operation: string, output: Json): Json {
  if (service === "events" && operation === "putEvents" && isRecord(output) && Number(output.FailedEntryCount) > 0) {
    throw new StateError("EventBridge.FailedEntry", JSON.stringify(output));
  }
  return output;
}

async function invoke(context: TaskContext, functionArn: string, payload: Json): Promise<Json> {
  const { kernel, principal } = context;
  try {
    kernel.authorize(principal, { action: "lambda:InvokeFunction", resource: functionArn }, "Invoke");
    const result = await kernel.lambda.invoke(functionArn, payload, principal);
    if (result.functionError === undefined) return plain(result.payload);
    const fault = isRecord(result.payload) ? result.payload : {};
    throw new StateError(String(fault.errorType ?? "Lambda.Unknown"), JSON.stringify(result.payload));
  } catch (error) {
    throw asStateError(error, "Lambda");
  }
}

async function invokeIntegration(context: TaskContext, parameters: Input): Promise<Json> {
  const { kernel, principal } = context;
  const name = String(parameters.FunctionName ?? "");
  const functionArn = name.startsWith("arn:") ? name : arn(kernel.place, "lambda", `function:${name}`);
  const payload = parameters.Payload ?? {};
  if (parameters.InvocationType === "Event") {
    try {
      kernel.authorize(principal, { action: "lambda:InvokeFunction", resource: functionArn }, "Invoke");
      await kernel.lambda.invokeAsync(functionArn, payload, principal);
    } catch (error) {
      throw asStateError(error, "Lambda");
    }
    return { StatusCode: 202 };
  }
  const Payload = await invoke(context, functionArn, payload);
  return { ExecutedVersion: "$LATEST", Payload, StatusCode: 200 };
}

/** Waits for what a `.sync` task started, and gives its description. */
async function finished(
  context: TaskContext,
  service: string,
  operation: string,
  version: string | undefined,
  parameters: Input,
  started: Json,
): Promise<Json> {
  const ids = (isRecord(started) ? started : {}) as Input;
  const call = (action: string, input: Input) => {
    const { service: name, errors } = integrations[service] ?? { service, errors: service };
    return callService(context, name, errors, action, input);
  };
  const member = (value: Json, key: string): Input =>
    isRecord(value) && isRecord(value[key]) ? (value[key] as Input) : {};
  const failed = (description: Json) => new StateError("States.TaskFailed", JSON.stringify(description));
  const { kernel } = context;
  if (service === "glue" && operation === "startJobRun") {
    const [JobName, RunId] = [String(parameters.JobName), String(ids.JobRunId)];
    const settle = context.onAbort(() => {
      void call("batchStopJobRun", { JobName, JobRunIds: [RunId] }).catch((error) =>
        kernel.log.warn(`sfn: job run ${RunId} could not be stopped: ${String(error)}`),
      );
    });
    await jobRunsOf(kernel).settled(JobName, RunId);
    settle();
    const run = member(await call("getJobRun", { JobName, RunId }), "JobRun");
    if (run.JobRunState !== "SUCCEEDED") throw failed(run);
    return run;
  }
  if (service === "athena" && operation === "startQueryExecution") {
    const QueryExecutionId = String(ids.QueryExecutionId);
    const settle = context.onAbort(() => {
      void call("stopQueryExecution", { QueryExecutionId }).catch((error) =>
        kernel.log.warn(`sfn: query ${QueryExecutionId} could not be stopped: ${String(error)}`),
      );
    });
    await athenaExecutionsOf(kernel).settled(QueryExecutionId);
    settle();
    const description = await call("getQueryExecution", { QueryExecutionId });
    if (member(member(description, "QueryExecution"), "Status").State !== "SUCCEEDED") throw failed(description);
    return description;
  }
  if (service === "states" && operation === "startExecution") {
    const description = plain(await context.settledExecution(String(ids.ExecutionArn)));
    const result = recase((isRecord(description) ? description : {}) as Input, upper);
    if (result.Status !== "SUCCEEDED") throw failed(result);
    // `.sync:2` gives the output as JSON, `.sync` as text.
    return version === "2" ? { ...result, Output: JSON.parse(String(result.Output)) as Json } : result;
  }
  throw new NotSupportedLocally(`Step Functions integration ${service}:${operation}.sync`);
}
