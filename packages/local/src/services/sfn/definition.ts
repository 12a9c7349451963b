import { z } from "zod";
import { AwsError } from "../../kernel";
import { checkMachine, type MachineType } from "./definition-check";

const template = z.unknown().optional();
const path = z.string().optional();
const numeric = z.union([z.number(), z.string()]).optional();
const errorNames = z.array(z.string()).min(1);

const retrier = z.object({
  ErrorEquals: errorNames,
  IntervalSeconds: z.number().min(1).default(1),
  MaxAttempts: z.number().int().min(0).default(3),
  BackoffRate: z.number().min(1).default(2),
  MaxDelaySeconds: z.number().positive().optional(),
  JitterStrategy: z.enum(["FULL", "NONE"]).default("NONE"),
});
const catcher = z.object({
  ErrorEquals: errorNames,
  Next: z.string(),
  ResultPath: z.string().nullable().optional(),
  Output: template,
  Assign: template,
});
const itemReader = z.object({
  Resource: z.string(),
  Parameters: template,
  Arguments: template,
  ReaderConfig: z.record(z.string(), z.unknown()).default({}),
});
const itemBatcher = z.object({
  BatchInput: template,
  MaxItemsPerBatch: numeric,
  MaxItemsPerBatchPath: path,
  MaxInputBytesPerBatch: numeric,
  MaxInputBytesPerBatchPath: path,
});
const resultWriter = z.object({
  Resource: path,
  Parameters: template,
  Arguments: template,
  WriterConfig: z
    .object({
      Transformation: z.enum(["NONE", "COMPACT", "FLATTEN"]).optional(),
      OutputType: z.enum(["JSON", "JSONL"]).optional(),
    })
    .optional(),
});

/** A state, with the fields of every type; asl-validator has checked which belong where. */
const stateSchema = z.object({
  Type: z.enum(["Pass", "Task", "Choice", "Wait", "Parallel", "Map", "Succeed", "Fail"]),
  Comment: path,
  QueryLanguage: z.enum(["JSONPath", "JSONata"]).optional(),
  Next: path,
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
  Resource: path,
  Credentials: template,
  TimeoutSeconds: numeric,
  TimeoutSecondsPath: path,
  HeartbeatSeconds: numeric,
  HeartbeatSecondsPath: path,
  Retry: z.array(retrier).default([]),
  Catch: z.array(catcher).default([]),
  Choices: z.array(z.record(z.string(), z.unknown())).default([]),
  Default: path,
  Seconds: numeric,
  SecondsPath: path,
  Timestamp: path,
  TimestampPath: path,
  Branches: z.array(z.lazy((): z.ZodType<StateGroup> => groupSchema)).default([]),
  ItemProcessor: z.lazy((): z.ZodType<StateGroup> => groupSchema).optional(),
  Iterator: z.lazy((): z.ZodType<StateGroup> => groupSchema).optional(),
  ItemsPath: path,
  Items: template,
  ItemSelector: template,
  MaxConcurrency: numeric,
  MaxConcurrencyPath: path,
  ItemReader: itemReader.optional(),
  ItemBatcher: itemBatcher.optional(),
  ResultWriter: resultWriter.optional(),
  Label: z.string().max(40).optional(),
  ToleratedFailurePercentage: numeric,
  ToleratedFailurePercentagePath: path,
  ToleratedFailureCount: numeric,
  ToleratedFailureCountPath: path,
  Error: path,
  ErrorPath: path,
  Cause: path,
  CausePath: path,
});

const groupSchema: z.ZodType<StateGroup> = z.lazy(() =>
  z.object({
    StartAt: z.string(),
    States: z.record(z.string(), stateSchema),
    ProcessorConfig: z
      .object({
        Mode: z.enum(["INLINE", "DISTRIBUTED"]).default("INLINE"),
        ExecutionType: z.enum(["STANDARD", "EXPRESS"]).optional(),
      })
      .optional(),
  }),
);

const machineSchema = z.object({
  Comment: path,
  StartAt: z.string(),
  QueryLanguage: z.enum(["JSONPath", "JSONata"]).default("JSONPath"),
  TimeoutSeconds: z.number().optional(),
  States: z.record(z.string(), stateSchema),
});

export type State = z.output<typeof stateSchema>;
export type Retrier = z.output<typeof retrier>;
export type Catcher = z.output<typeof catcher>;
export type ItemReader = z.output<typeof itemReader>;
export type ItemBatcher = z.output<typeof itemBatcher>;
export type ResultWriter = z.output<typeof resultWriter>;
export type QueryLanguage = "JSONPath" | "JSONata";

/** States that lead to one another: a machine, a branch, or what a Map runs for each item. */
export interface StateGroup {
  readonly StartAt: string;
  readonly States: Readonly<Record<string, State>>;
  readonly ProcessorConfig?:
    | { readonly Mode: "INLINE" | "DISTRIBUTED"; readonly ExecutionType?: MachineType | undefined }
    | undefined;
}
export type Machine = z.output<typeof machineSchema>;

export const invalidDefinition = (reason: string): AwsError =>
  new AwsError("InvalidDefinition", `Invalid State Machine Definition: ${reason}`);

/**
 * Parses a definition; refuses by name what AWS refuses and what the embedded runtime does not run, before anything has
 * run.
 *
 * @throws `InvalidDefinition` or `NotSupportedLocally`
 */
export function parseMachine(definition: string, type: MachineType = "STANDARD"): Machine {
  let parsed: unknown;
  try {
    parsed = JSON.parse(definition);
  } catch (error) {
    throw invalidDefinition(`it is not JSON: ${String(error)}`);
  }
  const result = machineSchema.safeParse(parsed);
  if (!result.success) throw invalidDefinition(z.prettifyError(result.error));
  checkMachine(result.data, type);
  return result.data;
}
