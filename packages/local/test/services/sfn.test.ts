import type { InvokeResult, Kernel, Principal, RequiredPermission } from "../../src/kernel";
import { AwsError } from "../../src/kernel";
import * as glue from "../../src/services/glue";
import * as s3 from "../../src/services/s3";
import * as sfn from "../../src/services/sfn";
import { TestLake, until } from "./lake-support";

type States = Record<string, unknown>;
interface Case {
  readonly name: string;
  readonly states: States;
  readonly startAt?: string;
  readonly jsonata?: boolean;
  readonly input?: unknown;
  readonly output?: unknown;
  readonly error?: string;
  /** Part of the cause. */
  readonly cause?: string;
}

const roleArn = "arn:aws:iam::000000000000:role/machine";
const fn = (name: string) => `arn:aws:lambda:us-east-1:000000000000:function:${name}`;
const pass = (fields: Record<string, unknown>): States => ({ S: { Type: "Pass", End: true, ...fields } });
const choice = (rule: Record<string, unknown>): States => ({
  S: { Type: "Choice", Choices: [{ ...rule, Next: "Yes" }], Default: "No" },
  Yes: { Type: "Pass", Result: "yes", End: true },
  No: { Type: "Pass", Result: "no", End: true },
});
const task = (name: string, fields: Record<string, unknown> = {}): States => ({
  S: { Type: "Task", Resource: fn(name), End: true, ...fields },
});
const intrinsic = (call: string) => pass({ Parameters: { "v.$": call } });
const seen = {
  a: { b: [1, 2, { c: "x" }] },
  n: 5,
  s: "text",
  t: true,
  z: null,
  at: "2024-01-05T10:00:00Z",
  "odd key": 1,
};

