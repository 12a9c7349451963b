import type { Json } from "@tributary/model";
import { arn } from "../../kernel";
import { isRecord } from "../support";
import { asStateError, callService, type Input, plain } from "./call-service";
import type { Host } from "./host";
import type { TaskMark } from "./journal";
import type { TaskResource } from "./resources";
import { StateError } from "./state-error";
import { finished } from "./sync-tasks";

/** What a task runs under. */
export interface TaskContext {
  readonly host: Host;
  /** Aborted when the task is late or its execution is stopped. */
  readonly signal: AbortSignal;
  readonly token?: string | undefined;
  readonly heartbeat?: number | undefined;
  /** Set where the task was in flight when the runtime stopped. */
  readonly resumed?: TaskMark | undefined;
  /** Told what was answered to the call of a task that goes on for longer; resolves when that is durable. */
  submitted(answer: Json): Promise<void>;
}

/** Runs a Task's resource with its effective input. */
export async function runTask(context: TaskContext, resource: TaskResource, input: Json): Promise<Json> {
  const { host, token, resumed } = context;
  if (resource.kind === "function") return await invoke(context, resource.arn, input);
  const parameters = (isRecord(input) ? input : {}) as Input;
  const { pattern } = resource;
  if (pattern === "token" && token !== undefined) {
    if (!resumed) await context.submitted(await request(context, resource, parameters));
    return await host.idle(host.tokens.wait(token, context.heartbeat, context.signal));
  }
  if (pattern !== "sync") return await request(context, resource, parameters);
  let started = resumed?.started;
  if (started === undefined) {
    started = await request(context, resource, parameters);
    await context.submitted(started);
  }
  return await finished(context, resource, parameters, started);
}

/** The call itself, without waiting for what comes of it. */
async function request(
  context: TaskContext,
  resource: Extract<TaskResource, { kind: "call" }>,
  parameters: Input,
): Promise<Json> {
  const { service, operation, errors, optimised } = resource;
  if (optimised && service === "lambda" && operation === "Invoke") return await invokeIntegration(context, parameters);
  const { kernel, principal } = context.host;
  const call = { kernel, principal, service, operation, errors, optimised };
  const output = await callService(call, parameters);
  // As an integration of its own, `events:putEvents` fails where any entry was refused.
  if (optimised && operation === "PutEvents" && isRecord(output) && Number(output.FailedEntryCount) > 0)
    throw new StateError("EventBridge.FailedEntry", JSON.stringify(output));
  return output;
}

async function invoke({ host }: TaskContext, functionArn: string, payload: Json): Promise<Json> {
  const { kernel, principal } = host;
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
  const { kernel, principal } = context.host;
  const name = String(parameters.FunctionName ?? "");
  const named = name.startsWith("arn:") ? name : arn(kernel.place, "lambda", `function:${name}`);
  const qualifier = parameters.Qualifier;
  const functionArn = typeof qualifier === "string" ? `${named}:${qualifier}` : named;
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
