import { z } from "zod";
import { AwsError, NotSupportedLocally } from "../../kernel";
import { isRecord } from "../support";

const template = z.unknown().optional();
const errorNames = z.array(z.string()).min(1);

const retrier = z.object({
  ErrorEquals: errorNames,
  IntervalSeconds: z.number().min(1).default(1),
  MaxAttempts: z.number().int().min(0).default(3),
  BackoffRate: z.number().min(1).default(2),
  MaxDelaySeconds: z.number().optional(),
  JitterStrategy: z.enum(["FULL", "NONE"]).default("NONE"),
});
const catcher = z.object({
  ErrorEquals: errorNames,
  Next: z.string(),
  ResultPath: z.string().nullable().optional(),
  Output: template,
  Assign: template,
});

/** A state, with the fields of every type; asl-validator has checked which belong where. */
const stateSchema = z.object({
  Type: z.enum(["Pass", "Task", "Choice", "Wait", "Parallel", "Map", "Succeed", "Fail"]),
  Comment: z.string().optional(),
  QueryLanguage: z.enum(["JSONPath", "JSONata"]).optional(),
  Next: z.string().optional(),
  End: z.boolean().optional(),
  InputPath: z.string().nullable().optional(),
  OutputPath: z.string().nullable().optional(),
  ResultPath: z.string().nullable().optional(),
  Parameters: template,
  ResultSelector: template,
  Arguments: template,
  Output: template,
  Assign: template,
  Result: template,
  Resource: z.string().optional(),
  TimeoutSeconds: z.union([z.number(), z.string()]).optional(),
  TimeoutSecondsPath: z.string().optional(),
  HeartbeatSeconds: z.unknown().optional(),
  Retry: z.array(retrier).default([]),
  Catch: z.array(catcher).default([]),
  Choices: z.array(z.record(z.string(), z.unknown())).default([]),
  Default: z.string().optional(),
  Seconds: z.union([z.number(), z.string()]).optional(),
  SecondsPath: z.string().optional(),
  Timestamp: z.string().optional(),
  TimestampPath: z.string().optional(),
  Branches: z.array(z.lazy((): z.ZodType<StateGroup> => groupSchema)).default([]),
  ItemProcessor: z.lazy((): z.ZodType<StateGroup> => groupSchema).optional(),
  Iterator: z.lazy((): z.ZodType<StateGroup> => groupSchema).optional(),
  ItemsPath: z.string().optional(),
  Items: template,
  ItemSelector: template,
  MaxConcurrency: z.union([z.number(), z.string()]).optional(),
  ItemReader: template,
  ItemBatcher: template,
  ResultWriter: template,
  ToleratedFailurePercentage: template,
  ToleratedFailureCount: template,
  Error: z.string().optional(),
  ErrorPath: z.string().optional(),
  Cause: z.string().optional(),
  CausePath: z.string().optional(),
});

const groupSchema: z.ZodType<StateGroup> = z.lazy(() =>
  z.object({
    StartAt: z.string(),
    States: z.record(z.string(), stateSchema),
    ProcessorConfig: z.object({ Mode: z.string().optional() }).optional(),
  }),
);

const machineSchema = z.object({
  Comment: z.string().optional(),
  StartAt: z.string(),
  QueryLanguage: z.enum(["JSONPath", "JSONata"]).default("JSONPath"),
  TimeoutSeconds: z.number().optional(),
  States: z.record(z.string(), stateSchema),
});

export type State = z.output<typeof stateSchema>;
export type Retrier = z.output<typeof retrier>;
export type Catcher = z.output<typeof catcher>;
export type QueryLanguage = "JSONPath" | "JSONata";

/** States that lead to one another: a machine, a branch, or what a Map runs for each item. */
export interface StateGroup {
  readonly StartAt: string;
  readonly States: Readonly<Record<string, State>>;
  readonly ProcessorConfig?: { readonly Mode?: string | undefined } | undefined;
}
export type Machine = z.output<typeof machineSchema>;

/** Parses a definition; refuses by name what the embedded runtime does not run, before anything has run. */
export function parseMachine(definition: string): Machine {
  let parsed: unknown;
  try {
    parsed = JSON.parse(definition);
  } catch (error) {
    throw new AwsError("InvalidDefinition", `Invalid State Machine Definition: it is not JSON: ${String(error)}`);
  }
  const result = machineSchema.safeParse(parsed);
  if (!result.success) {
    throw new AwsError("InvalidDefinition", `Invalid State Machine Definition: ${z.prettifyError(result.error)}`);
  }
  checkGroup(result.data, "");
  return result.data;
}

function checkGroup(group: StateGroup, path: string): void {
  const fail = (reason: string) => {
    throw new AwsError("InvalidDefinition", `Invalid State Machine Definition: ${reason}`);
  };
  if (!group.States[group.StartAt]) fail(`StartAt ${group.StartAt} is not among the States of ${path || "/"}`);
  for (const [name, state] of Object.entries(group.States)) {
    const place = `${path}/States/${name}`;
    const choices = state.Choices.flatMap(({ Next }) => (typeof Next === "string" ? [Next] : []));
    for (const next of [state.Next, state.Default, ...choices, ...state.Catch.map(({ Next }) => Next)]) {
      if (next !== undefined && !group.States[next]) fail(`${place} leads to ${next}, which is no state beside it`);
    }
    if (state.Resource?.includes(".waitForTaskToken")) {
      throw new NotSupportedLocally(`Step Functions ${place} with .waitForTaskToken`);
    }
    if (state.Resource?.includes(":activity:")) throw new NotSupportedLocally(`Step Functions activity in ${place}`);
    const processor = state.ItemProcessor ?? state.Iterator;
    if (processor?.ProcessorConfig?.Mode === "DISTRIBUTED" || isRecord(state.ItemReader)) {
      throw new NotSupportedLocally(
        `Step Functions distributed Map in ${place}`,
        "Use an inline Map, or run it on AWS.",
      );
    }
    for (const branch of state.Branches) checkGroup(branch, place);
    if (processor) checkGroup(processor, place);
  }
}
