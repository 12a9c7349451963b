import type { Readable } from "node:stream";
import { type AwsError, NotSupportedLocally } from "../kernel";
import { json, parseJson } from "./json";
import type { Protocol } from "./protocol";
import { type AwsRequest, type AwsResponse, readBody } from "./request";
import { fromWire, toWire } from "./shapes";

interface Route {
  readonly service: string;
  readonly method: string;
  readonly pattern: RegExp;
  readonly operation: string;
}

function route(service: string, method: string, path: string, operation: string): Route {
  const source = path.replace(/\{(\w+)\}/g, "(?<$1>[^/]+)");
  return { service, method, pattern: new RegExp(`^${source}/?$`), operation };
}

const functions = "/2015-03-31/functions";
const mappings = "/2015-03-31/event-source-mappings";
const workflow = "/matchingworkflows/{workflowName}";

/** Operations whose path and method name them. Members of the path and the query join those of the body. */
const routes: readonly Route[] = [
  route("lambda", "POST", `${functions}/{FunctionName}/invocations`, "Invoke"),
  route("lambda", "GET", functions, "ListFunctions"),
  route("lambda", "GET", `${functions}/{FunctionName}`, "GetFunction"),
  route("lambda", "GET", `${functions}/{FunctionName}/configuration`, "GetFunctionConfiguration"),
  route("lambda", "GET", mappings, "ListEventSourceMappings"),
  route("lambda", "GET", `${mappings}/{UUID}`, "GetEventSourceMapping"),
  route("lambda", "PUT", `${mappings}/{UUID}`, "UpdateEventSourceMapping"),
  route("scheduler", "POST", "/schedules/{Name}", "CreateSchedule"),
  route("scheduler", "PUT", "/schedules/{Name}", "UpdateSchedule"),
  route("scheduler", "GET", "/schedules/{Name}", "GetSchedule"),
  route("scheduler", "DELETE", "/schedules/{Name}", "DeleteSchedule"),
  route("scheduler", "GET", "/schedules", "ListSchedules"),
  route("appflow", "POST", "/start-flow", "StartFlow"),
  route("appflow", "POST", "/stop-flow", "StopFlow"),
  route("appflow", "POST", "/describe-flow", "DescribeFlow"),
  route("appflow", "POST", "/list-flows", "ListFlows"),
  route("appflow", "POST", "/describe-flow-execution-records", "DescribeFlowExecutionRecords"),
  route("appflow", "POST", "/describe-connector-profiles", "DescribeConnectorProfiles"),
  route("entityresolution", "GET", "/schemas/{schemaName}", "GetSchemaMapping"),
  route("entityresolution", "GET", workflow, "GetMatchingWorkflow"),
  route("entityresolution", "POST", `${workflow}/jobs`, "StartMatchingJob"),
  route("entityresolution", "GET", `${workflow}/jobs`, "ListMatchingJobs"),
  route("entityresolution", "GET", `${workflow}/jobs/{jobId}`, "GetMatchingJob"),
  route("entityresolution", "POST", `${workflow}/matches`, "GetMatchId"),
  route("entityresolution", "POST", `${workflow}/generateMatches`, "GenerateMatchId"),
  route("entityresolution", "DELETE", `${workflow}/uniqueids`, "BatchDeleteUniqueId"),
];

/** Members that travel in headers of their own name; a list is parted by commas. */
const headerMembers: Readonly<Record<string, readonly { readonly name: string; readonly list?: true }[]>> = {
  BatchDeleteUniqueId: [{ name: "uniqueIds", list: true }, { name: "inputSource" }],
};

function readHeaders(operation: string, request: AwsRequest): Record<string, unknown> {
  const given = (headerMembers[operation] ?? []).flatMap(({ name, list }) => {
    const value = request.header(name.toLowerCase());
    if (value === undefined) return [];
    return [[name, list ? value.split(",").map((item) => item.trim()) : value] as const];
  });
  return Object.fromEntries(given);
}

/** Members that a query holds under another name. */
const queryNames: Readonly<Record<string, string>> = { groupName: "GroupName", ScheduleGroup: "GroupName" };
const numbers = new Set(["MaxItems", "MaxResults", "maxResults"]);

/** REST JSON: Lambda, Scheduler, AppFlow, Entity Resolution. */
export const restJsonProtocol: Protocol = {
  async call(kernel, service, request, principal) {
    for (const { service: owner, method, pattern, operation } of routes) {
      if (owner !== service || method !== request.method) continue;
      const match = pattern.exec(request.path);
      if (!match) continue;
      const named = Object.entries(match.groups ?? {}).map(([key, value]) => [key, decodeURIComponent(value)]);
      const input = { ...Object.fromEntries(named), ...readQuery(request), ...readHeaders(operation, request) };
      if (operation === "Invoke") {
        const output = await kernel.call(service, operation, await invocation(request, input), principal);
        return invoked(output);
      }
      const body = fromWire(service, parseJson(await readBody(request))) as object;
      return json(200, toWire((await kernel.call(service, operation, { ...body, ...input }, principal)) ?? {}));
    }
    throw new NotSupportedLocally(`${service} ${request.method} ${request.path}`);
  },
  fail(error: AwsError) {
    const body = { message: error.message, ...(toWire(error.details) as object) };
    return json(error.status, body, "application/json", { "x-amzn-errortype": error.name });
  },
};

function readQuery({ query }: AwsRequest): Record<string, unknown> {
  const entries = [...query].filter(([key]) => !key.startsWith("X-Amz-"));
  return Object.fromEntries(
    entries.map(([key, value]) => [queryNames[key] ?? key, numbers.has(key) ? Number(value) : value]),
  );
}

async function invocation(request: AwsRequest, input: Record<string, unknown>): Promise<Record<string, unknown>> {
  const Payload = new Uint8Array(await readBody(request));
  const InvocationType = request.header("x-amz-invocation-type");
  const LogType = request.header("x-amz-log-type");
  const ClientContext = request.header("x-amz-client-context");
  return {
    ...input,
    ...(Payload.byteLength > 0 && { Payload }),
    ...(InvocationType && { InvocationType }),
    ...(LogType && { LogType }),
    ...(ClientContext && { ClientContext }),
  };
}

function invoked(output: Record<string, unknown>): AwsResponse {
  const { Payload, StatusCode, FunctionError, ExecutedVersion, LogResult } = output;
  return {
    status: typeof StatusCode === "number" ? StatusCode : 200,
    headers: {
      "content-type": "application/json",
      ...(FunctionError !== undefined && { "x-amz-function-error": String(FunctionError) }),
      ...(ExecutedVersion !== undefined && { "x-amz-executed-version": String(ExecutedVersion) }),
      ...(LogResult !== undefined && { "x-amz-log-result": String(LogResult) }),
    },
    ...(Payload !== undefined && { body: Payload as Uint8Array | string | Readable }),
  };
}
