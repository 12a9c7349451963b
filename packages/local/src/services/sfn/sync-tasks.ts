import type { Json } from "@tributary/model";
import { NotSupportedLocally } from "../../kernel";
import { executionsOf as athenaExecutionsOf } from "../athena";
import { jobRunsOf } from "../glue";
import { isRecord } from "../support";
import { callService, type Input, plain, recase, upper } from "./call-service";
import type { TaskResource } from "./resources";
import { StateError } from "./state-error";
import type { TaskContext } from "./tasks";

const failed = (description: Json) => new StateError("States.TaskFailed", JSON.stringify(description));
const member = (value: Json, key: string): Input =>
  isRecord(value) && isRecord(value[key]) ? (value[key] as Input) : {};

/** Waits for what a `.sync` task started, stops it when the task is given up, and gives its description. */
export async function finished(
  context: TaskContext,
  resource: Extract<TaskResource, { kind: "call" }>,
  parameters: Input,
  started: Json,
): Promise<Json> {
  const { host, signal } = context;
  const { kernel, principal } = host;
  const ids = (isRecord(started) ? started : {}) as Input;
  const { service, errors } = resource;
  const call = (operation: string, input: Input) =>
    callService({ kernel, principal, service, operation, errors, optimised: true }, input);
  /** Waits; when the task is given up meanwhile, what it waits for is stopped. */
  const waitOrStop = async <T>(what: string, work: Promise<T>, stop: () => Promise<Json>): Promise<T> => {
    const undo = () => {
      // The process ends: what was started goes on, or fails by itself, at the next start.
      if (host.closing()) return;
      void stop().catch((error) => kernel.log.warn(`sfn: ${what} could not be stopped: ${String(error)}`));
    };
    signal.addEventListener("abort", undo, { once: true });
    try {
      return await work;
    } finally {
      signal.removeEventListener("abort", undo);
    }
  };
  switch (`${service}.${resource.operation}`) {
    case "glue.StartJobRun": {
      const [JobName, RunId] = [String(parameters.JobName), String(ids.JobRunId)];
      await waitOrStop(`job run ${RunId}`, jobRunsOf(kernel).settled(JobName, RunId), () =>
        call("BatchStopJobRun", { JobName, JobRunIds: [RunId] }),
      );
      const run = member(await call("GetJobRun", { JobName, RunId }), "JobRun");
      if (run.JobRunState !== "SUCCEEDED") throw failed(run);
      return run;
    }
    case "athena.StartQueryExecution": {
      const QueryExecutionId = String(ids.QueryExecutionId);
      await waitOrStop(`query ${QueryExecutionId}`, athenaExecutionsOf(kernel).settled(QueryExecutionId), () =>
        call("StopQueryExecution", { QueryExecutionId }),
      );
      const description = await call("GetQueryExecution", { QueryExecutionId });
      if (member(member(description, "QueryExecution"), "Status").State !== "SUCCEEDED") throw failed(description);
      return description;
    }
    case "sfn.StartExecution": {
      const executionArn = String(ids.ExecutionArn);
      const settled = await waitOrStop(executionArn, host.idle(host.settledExecution(executionArn)), () =>
        call("StopExecution", { ExecutionArn: executionArn }),
      );
      const result = recase(plain(settled) as Input, upper);
      if (result.Status !== "SUCCEEDED") throw failed(result);
      // `.sync:2` gives input and output as JSON, `.sync` as text.
      if (resource.version !== "2") return result;
      return { ...result, Input: JSON.parse(String(result.Input)), Output: JSON.parse(String(result.Output)) };
    }
    default:
      throw new NotSupportedLocally(`Step Functions integration ${resource.label}`);
  }
}
