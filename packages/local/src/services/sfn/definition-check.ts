import { AwsError, NotSupportedLocally } from "../../kernel";
import { isRecord } from "../support";
import type { Machine, QueryLanguage, State, StateGroup } from "./definition";
import { checkExpressions } from "./jsonata-templates";
import { parseResource } from "./resources";

export type MachineType = "STANDARD" | "EXPRESS";

/** What holds for the states of a group, from around it. */
interface Surroundings {
  readonly path: string;
  readonly type: MachineType;
  readonly language: QueryLanguage;
  /** Names that variables of enclosing scopes have. */
  readonly variables: ReadonlySet<string>;
  /** Names of states seen so far, in the whole machine. */
  readonly names: Set<string>;
}

const variableName = /^[\p{ID_Start}_][\p{ID_Continue}_]{0,79}$/u;
const readerFormats = new Set(["CSV", "JSON", "JSONL", "MANIFEST"]);
/** Pairs of fields of which a state may have one. */
const alternatives = [
  ["TimeoutSeconds", "TimeoutSecondsPath"],
  ["HeartbeatSeconds", "HeartbeatSecondsPath"],
  ["MaxConcurrency", "MaxConcurrencyPath"],
  ["ToleratedFailureCount", "ToleratedFailureCountPath"],
  ["ToleratedFailurePercentage", "ToleratedFailurePercentagePath"],
  ["Error", "ErrorPath"],
  ["Cause", "CausePath"],
] as const;
/** Fields of JSONPath that a JSONata state must not have. */
const jsonPathFields = ["InputPath", "OutputPath", "ResultPath", "Parameters", "ResultSelector", "ItemsPath"] as const;

const fail = (reason: string): never => {
  throw new AwsError("InvalidDefinition", `Invalid State Machine Definition: ${reason}`);
};

/** Refuses what cannot run, by name and place. */
export function checkMachine(machine: Machine, type: MachineType): void {
  checkGroup(machine, { path: "", type, language: machine.QueryLanguage, variables: new Set(), names: new Set() });
}

function checkGroup(group: StateGroup, around: Surroundings): void {
  const { path, names } = around;
  if (!group.States[group.StartAt]) fail(`StartAt ${group.StartAt} is not among the States of ${path || "/"}`);
  const own = new Set(
    Object.entries(group.States).flatMap(([name, state]) => assignedNames(state, `${path}/States/${name}`)),
  );
  for (const name of own) {
    if (around.variables.has(name))
      fail(`the variable ${name} is assigned in ${path} and in a scope around it; a name belongs to one scope`);
  }
  const inner = { ...around, variables: new Set([...around.variables, ...own]) };
  for (const [name, state] of Object.entries(group.States)) {
    const place = `${path}/States/${name}`;
    if (name.length > 80) fail(`${place} has a name of more than 80 characters`);
    if (names.has(name)) fail(`there are two states named ${name}; the second is ${place}`);
    names.add(name);
    checkTargets(state, group, place);
    checkState(state, place, inner);
    for (const [index, branch] of state.Branches.entries())
      checkGroup(branch, { ...inner, path: `${place}/Branches/${index}` });
    const processor = state.ItemProcessor ?? state.Iterator;
    if (processor) checkProcessor(state, processor, place, inner);
  }
}

function checkTargets(state: State, group: StateGroup, place: string): void {
  const choices = state.Choices.map(({ Next }, index) =>
    typeof Next === "string" ? Next : fail(`${place}/Choices/${index} has no Next`),
  );
  for (const next of [state.Next, state.Default, ...choices, ...state.Catch.map(({ Next }) => Next)]) {
    if (next !== undefined && !group.States[next]) fail(`${place} leads to ${next}, which is no state beside it`);
  }
}

