import { type Case, choice, goldenCases, pass, type States } from "../sfn-support";

const seen = {
  n: 5,
  s: "text",
  t: true,
  z: null,
  at: "2024-01-05T10:00:00Z",
  five: 5,
  text: "text",
  yes: true,
  l: [1, 2],
};
const rule = (
  name: string,
  fields: Record<string, unknown>,
  output: "yes" | "no",
  section = "Choice State: operators",
): Case => ({
  section,
  name,
  states: choice(fields),
  input: seen,
  output,
});
/** Each comparison of a kind, against what is equal: Equals, Less, Greater, LessOrEquals, GreaterOrEquals. */
const comparisons = (kind: string, variable: string, equal: unknown, more: unknown): Case[] => [
  rule(`${kind}Equals`, { Variable: variable, [`${kind}Equals`]: equal }, "yes"),
  rule(`${kind}LessThan`, { Variable: variable, [`${kind}LessThan`]: equal }, "no"),
  rule(`${kind}GreaterThan`, { Variable: variable, [`${kind}GreaterThan`]: more }, "no"),
  rule(`${kind}LessThanEquals`, { Variable: variable, [`${kind}LessThanEquals`]: equal }, "yes"),
  rule(`${kind}GreaterThanEquals`, { Variable: variable, [`${kind}GreaterThanEquals`]: more }, "no"),
  rule(`${kind}EqualsPath`, { Variable: variable, [`${kind}EqualsPath`]: variable }, "yes"),
  rule(`${kind}LessThanPath`, { Variable: variable, [`${kind}LessThanPath`]: variable }, "no"),
  rule(`${kind}GreaterThanPath`, { Variable: variable, [`${kind}GreaterThanPath`]: variable }, "no"),
  rule(`${kind}LessThanEqualsPath`, { Variable: variable, [`${kind}LessThanEqualsPath`]: variable }, "yes"),
  rule(`${kind}GreaterThanEqualsPath`, { Variable: variable, [`${kind}GreaterThanEqualsPath`]: variable }, "yes"),
];

const dispatch: States = {
  S: {
    Type: "Choice",
    Choices: [
      { Not: { Variable: "$.type", StringEquals: "Private" }, Next: "Public" },
      {
        And: [
          { Variable: "$.value", IsPresent: true },
          { Variable: "$.value", IsNumeric: true },
          { Variable: "$.value", NumericGreaterThanEquals: 20 },
          { Variable: "$.value", NumericLessThan: 30 },
        ],
        Next: "ValueInTwenties",
      },
      { Variable: "$.rating", NumericGreaterThanPath: "$.auditThreshold", Next: "StartAudit" },
    ],
    Default: "RecordEvent",
  },
  ...Object.fromEntries(
    ["Public", "ValueInTwenties", "StartAudit", "RecordEvent"].map((name) => [
      name,
      { Type: "Pass", Result: name, End: true },
    ]),
  ),
};
const dispatched = (name: string, input: unknown, output: string): Case => ({
  section: "Choice State",
  name,
  states: dispatch,
  input,
  output,
});

