import { parseMachine } from "../../src/services/sfn/definition";
import { fn, pass, type States } from "./sfn-support";

const sqs = "arn:aws:states:::sqs:sendMessage";
const one = (state: Record<string, unknown>): States => ({ S: { End: true, ...state } });
const map = (
  fields: Record<string, unknown>,
  mode = "DISTRIBUTED",
  inner: States = { A: { Type: "Pass", End: true } },
) => one({ Type: "Map", ItemProcessor: { ProcessorConfig: { Mode: mode }, StartAt: "A", States: inner }, ...fields });
const parse = (States: States, extra: Record<string, unknown> = {}, type: "STANDARD" | "EXPRESS" = "STANDARD") =>
  parseMachine(JSON.stringify({ StartAt: "S", States, ...extra }), type);
const jsonata = { QueryLanguage: "JSONata" };

describe("definitions of state machines", () => {
  it.each<[string, States, string, Record<string, unknown>?]>([
    ["a Next that leads nowhere", one({ Type: "Pass", End: undefined, Next: "Nowhere" }), "/States/S leads to Nowhere"],
    ["a StartAt that is not there", pass({}), "StartAt X is not among", { StartAt: "X" }],
    [
      "two states of one name",
      map({}, "INLINE", { A: { Type: "Pass", Next: "S" }, S: { Type: "Pass", End: true } }),
      "two states named S",
    ],
    [
      "a choice without Next",
      { S: { Type: "Choice", Choices: [{ Variable: "$.a", IsNull: true }] } },
      "/Choices/0 has no Next",
    ],
    ["a Wait for nothing", one({ Type: "Wait" }), "exactly one of Seconds"],
    ["a Wait for two things", one({ Type: "Wait", Seconds: 1, TimestampPath: "$.t" }), "exactly one of Seconds"],
    [
      "a timeout given twice",
      one({ Type: "Task", Resource: fn("f"), TimeoutSeconds: 1, TimeoutSecondsPath: "$.t" }),
      "both TimeoutSeconds and TimeoutSecondsPath",
    ],
    [
      "a heartbeat as long as the timeout",
      one({ Type: "Task", Resource: fn("f"), TimeoutSeconds: 5, HeartbeatSeconds: 5 }),
      "not below its TimeoutSeconds",
    ],
    [
      "States.ALL beside others",
      one({ Type: "Task", Resource: fn("f"), Retry: [{ ErrorEquals: ["States.ALL", "X"] }] }),
      "beside other errors",
    ],
    [
      "States.ALL before others",
      one({
        Type: "Task",
        Resource: fn("f"),
        Catch: [
          { ErrorEquals: ["States.ALL"], Next: "S" },
          { ErrorEquals: ["X"], Next: "S" },
        ],
      }),
      "is not the last",
    ],
    [
      "a variable assigned in two scopes",
      map({ Assign: { v: 1 } }, "INLINE", { A: { Type: "Pass", Assign: { "v.$": "$.a" }, End: true } }),
      "the variable v is assigned",
    ],
    ["a variable named states", one({ Type: "Pass", Assign: { states: 1 } }), "reserved"],
    ["a variable that is no name", one({ Type: "Pass", Assign: { "a b": 1 } }), "no name for a variable"],
    [
      "JSONPath in a JSONata machine",
      one({ Type: "Pass", QueryLanguage: "JSONPath" }),
      "only the other way round",
      jsonata,
    ],
    [
      "a JSONPath field in a JSONata state",
      one({ Type: "Pass", InputPath: "$.a" }),
      "is in JSONata and has InputPath",
      jsonata,
    ],
    ["a JSONata field in a JSONPath state", one({ Type: "Pass", Output: "{% 1 %}" }), "is in JSONPath and has Output"],
    ["an expression that is no JSONata", one({ Type: "Pass", Output: { a: "{% ( %}" } }), "is not valid", jsonata],
    [
      "a reader without a distributed Map",
      map({ ItemReader: { Resource: "arn:aws:states:::s3:getObject" } }, "INLINE"),
      "needs the processor mode DISTRIBUTED",
    ],
    [
      "CSV headers that are not given",
      map({
        ItemReader: {
          Resource: "arn:aws:states:::s3:getObject",
          ReaderConfig: { InputType: "CSV", CSVHeaderLocation: "GIVEN" },
        },
      }),
      "needs CSVHeaders",
    ],
    ["a batcher without a size", map({ ItemBatcher: { BatchInput: {} } }), "needs MaxItemsPerBatch"],
    ["a writer without a place", map({ ResultWriter: {} }), "/ResultWriter needs"],
    ["an unknown pattern", one({ Type: "Task", Resource: `${sqs}.waitForever` }), "there is no pattern .waitForever"],
    [
      "an unknown jitter",
      one({ Type: "Task", Resource: fn("f"), Retry: [{ ErrorEquals: ["X"], JitterStrategy: "SOME" }] }),
      "JitterStrategy",
    ],
  ])("refuse %s", (_, states, reason, extra = {}) => {
    expect(() => parse(states, extra)).toThrow(
      expect.objectContaining({ name: "InvalidDefinition", message: expect.stringContaining(reason) }),
    );
  });

  it.each<[string, States, string]>([
    ["an activity", one({ Type: "Task", Resource: "arn:aws:states:us-east-1:000000000000:activity:a" }), "an activity"],
    [
      "an integration",
      one({ Type: "Task", Resource: "arn:aws:states:::batch:submitJob.sync" }),
      "batch:submitJob.sync",
    ],
    ["a .sync that there is not", one({ Type: "Task", Resource: `${sqs}.sync` }), "sqs:sendMessage.sync"],
    ["credentials", one({ Type: "Task", Resource: fn("f"), Credentials: { RoleArn: "x" } }), "Credentials"],
    [
      "a Parquet reader",
      map({ ItemReader: { Resource: "arn:aws:states:::s3:getObject", ReaderConfig: { InputType: "PARQUET" } } }),
      "InputType PARQUET",
    ],
    [
      "an Athena manifest",
      map({
        ItemReader: {
          Resource: "arn:aws:states:::s3:getObject",
          ReaderConfig: { InputType: "MANIFEST", ManifestType: "ATHENA_DATA" },
        },
      }),
      "ATHENA_DATA",
    ],
  ])("refuse %s by name, which is not supported locally", (_, states, reason) => {
    expect(() => parse(states)).toThrow(
      expect.objectContaining({ name: "NotSupportedLocally", message: expect.stringContaining(reason) }),
    );
  });

  it.each<[string, States]>([
    ["task tokens", one({ Type: "Task", Resource: `${sqs}.waitForTaskToken` })],
    [".sync", one({ Type: "Task", Resource: "arn:aws:states:::glue:startJobRun.sync" })],
    ["a distributed Map", map({})],
  ])("refuse %s in an EXPRESS machine", (_, states) => {
    parse(states);
    expect(() => parse(states, {}, "EXPRESS")).toThrow(expect.objectContaining({ name: "InvalidDefinition" }));
  });

  it("let a distributed Map have variables of names that are used around it", () => {
    parse(map({ Assign: { v: 1 } }, "DISTRIBUTED", { A: { Type: "Pass", Assign: { v: 2 }, End: true } }));
  });
});