const cases: Case[] = [
  // Paths
  { name: "Pass hands its input on", states: pass({}), input: { a: 1 }, output: { a: 1 } },
  { name: "Pass with Result", states: pass({ Result: { x: 1 } }), input: { a: 1 }, output: { x: 1 } },
  {
    name: "ResultPath keeps the input",
    states: pass({ Result: 7, ResultPath: "$.r.v" }),
    input: { a: 1 },
    output: { a: 1, r: { v: 7 } },
  },
  {
    name: "ResultPath null drops the result",
    states: pass({ Result: 7, ResultPath: null }),
    input: { a: 1 },
    output: { a: 1 },
  },
  {
    name: "ResultPath into an array",
    states: pass({ Result: 7, ResultPath: "$.l[1]" }),
    input: { l: [1, 2] },
    output: { l: [1, 7] },
  },
  {
    name: "InputPath and OutputPath",
    states: pass({ InputPath: "$.a", OutputPath: "$.b" }),
    input: { a: { b: 2 } },
    output: 2,
  },
  { name: "InputPath null is an empty object", states: pass({ InputPath: null }), input: { a: 1 }, output: {} },
  { name: "OutputPath null is an empty object", states: pass({ OutputPath: null }), input: { a: 1 }, output: {} },
  {
    name: "Parameters mixes literals and paths",
    states: pass({ Parameters: { x: 1, "y.$": "$.a.b[2].c", z: [{ "k.$": "$.n" }] } }),
    input: seen,
    output: { x: 1, y: "x", z: [{ k: 5 }] },
  },
  {
    name: "a path with a quoted key",
    states: pass({ Parameters: { "v.$": "$['odd key']" } }),
    input: seen,
    output: { v: 1 },
  },
  {
    name: "a wildcard path gives an array",
    states: pass({ Parameters: { "v.$": "$.l[*].k" } }),
    input: { l: [{ k: 1 }, { k: 2 }] },
    output: { v: [1, 2] },
  },
  {
    name: "a wildcard path with one match gives an array",
    states: pass({ Parameters: { "v.$": "$.l[*].k" } }),
    input: { l: [{ k: 1 }] },
    output: { v: [1] },
  },
  {
    name: "a filter path",
    states: pass({ Parameters: { "v.$": "$.l[?(@.k > 1)].k" } }),
    input: { l: [{ k: 1 }, { k: 2 }] },
    output: { v: [2] },
  },
  {
    name: "the context object",
    states: pass({
      Parameters: { "n.$": "$$.State.Name", "i.$": "$$.Execution.Input.a", "r.$": "$$.State.RetryCount" },
    }),
    input: { a: 1 },
    output: { n: "S", i: 1, r: 0 },
  },
  {
    name: "a missing path in Parameters",
    states: pass({ Parameters: { "v.$": "$.nope" } }),
    input: {},
    error: "States.ParameterPathFailure",
    cause: "$.nope",
  },
  {
    name: "a missing InputPath",
    states: pass({ InputPath: "$.nope" }),
    input: {},
    error: "States.Runtime",
    cause: "$.nope",
  },
  {
    name: "variables by Assign",
    states: {
      A: { Type: "Pass", Assign: { "v.$": "$.n" }, Next: "B" },
      B: { Type: "Pass", Parameters: { "got.$": "$v" }, End: true },
    },
    startAt: "A",
    input: { n: 3 },
    output: { got: 3 },
  },
  // Intrinsics
  {
    name: "Format",
    states: intrinsic("States.Format('{} is {} \\{\\}', $.s, $.n)"),
    input: seen,
    output: { v: "text is 5 {}" },
  },
  {
    name: "Format with too few arguments",
    states: intrinsic("States.Format('{} {}', 1)"),
    input: seen,
    error: "States.IntrinsicFailure",
  },
  { name: "StringToJson", states: intrinsic("States.StringToJson('{\"a\": [1]}')"), output: { v: { a: [1] } } },
  {
    name: "JsonToString",
    states: intrinsic("States.JsonToString($)"),
    input: { a: [1, null] },
    output: { v: '{"a":[1,null]}' },
  },
  {
    name: "Array and nesting",
    states: intrinsic("States.Array('a', 1, true, null, States.ArrayLength($.a.b))"),
    input: seen,
    output: { v: ["a", 1, true, null, 3] },
  },
  {
    name: "ArrayPartition",
    states: intrinsic("States.ArrayPartition(States.ArrayRange(1, 5, 1), 2)"),
    output: { v: [[1, 2], [3, 4], [5]] },
  },
  { name: "ArrayContains", states: intrinsic("States.ArrayContains($.a.b, 2)"), input: seen, output: { v: true } },
  { name: "ArrayGetItem", states: intrinsic("States.ArrayGetItem($.a.b, 1)"), input: seen, output: { v: 2 } },
  { name: "ArrayUnique", states: intrinsic("States.ArrayUnique(States.Array(1, 2, 1))"), output: { v: [1, 2] } },
  {
    name: "Base64 there and back",
    states: intrinsic("States.Base64Decode(States.Base64Encode('häuser'))"),
    output: { v: "häuser" },
  },
  {
    name: "Hash",
    states: intrinsic("States.Hash('a', 'SHA-256')"),
    output: { v: "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb" },
  },
  {
    name: "JsonMerge",
    states: intrinsic("States.JsonMerge($.x, $.y, false)"),
    input: { x: { a: 1, b: { c: 1 } }, y: { b: { d: 2 } } },
    output: { v: { a: 1, b: { d: 2 } } },
  },
  { name: "MathAdd", states: intrinsic("States.MathAdd($.n, -7)"), input: seen, output: { v: -2 } },
  { name: "StringSplit", states: intrinsic("States.StringSplit('1,2+3', ',+')"), output: { v: ["1", "2", "3"] } },
  {
    name: "an unknown intrinsic",
    states: intrinsic("States.Nope(1)"),
    error: "States.IntrinsicFailure",
    cause: "States.Nope",
  },
  // Choice
  { name: "StringEquals", states: choice({ Variable: "$.s", StringEquals: "text" }), input: seen, output: "yes" },
  {
    name: "StringMatches with a wildcard",
    states: choice({ Variable: "$.s", StringMatches: "t*t" }),
    input: seen,
    output: "yes",
  },
  {
    name: "StringMatches with an escaped star",
    states: choice({ Variable: "$.s", StringMatches: "t\\*t" }),
    input: seen,
    output: "no",
  },
  {
    name: "NumericGreaterThanEquals",
    states: choice({ Variable: "$.n", NumericGreaterThanEquals: 5 }),
    input: seen,
    output: "yes",
  },
  {
    name: "NumericLessThanPath",
    states: choice({ Variable: "$.n", NumericLessThanPath: "$.a.b[0]" }),
    input: seen,
    output: "no",
  },
  {
    name: "a comparison of another type does not hold",
    states: choice({ Variable: "$.s", NumericEquals: 5 }),
    input: seen,
    output: "no",
  },
  { name: "BooleanEquals", states: choice({ Variable: "$.t", BooleanEquals: true }), input: seen, output: "yes" },
  {
    name: "TimestampLessThan",
    states: choice({ Variable: "$.at", TimestampLessThan: "2024-01-05T11:00:00+00:30" }),
    input: seen,
    output: "yes",
  },
  {
    name: "IsPresent of a missing field",
    states: choice({ Variable: "$.nope", IsPresent: true }),
    input: seen,
    output: "no",
  },
  { name: "IsNull", states: choice({ Variable: "$.z", IsNull: true }), input: seen, output: "yes" },
  {
    name: "And, Or, Not",
    states: choice({
      And: [
        { Variable: "$.n", NumericEquals: 5 },
        { Or: [{ Variable: "$.s", StringEquals: "x" }, { Not: { Variable: "$.t", BooleanEquals: false } }] },
      ],
    }),
    input: seen,
    output: "yes",
  },
  {
    name: "a missing variable",
    states: choice({ Variable: "$.nope", StringEquals: "x" }),
    input: seen,
    error: "States.Runtime",
  },
  {
    name: "no choice and no default",
    states: {
      S: { Type: "Choice", Choices: [{ Variable: "$.n", NumericEquals: 1, Next: "E" }] },
      E: { Type: "Succeed" },
    },
    input: seen,
    error: "States.NoChoiceMatched",
  },
  // Flow
  {
    name: "Wait, then Succeed",
    states: { S: { Type: "Wait", SecondsPath: "$.n", Next: "E" }, E: { Type: "Succeed", OutputPath: "$.n" } },
    input: seen,
    output: 5,
  },
  { name: "Fail", states: { S: { Type: "Fail", Error: "Mine", Cause: "because" } }, error: "Mine", cause: "because" },
  {
    name: "Fail by paths",
    states: { S: { Type: "Fail", ErrorPath: "$.s", CausePath: "States.Format('n={}', $.n)" } },
    input: seen,
    error: "text",
    cause: "n=5",
  },
  {
    name: "Parallel",
    states: {
      S: {
        Type: "Parallel",
        Branches: [
          { StartAt: "A", States: { A: { Type: "Pass", Result: 1, End: true } } },
          { StartAt: "B", States: { B: { Type: "Pass", OutputPath: "$.n", End: true } } },
        ],
        ResultPath: "$.p",
        End: true,
      },
    },
    input: { n: 2 },
    output: { n: 2, p: [1, 2] },
  },
  {
    name: "a failing branch fails Parallel, and Catch takes it",
    states: {
      S: {
        Type: "Parallel",
        Branches: [
          { StartAt: "A", States: { A: { Type: "Fail", Error: "Bad", Cause: "c" } } },
          { StartAt: "B", States: { B: { Type: "Wait", Seconds: 3600, End: true } } },
        ],
        Catch: [{ ErrorEquals: ["Bad"], ResultPath: "$.e", Next: "E" }],
        End: true,
      },
      E: { Type: "Pass", End: true },
    },
    input: { n: 2 },
    output: { n: 2, e: { Error: "Bad", Cause: "c" } },
  },
  {
    name: "Map over ItemsPath with ItemSelector",
    states: {
      S: {
        Type: "Map",
        ItemsPath: "$.l",
        ItemSelector: { "i.$": "$$.Map.Item.Index", "v.$": "$$.Map.Item.Value", "n.$": "$.n" },
        ItemProcessor: { StartAt: "A", States: { A: { Type: "Pass", End: true } } },
        End: true,
      },
    },
    input: { l: ["a", "b"], n: 9 },
    output: [
      { i: 0, v: "a", n: 9 },
      { i: 1, v: "b", n: 9 },
    ],
  },
  {
    name: "Map over nothing",
    states: { S: { Type: "Map", ItemProcessor: { StartAt: "A", States: { A: { Type: "Fail" } } }, End: true } },
    input: [],
    output: [],
  },
  {
    name: "Map with MaxConcurrency 1 and a task",
    states: {
      S: {
        Type: "Map",
        MaxConcurrency: 1,
        ItemProcessor: { StartAt: "A", States: { A: { Type: "Task", Resource: fn("double"), End: true } } },
        End: true,
      },
    },
    input: [{ n: 1 }, { n: 2 }],
    output: [{ n: 2 }, { n: 4 }],
  },
  // Tasks
  { name: "a function's ARN as resource", states: task("double"), input: { n: 4 }, output: { n: 8 } },
  {
    name: "lambda:invoke",
    states: {
      S: {
        Type: "Task",
        Resource: "arn:aws:states:::lambda:invoke",
        Parameters: { FunctionName: "double", Payload: { "n.$": "$.n" } },
        ResultSelector: { "n.$": "$.Payload.n", "code.$": "$.StatusCode" },
        ResultPath: "$.r",
        End: true,
      },
    },
    input: { n: 4 },
    output: { n: 4, r: { n: 8, code: 200 } },
  },
  { name: "a function's error by its type", states: task("throws"), input: {}, error: "RangeError", cause: "too far" },
  {
    name: "Retry until it works",
    states: task("thirdTime", { Retry: [{ ErrorEquals: ["RangeError"], IntervalSeconds: 2, MaxAttempts: 2 }] }),
    input: {},
    output: { calls: 3 },
  },
  {
    name: "Retry gives up after MaxAttempts",
    states: task("thirdTime", {
      Retry: [{ ErrorEquals: ["States.ALL"], MaxAttempts: 1, IntervalSeconds: 2, JitterStrategy: "FULL" }],
    }),
    input: {},
    error: "RangeError",
  },
  {
    name: "each retrier counts for itself",
    states: task("thirdTime", {
      Retry: [
        { ErrorEquals: ["Other"], MaxAttempts: 5 },
        { ErrorEquals: ["RangeError"], IntervalSeconds: 2, MaxDelaySeconds: 3, MaxAttempts: 3 },
      ],
    }),
    input: {},
    output: { calls: 3 },
  },
  {
    name: "Catch with States.TaskFailed and ResultPath",
    states: {
      ...task("throws", { Catch: [{ ErrorEquals: ["States.TaskFailed"], ResultPath: "$.e", Next: "E" }] }),
      E: { Type: "Pass", Parameters: { "was.$": "$.e.Error", "n.$": "$.n" }, End: true },
    },
    input: { n: 1 },
    output: { was: "RangeError", n: 1 },
  },
  {
    name: "TimeoutSeconds",
    states: {
      ...task("never", { TimeoutSeconds: 0.02, Catch: [{ ErrorEquals: ["States.Timeout"], Next: "E" }] }),
      E: { Type: "Pass", OutputPath: "$.Error", End: true },
    },
    input: {},
    output: "States.Timeout",
  },
  {
    name: "States.TaskFailed is no timeout",
    states: {
      ...task("never", { TimeoutSeconds: 0.02, Catch: [{ ErrorEquals: ["States.TaskFailed"], Next: "E" }] }),
      E: { Type: "Pass", End: true },
    },
    input: {},
    error: "States.Timeout",
  },
  {
    name: "aws-sdk integration",
    states: {
      S: {
        Type: "Task",
        Resource: "arn:aws:states:::aws-sdk:s3:putObject",
        Parameters: { Bucket: "lake", Key: "k", "Body.$": "States.JsonToString($)" },
        ResultPath: null,
        Next: "G",
      },
      G: {
        Type: "Task",
        Resource: "arn:aws:states:::aws-sdk:s3:getObject",
        Parameters: { Bucket: "lake", Key: "k" },
        ResultSelector: { "body.$": "States.StringToJson($.Body)" },
        End: true,
      },
    },
    input: { n: 1 },
    output: { body: { n: 1 } },
  },
  {
    name: "an AWS error under the service's name",
    states: {
      S: {
        Type: "Task",
        Resource: "arn:aws:states:::glue:startJobRun.sync",
        Parameters: { JobName: "nope" },
        End: true,
      },
    },
    error: "Glue.EntityNotFoundException",
  },
  {
    name: "a service that is not there",
    states: {
      S: { Type: "Task", Resource: "arn:aws:states:::aws-sdk:textract:analyzeDocument", Parameters: {}, End: true },
    },
    error: "NotSupportedLocally",
    cause: "textract.AnalyzeDocument",
  },
  // JSONata
  {
    name: "JSONata Output",
    jsonata: true,
    states: pass({ Output: { sum: "{% $sum($states.input.l) %}", text: "plain" } }),
    input: { l: [1, 2] },
    output: { sum: 3, text: "plain" },
  },
  {
    name: "JSONata Arguments and result",
    jsonata: true,
    states: task("double", { Arguments: { n: "{% $states.input.x + 1 %}" }, Output: "{% $states.result.n %}" }),
    input: { x: 1 },
    output: 4,
  },
  {
    name: "JSONata Assign",
    jsonata: true,
    states: {
      A: { Type: "Pass", Assign: { v: "{% $states.input.n * 2 %}" }, Next: "B" },
      B: { Type: "Pass", Output: "{% $v %}", End: true },
    },
    startAt: "A",
    input: { n: 3 },
    output: 6,
  },
  {
    name: "JSONata Choice",
    jsonata: true,
    states: choice({ Condition: "{% $states.input.n > 4 %}" }),
    input: seen,
    output: seen,
  },
  {
    name: "JSONata that gives nothing",
    jsonata: true,
    states: pass({ Output: "{% $states.input.nope %}" }),
    input: {},
    error: "States.QueryEvaluationError",
  },
];

