import { FunctionError, fn, goldenCases, type States } from "../sfn-support";

const detail = {
  "ship-date": "2016-03-14T01:59:00Z",
  detail: {
    "delivery-partner": "UQS",
    shipped: [
      { prod: "R31", "dest-code": 9511, quantity: 1344 },
      { prod: "S39", "dest-code": 9511, quantity: 40 },
    ],
  },
};
const map = (
  fields: Record<string, unknown>,
  inner: Record<string, unknown> = { Type: "Pass", End: true },
): States => ({
  S: { Type: "Map", ItemProcessor: { StartAt: "A", States: { A: inner } }, End: true, ...fields },
});
const odd = { Type: "Task", Resource: fn("even"), End: true };
const summary = { "status.$": "$[*].Status", "error.$": "$[*].Error" };

goldenCases(
  [
    {
      section: "Map State",
      name: "ItemsPath within InputPath, ResultPath into the raw input",
      states: map(
        { InputPath: "$.detail", ItemsPath: "$.shipped", MaxConcurrency: 0, ResultPath: "$.detail.shipped" },
        { Type: "Pass", OutputPath: "$.prod", End: true },
      ),
      input: detail,
      output: { ...detail, detail: { ...detail.detail, shipped: ["R31", "S39"] } },
    },
    {
      section: "Map State",
      name: "ItemSelector shapes the input of each iteration",
      states: map(
        {
          InputPath: "$.detail",
          ItemsPath: "$.shipped",
          ItemSelector: { "parcel.$": "$$.Map.Item.Value", "courier.$": "$.delivery-partner" },
        },
        { Type: "Pass", Parameters: { "p.$": "$.parcel.prod", "c.$": "$.courier" }, End: true },
      ),
      input: detail,
      output: [
        { p: "R31", c: "UQS" },
        { p: "S39", c: "UQS" },
      ],
    },
    {
      section: "Map State",
      name: "Parameters, which ItemSelector replaces",
      states: map({ Parameters: { "i.$": "$$.Map.Item.Index", "v.$": "$$.Map.Item.Value" } }),
      input: ["a", "b"],
      output: [
        { i: 0, v: "a" },
        { i: 1, v: "b" },
      ],
    },
    {
      section: "Map State",
      name: "Iterator, which ItemProcessor replaces",
      states: {
        S: {
          Type: "Map",
          Iterator: { StartAt: "A", States: { A: { Type: "Pass", Result: 1, End: true } } },
          End: true,
        },
      },
      input: [0, 0],
      output: [1, 1],
    },
    { section: "Map State", name: "nothing to do", states: map({}, { Type: "Fail" }), input: [], output: [] },
    {
      section: "Map State",
      name: "items that are no array",
      states: map({}),
      input: { a: 1 },
      error: "States.Runtime",
    },
    {
      section: "Map State concurrency",
      name: "MaxConcurrency 1 keeps the order",
      states: map({ MaxConcurrency: 1 }, { Type: "Task", Resource: fn("turn"), End: true }),
      input: [5, 6, 7],
      output: [1, 2, 3],
    },
    {
      section: "Map State concurrency",
      name: "MaxConcurrency holds",
      states: map(
        { MaxConcurrency: 2, ResultSelector: { "most.$": "States.ArrayContains($, 3)" } },
        { Type: "Task", Resource: fn("together"), End: true },
      ),
      input: [1, 2, 3, 4, 5, 6],
      output: { most: false },
    },
    {
      section: "Map State concurrency",
      name: "MaxConcurrencyPath",
      states: map({ ItemsPath: "$.l", MaxConcurrencyPath: "$.n" }),
      input: { l: [1], n: 1 },
      output: [1],
    },
    {
      section: "Map State",
      name: "a failed iteration fails the Map",
      states: map({}, odd),
      input: [2, 1],
      error: "Odd",
    },
    {
      section: "Map State",
      name: "its error can be caught",
      states: {
        ...map({ Catch: [{ ErrorEquals: ["Odd"], ResultPath: "$[0]", Next: "C" }] }, odd),
        C: { Type: "Pass", OutputPath: "$[0].Error", End: true },
      },
      input: [2, 1],
      output: "Odd",
    },
    {
      section: "Map State Failure Tolerance",
      name: "ToleratedFailureCount",
      states: map({ ToleratedFailureCount: 1, ResultSelector: summary }, odd),
      input: [2, 1, 4],
      output: { status: ["FAILED"], error: ["Odd"] },
    },
    {
      section: "Map State Failure Tolerance",
      name: "ToleratedFailurePercentage 100",
      states: map({ ToleratedFailurePercentage: 100, ResultSelector: summary }, odd),
      input: [1, 3],
      output: { status: ["FAILED", "FAILED"], error: ["Odd", "Odd"] },
    },
    {
      section: "Map State Failure Tolerance",
      name: "too many",
      states: map({ ToleratedFailureCount: 1 }, odd),
      input: [1, 3, 5],
      error: "States.ExceedToleratedFailureThreshold",
    },
    {
      section: "Map State Failure Tolerance",
      name: "either threshold is enough",
      states: map({ ToleratedFailureCount: 5, ToleratedFailurePercentage: 10 }, odd),
      input: [1, 2, 4],
      error: "States.ExceedToleratedFailureThreshold",
    },
    {
      section: "Map State Failure Tolerance",
      name: "by paths",
      states: map({ ItemsPath: "$.l", ToleratedFailureCountPath: "$.n", ResultSelector: summary }, odd),
      input: { l: [1], n: 1 },
      output: { status: ["FAILED"], error: ["Odd"] },
    },
    {
      section: "Batching Items",
      name: "MaxItemsPerBatch",
      states: map({ ItemBatcher: { MaxItemsPerBatch: 2 } }),
      input: [1, 2, 3],
      output: [{ Items: [1, 2] }, { Items: [3] }],
    },
    {
      section: "Batching Items",
      name: "MaxItemsPerBatchPath and BatchInput",
      states: map({ ItemsPath: "$.l", ItemBatcher: { MaxItemsPerBatchPath: "$.n", BatchInput: { "n.$": "$.n" } } }),
      input: { l: [1, 2, 3], n: 3 },
      output: [{ BatchInput: { n: 3 }, Items: [1, 2, 3] }],
    },
    {
      section: "Batching Items",
      name: "MaxInputBytesPerBatch",
      states: map({ ItemBatcher: { MaxInputBytesPerBatch: 40 } }),
      input: ["x".repeat(20), "y", "z".repeat(20)],
      output: [{ Items: ["x".repeat(20), "y"] }, { Items: ["z".repeat(20)] }],
    },
    {
      section: "Batching Items",
      name: "batches of selected items",
      states: map({ ItemSelector: { "v.$": "$$.Map.Item.Value" }, ItemBatcher: { MaxItemsPerBatch: 5 } }),
      input: [1, 2],
      output: [{ Items: [{ v: 1 }, { v: 2 }] }],
    },
    {
      section: "Map State",
      name: "Maps in Maps",
      states: map(
        {},
        {
          Type: "Map",
          ItemProcessor: {
            StartAt: "B",
            States: { B: { Type: "Pass", Parameters: { "i.$": "$$.Map.Item.Index" }, OutputPath: "$.i", End: true } },
          },
          End: true,
        },
      ),
      input: [[5, 5], [5]],
      output: [[0, 1], [0]],
    },
  ],
  {
    even: async (n: number) => {
      if (n % 2 === 1) throw new FunctionError("Odd", String(n));
      return n;
    },
    turn: counter(),
    together: concurrency(),
  },
);

function counter(): () => Promise<number> {
  let turn = 0;
  return async () => ++turn;
}

/** Answers how many run at once. */
function concurrency(): () => Promise<number> {
  let running = 0;
  return async () => {
    const most = ++running;
    await new Promise((resolve) => setTimeout(resolve, 5));
    running -= 1;
    return most;
  };
}
