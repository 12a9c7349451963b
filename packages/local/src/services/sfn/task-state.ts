import type { Json } from "@tributary/model";
import { abortion, linked } from "./clock";
import type { Interpreter } from "./interpreter";
import { parseResource } from "./resources";
import { Aborted, StateError } from "./state-error";
import { limit, numberOf, type Step } from "./step";
import { runTask } from "./tasks";

/** The longest that one timer of Node runs. */
const longestTimer = 2 ** 31 - 1;

/** Runs one attempt at a Task, within its timeouts (real seconds), and writes its history. */
export async function runTaskState(interpreter: Interpreter, step: Step, args: Json): Promise<Json> {
  const { state, name, strand } = step;
  const { host } = interpreter;
  const resource = parseResource(state.Resource ?? "", "STANDARD", name);
  const timeout = await numberOf(step, "TimeoutSeconds", state.TimeoutSeconds, state.TimeoutSecondsPath, args);
  const heartbeat = await numberOf(step, "HeartbeatSeconds", state.HeartbeatSeconds, state.HeartbeatSecondsPath, args);
  const isFunction = resource.kind === "function";
  const kind = isFunction ? "LambdaFunction" : "Task";
  const label = isFunction ? { resource: resource.arn } : labelOf(resource.label);
  const record = (what: string, details: { readonly [key: string]: Json }) =>
    interpreter.record(strand, `${kind}${what}`, details, name);
  // TaskScheduled names the resource by its parts; a function's events name it once.
  const named: { readonly [key: string]: Json } = isFunction ? {} : label;
  const { resumed } = step;
  if (!resumed) {
    const parameters = limit(args, `The state ${name}: its task's input`);
    const limits = {
      ...(timeout !== undefined && { timeoutInSeconds: timeout }),
      ...(heartbeat !== undefined && { heartbeatInSeconds: heartbeat }),
    };
    record("Scheduled", { ...label, ...limits, [isFunction ? "input" : "parameters"]: parameters });
    record("Started", named);
  }
  try {
    if (resumed?.task && resumed.task.token === undefined && resumed.task.started === undefined) throw cutShort(name);
    const { token } = step;
    if (!resumed?.task) await step.keep({ task: token === undefined ? {} : { token } });
    const output = await within(step, timeout, (signal) =>
      runTask(
        {
          host,
          signal,
          token,
          heartbeat,
          resumed: resumed?.task,
          submitted: async (started) => {
            record("Submitted", { ...named, output: limit(started, `The state ${name}: its task's answer`) });
            if (token === undefined) await step.keep({ task: { started } });
          },
        },
        resource,
        args,
      ),
    );
    record("Succeeded", { ...named, output: limit(output, `The state ${name}: its task's result`) });
    return output;
  } catch (error) {
    if (error instanceof Aborted) throw error;
    const fault = asFault(error);
    const late = fault.error === "States.Timeout" || fault.error === "States.HeartbeatTimeout";
    record(late ? "TimedOut" : "Failed", { ...named, error: fault.error, cause: fault.causeText });
    throw fault;
  } finally {
    if (step.token !== undefined && !strand.signal.aborted) await host.tokens.close(step.token);
  }
}

/** `aws-sdk:s3:putObject` is `putObject` of `aws-sdk:s3`. */
function labelOf(label: string): { resourceType: string; resource: string } {
  const at = label.lastIndexOf(":");
  return { resourceType: label.slice(0, at), resource: label.slice(at + 1) };
}

const cutShort = (name: string) =>
  new StateError(
    "Tributary.RuntimeStopped",
    `The runtime was stopped while ${name} ran; what it called may have happened. Retry names this error, or redrive the execution.`,
  );

function asFault(error: unknown): StateError {
  if (error instanceof StateError) return error;
  const { name, message } = error instanceof Error ? error : { name: "States.Runtime", message: String(error) };
  return new StateError(name, message);
}

/** Holds work to a time; what is late is told to stop. */
async function within(
  step: Step,
  seconds: number | undefined,
  work: (signal: AbortSignal) => Promise<Json>,
): Promise<Json> {
  const task = linked(step.strand.signal);
  const stopped = abortion(step.strand.signal);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    if (seconds === undefined) return;
    const tell = () => {
      task.abort();
      reject(new StateError("States.Timeout", `${step.name} took longer than ${seconds} seconds`));
    };
    timer = setTimeout(tell, Math.min(seconds * 1000, longestTimer));
  });
  late.catch(() => {});
  try {
    const working = work(task.signal);
    // It may end in an error after it was given up.
    working.catch(() => {});
    return await Promise.race([working, late, stopped.promise]);
  } finally {
    clearTimeout(timer);
    task.release();
    stopped.release();
  }
}
