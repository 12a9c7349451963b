import type { Input } from "@pulumi/pulumi";
import type { Fault, StateMachineRef, Statement } from "@tributary/core";
import { inputTextFaults, isRecord, quoted, unknownFaults } from "@tributary/core";

/** The pipeline's places, in their order; a step comes after what the pipeline itself does there. */
export const stepPlaces = ["land", "clean", "match", "curate", "traits", "serve"] as const;
export type StepPlace = (typeof stepPlaces)[number];

interface StepPlacement {
  /** Name of its state: begins with a letter; letters, digits, spaces, `_` and `-`; 60 characters at most. */
  readonly name: string;
  /** What it runs after. Steps after the same place run in the order of their declaration. A place where the pipeline has nothing to do is a place all the same. */
  readonly after: StepPlace;
  /** How often it is tried again when it fails. @default 1 */
  readonly retries?: number;
}

/** Invokes a Lambda function and waits for its answer. It is sent `{ execution, asOf, from, to, full, changed }` and `payload`. */
export interface FunctionStep extends StepPlacement {
  readonly function: { readonly arn: Input<string> };
  readonly payload?: Readonly<Record<string, unknown>>;
}

/** Runs a Glue job and waits for its end. It is given `--as_of`, and `--from`, `--to`, `--full` where they are asked for, and `arguments`. */
export interface JobStep extends StepPlacement {
  readonly job: { readonly name: Input<string>; readonly arn: Input<string> };
  readonly arguments?: Readonly<Record<string, Input<string>>>;
}

/** Starts an execution of a state machine and waits for its end. Its input is `{ execution, asOf, from, to, full, changed }` and `input`. */
export interface StateMachineStep extends StepPlacement {
  readonly stateMachine: StateMachineRef;
  readonly input?: Readonly<Record<string, unknown>>;
}

/** Any Task state of the Amazon States Language, without its `Next`, and what it may do. `$land` has what the others are sent. */
export interface TaskStep extends Omit<StepPlacement, "retries"> {
  readonly task: Readonly<Record<string, unknown>> & { readonly Resource: Input<string> };
  /** What the pipeline's role needs for it. */
  readonly statements: readonly Statement[];
}

/** A step of yours in the nightly pipeline: it has one of `function`, `job`, `stateMachine`, `task`. */
export type PipelineStep = FunctionStep | JobStep | StateMachineStep | TaskStep;

/** A step with everything decided. */
export interface ResolvedStep {
  readonly name: string;
  readonly after: StepPlace;
  readonly run:
    | {
        readonly kind: "function";
        readonly arn: Input<string>;
        readonly payload: Readonly<Record<string, unknown>>;
        readonly retries: number;
      }
    | {
        readonly kind: "job";
        readonly jobName: Input<string>;
        readonly arn: Input<string>;
        readonly arguments: Readonly<Record<string, Input<string>>>;
        readonly retries: number;
      }
    | {
        readonly kind: "stateMachine";
        readonly arn: Input<string>;
        readonly input: Readonly<Record<string, unknown>>;
        readonly retries: number;
      }
    | {
        readonly kind: "task";
        readonly task: Readonly<Record<string, unknown>>;
        readonly statements: readonly Statement[];
      };
}

export function resolveSteps(steps: readonly PipelineStep[] = []): ResolvedStep[] {
  return steps.map((step) => {
    const { name, after } = step;
    if ("task" in step) return { name, after, run: { kind: "task", task: step.task, statements: step.statements } };
    const retries = step.retries ?? 1;
    if ("function" in step)
      return { name, after, run: { kind: "function", arn: step.function.arn, payload: step.payload ?? {}, retries } };
    if ("job" in step) {
      const { name: jobName, arn } = step.job;
      return { name, after, run: { kind: "job", jobName, arn, arguments: step.arguments ?? {}, retries } };
    }
    const { arn } = step.stateMachine;
    return { name, after, run: { kind: "stateMachine", arn, input: step.input ?? {}, retries } };
  });
}

/** States of the pipeline itself; a job's begin with its name. */
const taken = [
  "LookForOthers",
  "Alone",
  "AlreadyRunning",
  "Land",
  "AnythingNew",
  "NothingNew",
  "Match",
  "Serve",
  "LoadRedshift",
  "RefreshQuickSight",
  "Remember",
  "Done",
  ...["Clean", "Curate", "Traits"].flatMap((job) => [job, `${job}Failed`, `${job}Again`, `${job}Stopped`]),
];