function checkState(state: State, place: string, around: Surroundings): void {
  const language = state.QueryLanguage ?? around.language;
  if (around.language === "JSONata" && language === "JSONPath")
    fail(`${place} is in JSONPath, but its machine is in JSONata: only the other way round is possible`);
  if (language === "JSONata") {
    for (const field of jsonPathFields) if (state[field] !== undefined) fail(`${place} is in JSONata and has ${field}`);
    checkExpressions(state, (reason) => fail(`${place}: ${reason}`));
  } else if (state.Arguments !== undefined || (state.Output !== undefined && state.Type !== "Choice")) {
    fail(`${place} is in JSONPath and has ${state.Output === undefined ? "Arguments" : "Output"}`);
  }
  for (const [direct, byPath] of alternatives)
    if (state[direct] !== undefined && state[byPath] !== undefined) fail(`${place} has both ${direct} and ${byPath}`);
  if (state.Type === "Wait") {
    const given = [state.Seconds, state.SecondsPath, state.Timestamp, state.TimestampPath];
    if (given.filter((each) => each !== undefined).length !== 1)
      fail(`${place} needs exactly one of Seconds, SecondsPath, Timestamp, TimestampPath`);
  }
  const { TimeoutSeconds: limit, HeartbeatSeconds: beat } = state;
  if (typeof limit === "number" && typeof beat === "number" && beat >= limit)
    fail(`${place} has a HeartbeatSeconds that is not below its TimeoutSeconds`);
  checkWildcards(state.Retry, `${place}/Retry`);
  checkWildcards(state.Catch, `${place}/Catch`);
  if (state.Credentials !== undefined)
    throw new NotSupportedLocally(`Step Functions ${place} with Credentials (a task under another role)`);
  if (state.Type === "Task") parseResource(state.Resource ?? "", around.type, place);
}

/** `States.ALL` stands alone, and last. */
function checkWildcards(rules: readonly { readonly ErrorEquals: readonly string[] }[], place: string): void {
  for (const [index, { ErrorEquals }] of rules.entries()) {
    if (!ErrorEquals.includes("States.ALL")) continue;
    if (ErrorEquals.length > 1) fail(`${place}/${index} names States.ALL beside other errors`);
    if (index < rules.length - 1) fail(`${place}/${index} names States.ALL and is not the last`);
  }
}

function checkProcessor(state: State, processor: StateGroup, place: string, around: Surroundings): void {
  const distributed = processor.ProcessorConfig?.Mode === "DISTRIBUTED";
  const { ItemReader: reader, ResultWriter: writer, ItemBatcher: batcher } = state;
  if (distributed && around.type === "EXPRESS") fail(`${place}: an EXPRESS machine has no distributed Map`);
  if (reader && !distributed) fail(`${place} has an ItemReader, which needs the processor mode DISTRIBUTED`);
  if (reader) {
    const { ReaderConfig: config, Resource: resource } = reader;
    const format = config.InputType;
    if (/:s3:getObject$/.test(resource)) {
      if (typeof format !== "string" || !readerFormats.has(format))
        throw new NotSupportedLocally(`Step Functions ${place}/ItemReader with InputType ${String(format)}`);
      if (format === "MANIFEST" && (config.ManifestType ?? "S3_INVENTORY") !== "S3_INVENTORY")
        throw new NotSupportedLocally(
          `Step Functions ${place}/ItemReader with ManifestType ${String(config.ManifestType)}`,
        );
      if (config.CSVHeaderLocation === "GIVEN" && !Array.isArray(config.CSVHeaders))
        fail(`${place}/ItemReader: CSVHeaderLocation GIVEN needs CSVHeaders`);
    } else if (!/:s3:listObjectsV2$/.test(resource) || config.Transformation !== undefined) {
      throw new NotSupportedLocally(
        `Step Functions ${place}/ItemReader ${resource}${config.Transformation ? ` with Transformation ${String(config.Transformation)}` : ""}`,
      );
    }
  }
  if (batcher && Object.keys(batcher).every((key) => key === "BatchInput"))
    fail(`${place}/ItemBatcher needs MaxItemsPerBatch or MaxInputBytesPerBatch`);
  if (writer?.Resource === undefined ? writer && !writer.WriterConfig : !/:s3:putObject$/.test(writer.Resource))
    fail(`${place}/ResultWriter needs the Resource arn:aws:states:::s3:putObject, or a WriterConfig`);
  const variables = distributed ? new Set<string>() : around.variables;
  const type = distributed ? (processor.ProcessorConfig?.ExecutionType ?? "STANDARD") : around.type;
  checkGroup(processor, { ...around, path: `${place}/ItemProcessor`, variables, type });
}

function assignedNames(state: State, place: string): string[] {
  const assigns = [
    state.Assign,
    ...state.Choices.map(({ Assign }) => Assign),
    ...state.Catch.map(({ Assign }) => Assign),
  ];
  const jsonPath = (name: string) => name.replace(/\.\$$/, "");
  const names = assigns.flatMap((each) => (isRecord(each) ? Object.keys(each).map(jsonPath) : []));
  for (const name of names) {
    if (name === "states") fail(`${place} assigns states, which is reserved`);
    if (!variableName.test(name)) fail(`${place} assigns ${name}, which is no name for a variable`);
  }
  return names;
}
