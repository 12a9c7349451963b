import { FunctionError, fn, goldenCases, task } from "../sfn-support";

const caught = { Type: "Pass", Parameters: { "was.$": "$.Error" }, OutputPath: "$.was", End: true };
const quick = { IntervalSeconds: 2 };

goldenCases(
  [
    // Retrying
    {
      section: "Retrying after error",
      name: "until it works",
      states: task("thirdTime", { Retry: [{ ErrorEquals: ["RangeError"], ...quick, MaxAttempts: 2 }] }),
      input: "a",
      output: 3,
    },
    {
      section: "Retrying after error",
      name: "MaxAttempts is 3 by default",
      states: task("fifthTime", { Retry: [{ ErrorEquals: ["States.ALL"], ...quick }] }),
      input: "b",
      error: "RangeError",
    },
    {
      section: "Retrying after error",
      name: "MaxAttempts 0 never retries",
      states: task("thirdTime", {
        Retry: [
          { ErrorEquals: ["RangeError"], MaxAttempts: 0 },
          { ErrorEquals: ["States.ALL"], ...quick },
        ],
      }),
      input: "c",
      error: "RangeError",
    },
    {
      section: "Retrying after error",
      name: "MaxDelaySeconds and JitterStrategy",
      states: task("fifthTime", {
        Retry: [
          {
            ErrorEquals: ["States.ALL"],
            ...quick,
            BackoffRate: 1000,
            MaxDelaySeconds: 3,
            MaxAttempts: 9,
            JitterStrategy: "FULL",
          },
        ],
      }),
      input: "d",
      output: 5,
    },
    {
      section: "Retrying after error",
      name: "an error that no Retrier names",
      states: task("thirdTime", { Retry: [{ ErrorEquals: ["Other"] }] }),
      input: "e",
      error: "RangeError",
    },
    {
      section: "Complex retry scenarios",
      name: "each Retrier counts for itself, then Catch",
      states: {
        ...task("abcb", {
          Retry: [
            { ErrorEquals: ["ErrorA", "ErrorB"], BackoffRate: 2, MaxAttempts: 2, ...quick },
            { ErrorEquals: ["ErrorC"], IntervalSeconds: 5 },
          ],
          Catch: [{ ErrorEquals: ["States.ALL"], Next: "Z" }],
        }),
        Z: { Type: "Pass", Parameters: { "e.$": "$.Error", "calls.$": "States.StringToJson($.Cause)" }, End: true },
      },
      input: {},
      output: { e: "ErrorB", calls: { errorType: "ErrorB", errorMessage: "4" } },
    },
    {
      section: "Retrying after error",
      name: "RetryCount in the context object",
      states: {
        S: {
          Type: "Task",
          Resource: "arn:aws:states:::lambda:invoke",
          Parameters: { FunctionName: "thirdTime", Payload: "f" },
          ResultSelector: { "retries.$": "$$.State.RetryCount" },
          Retry: [{ ErrorEquals: ["States.ALL"], ...quick }],
          End: true,
        },
      },
      input: {},
      output: { retries: 2 },
    },
    // Catching
    {
      section: "Fallback states",
      name: "the first Catcher that names it",
      states: {
        ...task("throws", {
          Catch: [
            { ErrorEquals: ["java.lang.Exception"], ResultPath: "$.error-info", Next: "R" },
            { ErrorEquals: ["States.ALL"], Next: "E" },
          ],
        }),
        R: { Type: "Fail" },
        E: caught,
      },
      input: { n: 1 },
      output: "RangeError",
    },
    {
      section: "Error output",
      name: "ResultPath keeps the input",
      states: {
        ...task("throws", { Catch: [{ ErrorEquals: ["RangeError"], ResultPath: "$.error-info", Next: "E" }] }),
        E: { Type: "Pass", Parameters: { "was.$": "$.error-info.Error", "n.$": "$.n" }, End: true },
      },
      input: { n: 1 },
      output: { was: "RangeError", n: 1 },
    },
    {
      section: "Error output",
      name: "ResultPath null drops the error",
      states: {
        ...task("throws", { Catch: [{ ErrorEquals: ["RangeError"], ResultPath: null, Next: "E" }] }),
        E: { Type: "Pass", End: true },
      },
      input: { n: 1 },
      output: { n: 1 },
    },
    {
      section: "Appendix A",
      name: "States.TaskFailed matches a task's error",
      states: { ...task("throws", { Catch: [{ ErrorEquals: ["States.TaskFailed"], Next: "E" }] }), E: caught },
      input: {},
      output: "RangeError",
    },
    {
      section: "Appendix A",
      name: "States.Timeout",
      states: {
        ...task("never", { TimeoutSeconds: 0.02, Catch: [{ ErrorEquals: ["States.Timeout"], Next: "E" }] }),
        E: caught,
      },
      input: {},
      output: "States.Timeout",
    },
    {
      section: "Appendix A",
      name: "States.TaskFailed is no timeout",
      states: {
        ...task("never", { TimeoutSeconds: 0.02, Catch: [{ ErrorEquals: ["States.TaskFailed"], Next: "E" }] }),
        E: caught,
      },
      input: {},
      error: "States.Timeout",
    },
    {
      section: "Task State",
      name: "TimeoutSecondsPath",
      states: task("never", { TimeoutSecondsPath: "$.limit" }),
      input: { limit: 0.02 },
      error: "States.Timeout",
    },
    {
      section: "guide: error names",
      name: "States.ALL does not match States.Runtime",
      states: {
        ...task("throws", { InputPath: "$.nope", Catch: [{ ErrorEquals: ["States.ALL"], Next: "E" }] }),
        E: caught,
      },
      input: {},
      error: "States.Runtime",
    },
    {
      section: "guide: error names",
      name: "States.ALL does not match States.DataLimitExceeded",
      states: { ...task("large", { Catch: [{ ErrorEquals: ["States.ALL"], Next: "E" }] }), E: caught },
      input: {},
      error: "States.DataLimitExceeded",
    },
    {
      section: "Appendix A",
      name: "States.ParameterPathFailure can be caught",
      states: {
        ...task("throws", {
          Parameters: { "a.$": "$.nope" },
          Catch: [{ ErrorEquals: ["States.ParameterPathFailure"], Next: "E" }],
        }),
        E: caught,
      },
      input: {},
      output: "States.ParameterPathFailure",
    },
    // Parallel
    {
      section: "Parallel State",
      name: "outputs in the order of the branches",
      states: {
        S: {
          Type: "Parallel",
          Branches: [
            { StartAt: "A", States: { A: { Type: "Task", Resource: fn("sum"), End: true } } },
            { StartAt: "B", States: { B: { Type: "Task", Resource: fn("difference"), End: true } } },
          ],
          End: true,
        },
      },
      input: [3, 2],
      output: [5, 1],
    },
    {
      section: "Parallel State",
      name: "ResultPath",
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
      section: "Parallel State",
      name: "a failed branch ends the others",
      states: {
        S: {
          Type: "Parallel",
          Branches: [
            { StartAt: "A", States: { A: { Type: "Fail", Error: "Bad", Cause: "c" } } },
            { StartAt: "B", States: { B: { Type: "Wait", Seconds: 3_600_000, End: true } } },
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
      section: "Parallel State",
      name: "Succeed ends its own branch only",
      states: {
        S: { Type: "Parallel", Branches: [{ StartAt: "A", States: { A: { Type: "Succeed" } } }], Next: "N" },
        N: { Type: "Pass", End: true },
      },
      input: 1,
      output: [1],
    },
    {
      section: "Parallel State",
      name: "Retry runs every branch again",
      states: {
        S: {
          Type: "Parallel",
          Branches: [{ StartAt: "A", States: { A: { Type: "Task", Resource: fn("thirdTime"), End: true } } }],
          Retry: [{ ErrorEquals: ["States.ALL"], ...quick }],
          End: true,
        },
      },
      input: "g",
      output: [3],
    },
  ],
  {
    throws: async () => {
      throw new FunctionError("RangeError", "too far");
    },
    never: () => new Promise(() => {}),
    large: async () => "x".repeat(262_144),
    sum: async ([a, b]: [number, number]) => a + b,
    difference: async ([a, b]: [number, number]) => a - b,
    thirdTime: nthTime(3),
    fifthTime: nthTime(5),
    abcb: inTurn(["ErrorA", "ErrorB", "ErrorC", "ErrorB"]),
  },
);

/** Fails until it is called for the nth time with the same payload. */
function nthTime(n: number): (key: string) => Promise<number> {
  const calls = new Map<string, number>();
  return async (key) => {
    const count = (calls.get(key) ?? 0) + 1;
    calls.set(key, count);
    if (count < n) throw new FunctionError("RangeError", "not yet");
    return count;
  };
}

function inTurn(errors: readonly string[]): () => Promise<never> {
  let call = 0;
  return async () => {
    throw new FunctionError(errors[call++] ?? "None", String(call));
  };
}
