import { type Case, fn, goldenCases, pass, task } from "../sfn-support";

const paths = { foo: 123, bar: ["a", "b", "c"], car: { cdr: true } };
const path = (name: string, reference: string, input: unknown, output: unknown, section = "Reference Paths"): Case => ({
  section,
  name: `${reference} ${name}`.trim(),
  states: pass({ Parameters: { "v.$": reference } }),
  input,
  output: { v: output },
});
const vals = { flagged: 7, vals: [0, 10, 20, 30, 40, 50] };
const master = { master: { detail: [1, 2, 3] } };

goldenCases(
  [
    // Data
    {
      section: "Data",
      name: "the output of a state is the input of the next",
      startAt: "A",
      input: { a: 1 },
      output: { b: { a: 1 } },
      states: { A: { Type: "Pass", Next: "B" }, B: { Type: "Pass", Parameters: { "b.$": "$" }, End: true } },
    },
    { section: "Data", name: "the input is {} where none is given", states: pass({}), output: {} },
    // Context object
    {
      section: "The Context Object",
      name: "$$ points into it",
      states: pass({
        Parameters: {
          "n.$": "$$.State.Name",
          "i.$": "$$.Execution.Input.a",
          "r.$": "$$.State.RetryCount",
          "m.$": "$$.StateMachine.Name",
        },
      }),
      input: { a: 1 },
      output: { n: "S", i: 1, r: 0, m: "case-2" },
    },
    {
      section: "The Context Object",
      name: "a missing path",
      states: pass({ Parameters: { "n.$": "$$.DayOfWeek" } }),
      error: "States.ParameterPathFailure",
      cause: "$$.DayOfWeek",
    },
    // Paths
    path("a number", "$.foo", paths, 123),
    path("an array", "$.bar", paths, ["a", "b", "c"]),
    path("a nested field", "$.car.cdr", paths, true),
    path("", "$.store\\.book", { "store.book": 1 }, 1),
    path("", "$.\\stor\\e.boo\\k", { store: { book: 2 } }, 2),
    path("", "$.store.book.title", { store: { book: { title: "t" } } }, "t"),
    path("", "$.foo.\\.bar", { foo: { ".bar": 3 } }, 3),
    path("", "$.foo\\@bar.baz\\[\\[.\\?pretty", { "foo@bar": { "baz[[": { "?pretty": 4 } } }, 4),
    path("", "$.&Ж中.\\uD800\\uDF46", { "&Ж中": { "\uD800\uDF46": 5 } }, 5),
    path("", "$.ledgers.branch[0].pending.count", { ledgers: { branch: [{ pending: { count: 6 } }] } }, 6),
    path(
      "",
      "$.ledgers[0][22][315].foo",
      { ledgers: [Array.from({ length: 23 }, () => Array.from({ length: 316 }, () => ({ foo: 7 })))] },
      7,
    ),
    path("", "$['store']['book']", { store: { book: 8 } }, 8),
    path("", "$['store'][0]['book']", { store: [{ book: 9 }] }, 9),
    path("a quoted key with a blank", "$['odd key']", { "odd key": 1 }, 1),
    path("a wildcard gathers into an array", "$.l[*].k", { l: [{ k: 1 }, { k: 2 }] }, [1, 2], "Paths"),
    path("a wildcard with one match is an array too", "$.l[*].k", { l: [{ k: 1 }] }, [1], "Paths"),
    path("a filter", "$.l[?(@.k > 1)].k", { l: [{ k: 1 }, { k: 2 }] }, [2], "Paths"),
    path("a deep scan", "$..k", { l: [{ k: 1 }, { m: { k: 2 } }] }, [1, 2], "Paths"),
    // Payload template
    {
      section: "Payload Template",
      name: "a template without paths is its own payload",
      states: pass({ Parameters: { first: 88, second: 99 } }),
      output: { first: 88, second: 99 },
    },
    {
      section: "Payload Template",
      name: "paths, slices and calls at any depth",
      states: pass({
        Parameters: {
          flagged: true,
          parts: { "first.$": "$.vals[0]", "last3.$": "$.vals[-3:]" },
          "weekday.$": "$$.Execution.Input.flagged",
          "formattedOutput.$": "States.Format('Today is {}', $.vals[1])",
        },
      }),
      input: vals,
      output: { flagged: true, parts: { first: 0, last3: [30, 40, 50] }, weekday: 7, formattedOutput: "Today is 10" },
    },
    {
      section: "Payload Template",
      name: "templates inside of arrays",
      states: pass({ Parameters: { z: [{ "k.$": "$.n" }, 2] } }),
      input: { n: 5 },
      output: { z: [{ k: 5 }, 2] },
    },
    {
      section: "Payload Template",
      name: "a path that leads nowhere",
      states: pass({ Parameters: { "v.$": "$.nope" } }),
      input: {},
      error: "States.ParameterPathFailure",
      cause: "$.nope",
    },
    // Input and output processing
    {
      section: "Input and Output Processing",
      name: "InputPath that matches many gives an array",
      states: pass({ InputPath: "$.a[0,1]" }),
      input: { a: [1, 2, 3, 4] },
      output: [1, 2],
    },
    {
      section: "Input and Output Processing",
      name: "OutputPath that matches many gives an array",
      states: pass({ OutputPath: "$.a[0,1]" }),
      input: { a: [1, 2, 3, 4] },
      output: [1, 2],
    },
    {
      section: "Input and Output Processing",
      name: "ResultPath overwrites a field",
      states: pass({ Result: 6, ResultPath: "$.master.detail" }),
      input: master,
      output: { master: { detail: 6 } },
    },
    {
      section: "Input and Output Processing",
      name: "ResultPath makes the fields on its way",
      states: pass({ Result: 6, ResultPath: "$.master.result.sum" }),
      input: master,
      output: { master: { detail: [1, 2, 3], result: { sum: 6 } } },
    },
    {
      section: "Input and Output Processing",
      name: "ResultPath into an array",
      states: pass({ Result: 7, ResultPath: "$.l[1]" }),
      input: { l: [1, 2] },
      output: { l: [1, 7] },
    },
    {
      section: "Input and Output Processing",
      name: "InputPath null is an empty object",
      states: pass({ InputPath: null }),
      input: { a: 1 },
      output: {},
    },
    {
      section: "Input and Output Processing",
      name: "ResultPath null keeps the input",
      states: pass({ Result: 7, ResultPath: null }),
      input: { a: 1 },
      output: { a: 1 },
    },
    {
      section: "Input and Output Processing",
      name: "OutputPath null is an empty object",
      states: pass({ OutputPath: null }),
      input: { a: 1 },
      output: {},
    },
    {
      section: "Input and Output Processing",
      name: "InputPath, then OutputPath",
      states: pass({ InputPath: "$.a", OutputPath: "$.b" }),
      input: { a: { b: 2 } },
      output: 2,
    },
    {
      section: "Defaults",
      name: "without fields the result replaces the input",
      states: task("add"),
      input: { val1: 3, val2: 4 },
      output: 7,
    },
    {
      section: "Input/Output Processing Examples",
      name: "InputPath and ResultPath around a task",
      states: task("add", { InputPath: "$.numbers", ResultPath: "$.sum" }),
      input: { title: "Numbers to add", numbers: { val1: 3, val2: 4 } },
      output: { title: "Numbers to add", numbers: { val1: 3, val2: 4 }, sum: 7 },
    },
    {
      section: "Input/Output Processing Examples",
      name: "levels of JSON are made",
      states: task("hi", { ResultPath: "$.b.greeting" }),
      input: { a: 1 },
      output: { a: 1, b: { greeting: "Hi!" } },
    },
    {
      section: "Input and Output Processing",
      name: "ResultSelector shapes the result",
      states: {
        S: {
          Type: "Task",
          Resource: "arn:aws:states:::lambda:invoke",
          Parameters: { FunctionName: "add", "Payload.$": "$" },
          ResultSelector: { "sum.$": "$.Payload", "code.$": "$.StatusCode" },
          ResultPath: "$.r",
          End: true,
        },
      },
      input: { val1: 1, val2: 2 },
      output: { val1: 1, val2: 2, r: { sum: 3, code: 200 } },
    },
    {
      section: "Runtime Errors",
      name: "ResultPath into a string",
      states: pass({ Result: 1, ResultPath: "$.x" }),
      input: "foo",
      error: "States.ResultPathMatchFailure",
    },
    {
      section: "Runtime Errors",
      name: "a missing InputPath",
      states: pass({ InputPath: "$.nope" }),
      input: {},
      error: "States.Runtime",
      cause: "$.nope",
    },
    // Pass
    { section: "Pass State", name: "hands its input on", states: pass({}), input: { a: 1 }, output: { a: 1 } },
    {
      section: "Pass State",
      name: "injects a fixed result",
      states: pass({ Result: { "x-datum": 0.381018, "y-datum": 622.2269926397355 }, ResultPath: "$.coords" }),
      input: { georefOf: "Home" },
      output: { georefOf: "Home", coords: { "x-datum": 0.381018, "y-datum": 622.2269926397355 } },
    },
    // States that pass data on
    {
      section: "Task State",
      name: "a function's ARN as Resource",
      states: { S: { Type: "Task", Resource: fn("add"), End: true } },
      input: { val1: 1, val2: 1 },
      output: 2,
    },
    {
      section: "Succeed State",
      name: "ends with its input, by InputPath and OutputPath",
      states: { S: { Type: "Succeed", InputPath: "$.a", OutputPath: "$.b" } },
      input: { a: { b: 1 } },
      output: 1,
    },
  ],
  {
    add: async ({ val1, val2 }: { val1: number; val2: number }) => val1 + val2,
    hi: async () => "Hi!",
  },
);