describe("Amazon States Language", () => {
  let lake: TestLake;
  const calls = new Map<string, number>();
  const allowed: { action: string; resource: string }[] = [];
  let refuse: string | undefined;

  const functions: Record<string, (payload: { n: number }) => Promise<InvokeResult>> = {
    double: async ({ n }) => ({ payload: { n: n * 2 } }),
    throws: async () => ({ payload: { errorType: "RangeError", errorMessage: "too far" }, functionError: "Unhandled" }),
    never: () => new Promise(() => {}),
    thirdTime: async () => {
      const count = (calls.get("thirdTime") ?? 0) + 1;
      calls.set("thirdTime", count);
      if (count < 3)
        return { payload: { errorType: "RangeError", errorMessage: "not yet" }, functionError: "Unhandled" };
      return { payload: { calls: count } };
    },
  };
  const install = (kernel: Kernel) => {
    kernel.lambda = {
      invoke: (arn, payload) => {
        const run = functions[arn.split(":").at(-1) ?? ""];
        if (!run) throw new AwsError("ResourceNotFoundException", `no function ${arn}`);
        return run(payload as { n: number });
      },
      invokeAsync: async () => {},
      roleOf: () => roleArn,
    };
    kernel.authorizer = {
      check(_principal: Principal, { action, resource }: RequiredPermission) {
        if (action === refuse)
          throw new AwsError("AccessDeniedException", `not authorized to perform ${action} on ${resource}`);
        allowed.push({ action, resource });
      },
    };
    return [s3, glue, sfn].flatMap((service) => service.install(kernel));
  };
  const machine = async (name: string, definition: Record<string, unknown>, type = "STANDARD") =>
    (
      await lake.add("aws:sfn/stateMachine:StateMachine", name, {
        name,
        roleArn,
        type,
        definition: JSON.stringify(definition),
      })
    ).id;
  const run = async (stateMachineArn: string, input: unknown = {}) => {
    const { executionArn } = await lake.kernel.call<{ executionArn: string }>("sfn", "StartExecution", {
      stateMachineArn,
      input: JSON.stringify(input),
    });
    return await sfn.executionsOf(lake.kernel).settled(executionArn);
  };

  beforeAll(async () => {
    lake = TestLake.open(install, { timeScale: 0.001 });
    lake.role("machine", "states.amazonaws.com");
    await lake.add("aws:s3/bucket:Bucket", "lake", { bucket: "lake" });
  });
  afterAll(() => lake.close());
  beforeEach(() => {
    calls.clear();
    allowed.length = 0;
    refuse = undefined;
  });

  it.each(cases.map((each, index) => ({ ...each, index })))(
    "$name",
    async ({ index, states, startAt = "S", jsonata, input, output, error, cause }) => {
      const arn = await machine(`case-${index}`, {
        StartAt: startAt,
        States: states,
        ...(jsonata && { QueryLanguage: "JSONata" }),
      });
      const row = await run(arn, input);
      if (error === undefined) {
        expect({ error: row.error, cause: row.cause, output: JSON.parse(row.output ?? "null") }).toEqual({ output });
      } else {
        expect(row).toMatchObject({ status: "FAILED", error });
        expect(row.cause).toContain(cause ?? "");
      }
    },
  );

  it("keeps the history of what it did", async () => {
    const arn = await machine("history", {
      StartAt: "A",
      States: { A: { Type: "Task", Resource: fn("double"), Next: "B" }, B: { Type: "Succeed" } },
    });
    const { arn: executionArn } = await run(arn, { n: 1 });
    const { events } = await lake.kernel.call<{
      events: { id: number; type: string; stateEnteredEventDetails?: { name: string } }[];
    }>("sfn", "GetExecutionHistory", { executionArn });
    expect(events.map(({ type }) => type)).toEqual([
      "ExecutionStarted",
      "TaskStateEntered",
      "TaskScheduled",
      "TaskSucceeded",
      "TaskStateExited",
      "SucceedStateEntered",
      "SucceedStateExited",
      "ExecutionSucceeded",
    ]);
    expect(events[1]?.stateEnteredEventDetails?.name).toBe("A");
  });

  it("runs tasks under the machine's role, and a refusal is an error that Catch can name", async () => {
    refuse = "lambda:InvokeFunction";
    const arn = await machine("refused", { StartAt: "S", States: task("double") });
    expect(await run(arn, { n: 1 })).toMatchObject({ status: "FAILED", error: "Lambda.AccessDeniedException" });
  });

  it("needs a role that trusts Step Functions", async () => {
    const untrusted = lake.role("untrusted", "lambda.amazonaws.com");
    const definition = JSON.stringify({ StartAt: "S", States: pass({}) });
    const inputs = { name: "untrusted", roleArn: untrusted, definition };
    const { id } = await lake.add("aws:sfn/stateMachine:StateMachine", "untrusted", inputs);
    await expect(run(id)).rejects.toMatchObject({
      name: "AccessDeniedException",
      message: expect.stringContaining("states.amazonaws.com may not assume"),
    });
  });

  it("tells the tables that a pipeline wrote, step by step, and why it failed", async () => {
    await lake.add("aws:glue/catalogDatabase:CatalogDatabase", "db", { name: "db" });
    await lake.add("aws:glue/catalogTable:CatalogTable", "numbers", {
      name: "numbers",
      databaseName: "db",
      parameters: { classification: "parquet" },
      storageDescriptor: { location: "s3://lake/numbers/", columns: [{ name: "n", type: "bigint" }] },
    });
    const job = async (name: string, sql: string) => {
      const target = { database: "db", table: "numbers" };
      const steps = [{ name: "db.numbers", sql: `s3://lake/scripts/${name}.sql`, target, mode: "overwrite" }];
      await lake.putText("lake", `scripts/${name}.sql`, sql);
      await lake.putText("lake", `scripts/${name}.json`, JSON.stringify({ version: 1, steps }));
      await lake.add("aws:glue/job:Job", name, {
        name,
        roleArn: lake.role("job", "glue.amazonaws.com"),
        command: { scriptLocation: "s3://lake/scripts/driver.py" },
        defaultArguments: { "--manifest": `s3://lake/scripts/${name}.json` },
      });
    };
    const startJob = (JobName: string, fields: Record<string, unknown>) => ({
      Type: "Task",
      Resource: "arn:aws:states:::glue:startJobRun.sync",
      Parameters: { JobName },
      ResultPath: `$.${JobName}`,
      ...fields,
    });
    await job("good", "SELECT id AS n FROM range(5) AS r(id)");
    await job("bad", "SELECT m AS n FROM db.numbers");
    const arn = await machine("pipeline", {
      StartAt: "Good",
      States: {
        Good: startJob("good", { Next: "Bad" }),
        Bad: startJob("bad", {
          Catch: [{ ErrorEquals: ["States.ALL"], ResultPath: "$.error", Next: "Failed" }],
          End: true,
        }),
        Failed: { Type: "Fail", ErrorPath: "$.error.Error", CausePath: "$.error.Cause" },
      },
    });
    const { arn: executionArn } = await run(arn);
    expect(sfn.describePipelineRun(lake.kernel, executionArn)).toEqual({
      status: "FAILED",
      steps: [
        { name: "db.numbers", seconds: expect.any(Number), rows: 5 },
        { name: "Bad", seconds: expect.any(Number), rows: null },
      ],
      error: expect.stringMatching(/^States\.TaskFailed: step db\.numbers \(s3:\/\/lake\/scripts\/bad\.sql\): .*"m"/s),
    });
    // Waiting for a job and reading how it went is the machine's to be allowed.
    expect(allowed.map(({ action }) => action)).toEqual(expect.arrayContaining(["glue:StartJobRun", "glue:GetJobRun"]));
  });

  it("stops an execution in a wait, with the reason given", async () => {
    const arn = await machine("stoppable", {
      StartAt: "W",
      States: { W: { Type: "Wait", Seconds: 86_400_000, End: true } },
    });
    const { executionArn } = await lake.kernel.call<{ executionArn: string }>("sfn", "StartExecution", {
      stateMachineArn: arn,
    });
    await until("the wait is entered", () => sfn.executionsOf(lake.kernel).histories.list(executionArn).length >= 2);
    // Waiting is no work in progress.
    expect(lake.kernel.pending()).toEqual({});
    await lake.kernel.call("sfn", "StopExecution", { executionArn, error: "Enough", cause: "by hand" });
    expect(await lake.kernel.call("sfn", "DescribeExecution", { executionArn })).toMatchObject({
      status: "ABORTED",
      error: "Enough",
      cause: "by hand",
    });
  });

  it("starts once by name, and refuses another input under it", async () => {
    const arn = await machine("named", { StartAt: "S", States: pass({}) });
    const start = (input: string) =>
      lake.kernel.call("sfn", "StartExecution", { stateMachineArn: arn, name: "once", input });
    await start("{}");
    await sfn.executionsOf(lake.kernel).settled(`${arn.replace(":stateMachine:", ":execution:")}:once`);
    await expect(start('{"other":1}')).rejects.toMatchObject({ name: "ExecutionAlreadyExists" });
  });

  it("answers StartSyncExecution for express machines only", async () => {
    const states = { StartAt: "S", States: pass({ Result: 1 }) };
    const express = await machine("express", states, "EXPRESS");
    expect(await lake.kernel.call("sfn", "StartSyncExecution", { stateMachineArn: express })).toMatchObject({
      status: "SUCCEEDED",
      output: "1",
    });
    const standard = await machine("standard", states);
    await expect(lake.kernel.call("sfn", "StartSyncExecution", { stateMachineArn: standard })).rejects.toMatchObject({
      name: "StateMachineTypeNotSupported",
    });
  });

  it.each([
    [
      "a distributed Map",
      {
        S: {
          Type: "Map",
          ItemProcessor: { ProcessorConfig: { Mode: "DISTRIBUTED" }, StartAt: "A", States: pass({}) },
          End: true,
        },
      },
      "NotSupportedLocally",
      "distributed Map in /States/S",
    ],
    [
      "a task token",
      { S: { Type: "Task", Resource: "arn:aws:states:::sqs:sendMessage.waitForTaskToken", End: true } },
      "NotSupportedLocally",
      "waitForTaskToken",
    ],
    ["a Next that leads nowhere", { S: { Type: "Pass", Next: "Nowhere" } }, "InvalidDefinition", "leads to Nowhere"],
  ])("refuses %s when the machine is made", async (_, states, name, reason) => {
    const made = machine("refused-definition", { StartAt: "S", States: states });
    await expect(made).rejects.toMatchObject({ name, message: expect.stringContaining(reason) });
  });

  it("fails what a restart cut short, by name", async () => {
    const arn = await machine("cut", { StartAt: "S", States: task("never") });
    const { executionArn } = await lake.kernel.call<{ executionArn: string }>("sfn", "StartExecution", {
      stateMachineArn: arn,
    });
    const table = lake.kernel.store.table<Record<string, unknown>>("sfn.executions");
    const row = { ...table.get(executionArn) };
    await lake.kernel.call("sfn", "StopExecution", { executionArn });
    // As a kill leaves it: running, for nobody.
    await lake.kernel.store.write(() => table.put(executionArn, { ...row, status: "RUNNING" }));
    await lake.reopen();
    expect(await sfn.executionsOf(lake.kernel).settled(executionArn)).toMatchObject({
      status: "FAILED",
      error: "Tributary.RuntimeStopped",
    });
  });
});
