import { choice, fn, goldenCases, type States } from "../sfn-support";

const scopes = "guide: Passing data between states with variables";
const branch = (states: States, startAt = "A") => ({ StartAt: startAt, States: states });

goldenCases(
  [
    // Variables
    {
      section: scopes,
      name: "Assign in JSONata",
      jsonata: true,
      startAt: "A",
      states: {
        A: { Type: "Pass", Assign: { v: "{% $states.input.n * 2 %}" }, Next: "B" },
        B: { Type: "Pass", Output: "{% $v %}", End: true },
      },
      input: { n: 3 },
      output: 6,
    },
    {
      section: scopes,
      name: "Assign in JSONPath",
      startAt: "A",
      states: {
        A: { Type: "Pass", Assign: { "v.$": "$.n", w: { "x.$": "$.n" } }, Next: "B" },
        B: { Type: "Pass", Parameters: { "v.$": "$v", "x.$": "$w.x" }, End: true },
      },
      input: { n: 3 },
      output: { v: 3, x: 3 },
    },
    {
      section: scopes,
      name: "a variable as input of an intrinsic function",
      startAt: "A",
      states: {
        A: { Type: "Pass", Assign: { v: 1 }, Next: "B" },
        B: { Type: "Pass", Parameters: { "v.$": "States.MathAdd($v, 1)" }, End: true },
      },
      output: { v: 2 },
    },
    {
      section: scopes,
      name: "a variable in a Choice",
      startAt: "A",
      states: { A: { Type: "Pass", Assign: { v: 1 }, Next: "S" }, ...choice({ Variable: "$v", NumericEquals: 1 }) },
      output: "yes",
    },
    {
      section: scopes,
      name: "all of one Assign sees the values from before",
      jsonata: true,
      startAt: "A",
      states: {
        A: { Type: "Pass", Assign: { x: 3, a: 1 }, Next: "B" },
        B: { Type: "Pass", Assign: { x: "{% $a %}", nextX: "{% $x %}" }, Next: "C" },
        C: { Type: "Pass", Output: "{% [$x, $nextX] %}", End: true },
      },
      output: [1, 3],
    },
    {
      section: scopes,
      name: "Output sees the values from before Assign",
      jsonata: true,
      startAt: "A",
      states: {
        A: { Type: "Pass", Assign: { x: 1 }, Next: "B" },
        B: { Type: "Pass", Assign: { x: 2 }, Output: "{% $x %}", Next: "C" },
        C: { Type: "Pass", Output: "{% [$states.input, $x] %}", End: true },
      },
      output: [1, 2],
    },
    {
      section: scopes,
      name: "from a task's result, in JSONPath",
      startAt: "S",
      states: {
        S: { Type: "Task", Resource: fn("double"), Assign: { "v.$": "$.n" }, ResultPath: null, Next: "B" },
        B: { Type: "Pass", Parameters: { "v.$": "$v", "n.$": "$.n" }, End: true },
      },
      input: { n: 2 },
      output: { v: 4, n: 2 },
    },
    {
      section: scopes,
      name: "from a task's result, in JSONata",
      jsonata: true,
      startAt: "S",
      states: {
        S: { Type: "Task", Resource: fn("double"), Assign: { v: "{% $states.result.n %}" }, Next: "B" },
        B: { Type: "Pass", Output: "{% $v %}", End: true },
      },
      input: { n: 2 },
      output: 4,
    },
    {
      section: scopes,
      name: "a branch reads the variables around it",
      jsonata: true,
      startAt: "A",
      states: {
        A: { Type: "Pass", Assign: { v: 1 }, Next: "S" },
        S: {
          Type: "Parallel",
          Branches: [branch({ P: { Type: "Pass", Output: "{% $v %}", End: true } }, "P")],
          End: true,
        },
      },
      output: [1],
    },
    {
      section: scopes,
      name: "a branch keeps its own variables",
      jsonata: true,
      startAt: "S",
      states: {
        S: {
          Type: "Parallel",
          Branches: [branch({ P: { Type: "Pass", Assign: { w: 1 }, End: true } }, "P")],
          Next: "B",
        },
        B: { Type: "Pass", Output: "{% $exists($w) %}", End: true },
      },
      output: false,
    },
    {
      section: scopes,
      name: "branches do not share variables",
      jsonata: true,
      states: {
        S: {
          Type: "Parallel",
          Branches: [
            branch(
              { P: { Type: "Pass", Assign: { w: 1 }, Next: "R" }, R: { Type: "Pass", Output: "{% $w %}", End: true } },
              "P",
            ),
            branch(
              {
                Q: { Type: "Wait", Seconds: 1, Assign: { w: 2 }, Next: "T" },
                T: { Type: "Pass", Output: "{% $w %}", End: true },
              },
              "Q",
            ),
          ],
          End: true,
        },
      },
      output: [1, 2],
    },
    {
      section: scopes,
      name: "Assign of a Choice rule",
      jsonata: true,
      states: {
        S: {
          Type: "Choice",
          Choices: [{ Condition: true, Assign: { v: "rule" }, Next: "E" }],
          Default: "E",
          Assign: { v: "default" },
        },
        E: { Type: "Pass", Output: "{% $v %}", End: true },
      },
      output: "rule",
    },
    {
      section: scopes,
      name: "Assign where the Default is taken",
      states: {
        S: {
          Type: "Choice",
          Choices: [{ Variable: "$.n", IsPresent: true, Assign: { v: "rule" }, Next: "E" }],
          Default: "E",
          Assign: { v: "default" },
        },
        E: { Type: "Pass", Parameters: { "v.$": "$v" }, OutputPath: "$.v", End: true },
      },
      input: {},
      output: "default",
    },
    {
      section: scopes,
      name: "Assign of a Catch sets the variables outside",
      jsonata: true,
      states: {
        S: {
          Type: "Parallel",
          Branches: [branch({ F: { Type: "Fail", Error: "Bad" } }, "F")],
          Catch: [{ ErrorEquals: ["States.ALL"], Assign: { e: "{% $states.errorOutput.Error %}" }, Next: "E" }],
          End: true,
        },
        E: { Type: "Pass", Output: "{% $e %}", End: true },
      },
      output: "Bad",
    },
    {
      section: scopes,
      name: "variables last over many states",
      jsonata: true,
      startAt: "A",
      states: {
        A: { Type: "Pass", Assign: { n: 0 }, Next: "B" },
        B: { Type: "Pass", Assign: { n: "{% $n + 1 %}" }, Next: "C" },
        C: { Type: "Choice", Choices: [{ Condition: "{% $n < 20 %}", Next: "B" }], Default: "D" },
        D: { Type: "Pass", Output: "{% $n %}", End: true },
      },
      output: 20,
    },
  ],
  {
    double: async ({ n }: { n: number }) => ({ n: n * 2 }),
  },
);