goldenCases([
  dispatched("Not", { type: "Public" }, "Public"),
  dispatched("And", { type: "Private", value: 22 }, "ValueInTwenties"),
  dispatched("a comparison of two paths", { type: "Private", rating: 9, auditThreshold: 5 }, "StartAudit"),
  dispatched("the Default", { type: "Private", rating: 1, auditThreshold: 5 }, "RecordEvent"),
  ...comparisons("String", "$.s", "text", "texts"),
  ...comparisons("Numeric", "$.n", 5, 6),
  ...comparisons("Timestamp", "$.at", "2024-01-05T10:00:00Z", "2024-01-05T10:00:01Z"),
  rule("BooleanEquals", { Variable: "$.t", BooleanEquals: true }, "yes"),
  rule("BooleanEqualsPath", { Variable: "$.t", BooleanEqualsPath: "$.yes" }, "yes"),
  rule(
    "timestamps compare by time, not text",
    { Variable: "$.at", TimestampEquals: "2024-01-05T11:00:00+01:00" },
    "yes",
  ),
  rule(
    "a timestamp needs its T and Z in upper case",
    { Variable: "$.at", TimestampEquals: "2024-01-05t10:00:00z" },
    "no",
  ),
  rule("IsNull", { Variable: "$.z", IsNull: true }, "yes"),
  rule("IsPresent of a null", { Variable: "$.z", IsPresent: true }, "yes"),
  rule("IsPresent of what is missing", { Variable: "$.nope", IsPresent: true }, "no"),
  rule("IsPresent false", { Variable: "$.nope", IsPresent: false }, "yes"),
  rule("IsNumeric", { Variable: "$.s", IsNumeric: true }, "no"),
  rule("IsString", { Variable: "$.s", IsString: true }, "yes"),
  rule("IsBoolean", { Variable: "$.t", IsBoolean: true }, "yes"),
  rule("IsTimestamp", { Variable: "$.at", IsTimestamp: true }, "yes"),
  rule("IsTimestamp of other text", { Variable: "$.s", IsTimestamp: true }, "no"),
  rule("values of another type do not compare", { Variable: "$.s", NumericEquals: 5 }, "no"),
  rule("strings compare without case folding", { Variable: "$.s", StringEquals: "Text" }, "no"),
  rule(
    "Or",
    {
      Or: [
        { Variable: "$.n", NumericEquals: 1 },
        { Variable: "$.s", StringEquals: "text" },
      ],
    },
    "yes",
  ),
  rule(
    "And stops where it is decided",
    {
      And: [
        { Variable: "$.nope", IsPresent: true },
        { Variable: "$.nope", NumericEquals: 1 },
      ],
    },
    "no",
  ),
  ...[
    ["foo*.log", "foo23.log", "yes"],
    ["*.log", "zebra.log", "yes"],
    ["foo*.*", "foobar.zebra", "yes"],
    ["foo.*", "fooxbar", "no"],
    ["a\\*b", "a*b", "yes"],
    ["a\\*b", "axb", "no"],
    ["a\\\\b", "a\\b", "yes"],
  ].map(
    ([pattern, value, output]): Case => ({
      section: "Choice State: StringMatches",
      name: `${pattern} and ${value}`,
      states: choice({ Variable: "$", StringMatches: pattern }),
      input: value,
      output,
    }),
  ),
  {
    section: "Choice State: StringMatches",
    name: "an open backslash",
    states: choice({ Variable: "$", StringMatches: "a\\b" }),
    input: "a",
    error: "States.Runtime",
  },
  {
    section: "Choice State",
    name: "a variable that is not there",
    states: choice({ Variable: "$.nope", StringEquals: "x" }),
    input: {},
    error: "States.Runtime",
  },
  {
    section: "Choice State",
    name: "no match and no Default",
    states: {
      S: { Type: "Choice", Choices: [{ Variable: "$.n", NumericEquals: 1, Next: "E" }] },
      E: { Type: "Succeed" },
    },
    input: seen,
    error: "States.NoChoiceMatched",
  },
  // Types hidden in strings
  {
    section: "Choice State",
    name: "the effective input by InputPath",
    states: {
      ...choice({ Variable: "$.b", NumericEquals: 1 }),
      S: {
        Type: "Choice",
        InputPath: "$.a",
        Choices: [{ Variable: "$.b", NumericEquals: 1, Next: "Yes" }],
        Default: "No",
      },
    },
    input: { a: { b: 1 } },
    output: "yes",
  },
  {
    section: "Transitions",
    name: "states may loop",
    startAt: "A",
    states: {
      A: { Type: "Pass", Parameters: { "n.$": "States.MathAdd($.n, 1)" }, Next: "C" },
      C: { Type: "Choice", Choices: [{ Variable: "$.n", NumericLessThan: 100, Next: "A" }], Default: "E" },
      E: { Type: "Succeed" },
    },
    input: { n: 0 },
    output: { n: 100 },
  },
  { section: "Pass State", name: "Result null", states: pass({ Result: null }), input: 1, output: null },
  // Wait
  {
    section: "Wait State",
    name: "Seconds",
    states: { S: { Type: "Wait", Seconds: 10, End: true } },
    input: { a: 1 },
    output: { a: 1 },
  },
  {
    section: "Wait State",
    name: "SecondsPath",
    states: { S: { Type: "Wait", SecondsPath: "$.n", Next: "E" }, E: { Type: "Succeed", OutputPath: "$.n" } },
    input: seen,
    output: 5,
  },
  {
    section: "Wait State",
    name: "Timestamp in the past",
    states: { S: { Type: "Wait", Timestamp: "2016-03-14T01:59:00Z", End: true } },
    input: 1,
    output: 1,
  },
  {
    section: "Wait State",
    name: "TimestampPath",
    states: { S: { Type: "Wait", TimestampPath: "$.expirydate", End: true } },
    input: { expirydate: "2016-03-14T01:59:00Z" },
    output: { expirydate: "2016-03-14T01:59:00Z" },
  },
  {
    section: "Wait State",
    name: "a timestamp that is none",
    states: { S: { Type: "Wait", TimestampPath: "$", End: true } },
    input: "2016-03-14",
    error: "States.Runtime",
  },
  // Fail
  {
    section: "Fail State",
    name: "Error and Cause",
    states: { S: { Type: "Fail", Error: "ErrorA", Cause: "Kaiju attack" } },
    error: "ErrorA",
    cause: "Kaiju attack",
  },
  {
    section: "Fail State",
    name: "ErrorPath and CausePath",
    states: { S: { Type: "Fail", ErrorPath: "$.Error", CausePath: "States.Format('n={}', $.Cause)" } },
    input: { Error: "E", Cause: "c" },
    error: "E",
    cause: "n=c",
  },
  {
    section: "Fail State",
    name: "an ErrorPath to no string",
    states: { S: { Type: "Fail", ErrorPath: "$.n" } },
    input: seen,
    error: "States.Runtime",
  },
]);
