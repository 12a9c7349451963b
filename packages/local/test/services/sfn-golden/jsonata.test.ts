import { type Case, choice, FunctionError, goldenCases, pass, type States, task } from "../sfn-support";

const section = "guide: Transforming data with JSONata";
const output = (name: string, expression: unknown, input: unknown, result: unknown): Case => ({
  section,
  name,
  jsonata: true,
  states: pass({ Output: expression }),
  input,
  output: result,
});
const fails = (name: string, expression: string, cause = ""): Case => ({
  section,
  name,
  jsonata: true,
  states: pass({ Output: expression }),
  input: {},
  error: "States.QueryEvaluationError",
  cause,
});
const branch = (states: States, startAt = "A") => ({ StartAt: startAt, States: states });
const errorOutput = { Type: "Pass", End: true };

goldenCases(
  [
    output(
      "expressions in strings, at any depth",
      { sum: "{% $sum($states.input.l) %}", text: "plain", deep: [{ n: "{% 1 + 1 %}" }] },
      { l: [1, 2] },
      { sum: 3, text: "plain", deep: [{ n: 2 }] },
    ),
    output("a whole value by an expression", "{% $states.input.a %}", { a: { b: [1] } }, { b: [1] }),
    output("a string that is not all expression is text", "{% 1 %} ", {}, "{% 1 %} "),
    output(
      "the context object",
      "{% $states.context.State.Name & ' ' & $states.context.Execution.Input.a %}",
      { a: "x" },
      "S x",
    ),
    output("a sequence of one is its member", "{% $states.input.l[n > 1].n %}", { l: [{ n: 1 }, { n: 2 }] }, 2),
    output("blocks with local variables", "{% ( $x := 2; $x * 3 ) %}", {}, 6),
    output("null", "{% null %}", {}, null),
    output("$partition", "{% $partition([1,2,3,4,5], 2) %}", {}, [[1, 2], [3, 4], [5]]),
    output("$range", "{% $range(0, 10, 2) %}", {}, [0, 2, 4, 6, 8, 10]),
    output("$range downwards", "{% $range(3, 1, -1) %}", {}, [3, 2, 1]),
    output(
      "$hash",
      "{% $hash('a', 'SHA-256') %}",
      {},
      "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb",
    ),
    output("$random with a seed is always the same", "{% $random(7) = $random(7) %}", {}, true),
    output("$random is a fraction", "{% ( $r := $random(); $r >= 0 and $r < 1 ) %}", {}, true),
    output("$uuid", "{% $length($uuid()) %}", {}, 36),
    output("$parse", "{% $parse('{\"a\": [1]}').a %}", {}, [1]),
    fails("$eval is not there", "{% $eval('1') %}", "$parse"),
    fails("undefined is no JSON", "{% $states.input.nope %}", "undefined"),
    fails("a type error", "{% 'a' + 1 %}"),
    fails("a function is no JSON", "{% function($x) { $x } %}", "function"),
    {
      section,
      name: "Arguments, and the result in Output",
      jsonata: true,
      states: task("double", {
        Arguments: { n: "{% $states.input.x + 1 %}" },
        Output: { out: "{% $states.result.n %}", was: "{% $states.input.x %}" },
      }),
      input: { x: 1 },
      output: { out: 4, was: 1 },
    },
    {
      section,
      name: "a task without Arguments gets the input",
      jsonata: true,
      states: task("double"),
      input: { n: 2 },
      output: { n: 4 },
    },
    {
      section,
      name: "one state in JSONata, in a JSONPath machine",
      startAt: "A",
      states: {
        A: { Type: "Pass", QueryLanguage: "JSONata", Output: { n: "{% $states.input.n + 1 %}" }, Next: "B" },
        B: { Type: "Pass", OutputPath: "$.n", End: true },
      },
      input: { n: 1 },
      output: 2,
    },
    {
      section,
      name: "Choice by Condition",
      jsonata: true,
      states: choice({ Condition: "{% $states.input.n > 4 %}" }),
      input: { n: 5 },
      output: { n: 5 },
    },
    {
      section,
      name: "a Condition that is no boolean",
      jsonata: true,
      states: choice({ Condition: "{% $states.input.n %}" }),
      input: { n: 5 },
      error: "States.QueryEvaluationError",
      cause: "no boolean",
    },
    {
      section,
      name: "Output of the rule that holds",
      jsonata: true,
      states: {
        S: {
          Type: "Choice",
          Choices: [{ Condition: "{% $states.input = 1 %}", Output: { took: "{% 'one' %}" }, Next: "E" }],
          Default: "E",
          Output: "default",
        },
        E: { Type: "Succeed" },
      },
      input: 1,
      output: { took: "one" },
    },
    {
      section,
      name: "Output of the Choice where the Default is taken",
      jsonata: true,
      states: {
        S: {
          Type: "Choice",
          Choices: [{ Condition: "{% $states.input = 1 %}", Output: "rule", Next: "E" }],
          Default: "E",
          Output: "default",
        },
        E: { Type: "Succeed" },
      },
      input: 2,
      output: "default",
    },
    {
      section,
      name: "Wait by expression",
      jsonata: true,
      states: { S: { Type: "Wait", Seconds: "{% $states.input.n * 2 %}", Output: "{% $states.input.n %}", End: true } },
      input: { n: 1 },
      output: 1,
    },
    {
      section,
      name: "seconds that are none",
      jsonata: true,
      states: { S: { Type: "Wait", Seconds: "{% 'x' %}", End: true } },
      input: {},
      error: "States.QueryEvaluationError",
    },
    {
      section,
      name: "Succeed with Output",
      jsonata: true,
      states: { S: { Type: "Succeed", Output: "{% $states.input.n %}" } },
      input: { n: 3 },
      output: 3,
    },
    {
      section,
      name: "Fail by expressions",
      jsonata: true,
      states: { S: { Type: "Fail", Error: "{% 'E' & $states.input.n %}", Cause: "because" } },
      input: { n: 1 },
      error: "E1",
      cause: "because",
    },
    {
      section,
      name: "TimeoutSeconds by expression",
      jsonata: true,
      states: task("never", { TimeoutSeconds: "{% $states.input.limit %}" }),
      input: { limit: 0.02 },
      error: "States.Timeout",
    },
    {
      section,
      name: "Catch with Output of the error",
      jsonata: true,
      states: {
        ...task("throws", {
          Catch: [
            { ErrorEquals: ["States.ALL"], Output: "{% $states.errorOutput.Error & $states.input.n %}", Next: "E" },
          ],
        }),
        E: errorOutput,
      },
      input: { n: 1 },
      output: "RangeError1",
    },
    {
      section,
      name: "an expression's error can be caught",
      jsonata: true,
      states: {
        ...task("double", {
          Arguments: "{% $states.input.nope %}",
          Catch: [
            { ErrorEquals: ["States.QueryEvaluationError"], Output: "{% $states.errorOutput.Error %}", Next: "E" },
          ],
        }),
        E: errorOutput,
      },
      input: {},
      output: "States.QueryEvaluationError",
    },
    {
      section,
      name: "Parallel with Arguments",
      jsonata: true,
      states: {
        S: {
          Type: "Parallel",
          Arguments: { n: "{% $states.input.n + 1 %}" },
          Branches: [branch({ A: { Type: "Pass", Output: "{% $states.input.n %}", End: true } })],
          Output: "{% $states.result[0] %}",
          End: true,
        },
      },
      input: { n: 1 },
      output: 2,
    },
    {
      section: "guide: Items (Map, JSONata only)",
      name: "an array",
      jsonata: true,
      states: {
        S: {
          Type: "Map",
          Items: "{% $states.input.l %}",
          ItemSelector: {
            i: "{% $states.context.Map.Item.Index %}",
            v: "{% $states.context.Map.Item.Value %}",
            n: "{% $states.input.n %}",
          },
          ItemProcessor: branch({ A: { Type: "Pass", End: true } }),
          End: true,
        },
      },
      input: { l: ["a"], n: 9 },
      output: [{ i: 0, v: "a", n: 9 }],
    },
    {
      section: "guide: Items (Map, JSONata only)",
      name: "an object, member by member",
      jsonata: true,
      states: {
        S: {
          Type: "Map",
          Items: { x: 1, y: 2 },
          ItemProcessor: branch({
            A: { Type: "Pass", Output: "{% $states.input.Key & $states.input.Value %}", End: true },
          }),
          End: true,
        },
      },
      input: {},
      output: ["x1", "y2"],
    },
    {
      section: "guide: Items (Map, JSONata only)",
      name: "neither",
      jsonata: true,
      states: {
        S: { Type: "Map", Items: "{% 1 %}", ItemProcessor: branch({ A: { Type: "Pass", End: true } }), End: true },
      },
      input: {},
      error: "States.QueryEvaluationError",
    },
  ],
  {
    double: async ({ n }: { n: number }) => ({ n: n * 2 }),
    never: () => new Promise(() => {}),
    throws: async () => {
      throw new FunctionError("RangeError", "too far");
    },
  },
);