/** Which keys each kind has, and what to give for its own. */
const kinds = {
  function: { options: ["payload", "retries"], what: "a Lambda function" },
  job: { options: ["arguments", "retries"], what: "a Glue job" },
  stateMachine: { options: ["input", "retries"], what: "a state machine" },
  task: { options: ["statements"], what: '{ Resource: "arn:aws:states:::…", … }' },
} as const;
type Kind = keyof typeof kinds;
const kindNames = Object.keys(kinds) as Kind[];

/** Every fault of `steps`. */
export function stepsFaults(path: string, steps: unknown): Fault[] {
  if (steps === undefined) return [];
  if (!Array.isArray(steps))
    return [
      { path, reason: `${quoted(steps)} must be a list of steps such as { name: "Audit", after: "curate", function }` },
    ];
  const seen = new Map<string, string>(taken.map((name) => [name.toLowerCase(), "the pipeline's own"]));
  return steps.flatMap((step: unknown, index): Fault[] => {
    const here = `${path}[${index}]`;
    if (!isRecord(step))
      return [
        {
          path: here,
          reason: `${quoted(step)} must be an object such as { name: "Audit", after: "curate", function }`,
        },
      ];
    return [...nameFaults(here, step.name, seen), ...placeFaults(here, step.after), ...kindFaults(here, step)];
  });
}

function nameFaults(here: string, name: unknown, seen: Map<string, string>): Fault[] {
  const path = `${here}.name`;
  if (typeof name !== "string" || !/^[A-Za-z][A-Za-z0-9 _-]{0,59}$/.test(name))
    return [
      {
        path,
        reason: `${quoted(name)} must be a plain string of letters, digits, spaces, "_" and "-" that begins with a letter, 60 at most, such as "Audit"`,
      },
    ];
  const other = seen.get(name.toLowerCase());
  if (other === undefined) seen.set(name.toLowerCase(), here);
  return other === undefined ? [] : [{ path, reason: `"${name}" is also the name of ${other}; names differ` }];
}

function placeFaults(here: string, after: unknown): Fault[] {
  if (stepPlaces.includes(after as StepPlace)) return [];
  const places = stepPlaces.map((place) => `"${place}"`).join(", ");
  return [{ path: `${here}.after`, reason: `${quoted(after)} must be one of ${places}` }];
}

function kindFaults(here: string, step: Record<string, unknown>): Fault[] {
  const given = kindNames.filter((kind) => step[kind] !== undefined);
  const [kind] = given;
  if (kind === undefined || given.length > 1)
    return [
      {
        path: here,
        reason: `has ${given.length === 0 ? "none" : given.join(" and ")} of ${kindNames.join(", ")}; give one`,
      },
    ];
  const { options, what } = kinds[kind];
  const value = step[kind];
  const { retries } = step;
  return [
    ...unknownFaults(`${here}.`, step, ["name", "after", kind, ...options]),
    ...(isRecord(value)
      ? targetFaults(`${here}.${kind}`, kind, value)
      : [{ path: `${here}.${kind}`, reason: `${quoted(value)} must be ${what}` }]),
    ...options
      .filter((option) => option === "payload" || option === "arguments" || option === "input")
      .filter((option) => step[option] !== undefined && !isRecord(step[option]))
      .map((option) => ({ path: `${here}.${option}`, reason: `${quoted(step[option])} must be an object` })),
    ...(kind === "task" && !Array.isArray(step.statements)
      ? [
          {
            path: `${here}.statements`,
            reason: `${quoted(step.statements)} must be the list of what the task may do, such as { actions: ["athena:StartQueryExecution"], resources: [workgroup.arn] }`,
          },
        ]
      : []),
    ...(kind !== "task" &&
    retries !== undefined &&
    !(Number.isInteger(retries) && Number(retries) >= 0 && Number(retries) <= 10)
      ? [{ path: `${here}.retries`, reason: `${quoted(retries)} must be a whole number from 0 to 10` }]
      : []),
  ];
}

function targetFaults(path: string, kind: Kind, value: Record<string, unknown>): Fault[] {
  if (kind === "task") {
    return [
      ...inputTextFaults(
        `${path}.Resource`,
        value.Resource,
        'what the task calls: "arn:aws:states:::athena:startQueryExecution.sync"',
      ),
      ...["Next", "End", "Catch"]
        .filter((field) => value[field] !== undefined)
        .map((field) => ({
          path: `${path}.${field}`,
          reason:
            field === "Catch"
              ? "is not for steps: what fails must stop the pipeline where it is, so that it can be resumed"
              : "is set by the pipeline; leave it out",
        })),
    ];
  }
  return [
    ...inputTextFaults(`${path}.arn`, value.arn, `the ARN of ${kinds[kind].what}`),
    ...(kind === "job" ? inputTextFaults(`${path}.name`, value.name, "the name of a Glue job") : []),
  ];
}
