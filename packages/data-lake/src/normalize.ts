import type { Fault, FoundationRef, OnDelete, StateMachineRef } from "@tributary/core";
import {
  foundationFaults,
  inputTextFaults,
  isRecord,
  noArguments,
  onDeleteFaults,
  optionalObjectFaults,
  quoted,
  resolveSchedule,
  scheduleFaults,
  transformFaults,
  unknownFaults,
  validate,
} from "@tributary/core";
import type { DataLakeArgs, DataLakeTransforms, NightlyArgs, ScheduleArgs, UnreadableAction } from "./args";
import { dataLakeDefaults } from "./defaults";
import { ownFaults } from "./own-faults";
import type { ReaderArgs } from "./serving/args";
import { planViews, type ViewPlan } from "./serving/plan";
import type { QuickSightArgs } from "./serving/quicksight-args";
import { type ResolvedRedshift, resolveRedshift } from "./serving/redshift-args";
import { type ResolvedStep, resolveSteps, stepsFaults } from "./steps";
import type { Zone } from "./tables";
import { type LakePlan, planLake } from "./tables/lake-plan";
import { sqlOf } from "./traits/sql-segments";

/** The nightly pipeline with everything decided. */
export interface ResolvedNightly {
  readonly schedule: Required<ScheduleArgs> | undefined;
  readonly match: StateMachineRef | undefined;
  readonly steps: readonly ResolvedStep[];
}

/** DataLake's arguments with everything decided. */
export interface ResolvedDataLake {
  readonly foundation: FoundationRef;
  readonly databases: Readonly<Record<Zone, string>>;
  readonly nightly: ResolvedNightly | "later";
  readonly peopleToMatch: boolean;
  /** SELECTs of the segments by SQL, by name. */
  readonly sqlSegments: Readonly<Record<string, string>>;
  /** Tables and steps, with what the user added. */
  readonly plan: LakePlan;
  /** Views, ours and the user's. */
  readonly viewPlan: ViewPlan;
  readonly readers: Readonly<Record<string, ReaderArgs>>;
  readonly redshift: ResolvedRedshift | undefined;
  readonly quicksight: QuickSightArgs | undefined;
  readonly breakingChanges: readonly string[];
  readonly unreadable: UnreadableAction;
  readonly queryCutoffBytes: number;
  readonly workers: number;
  readonly timeoutMinutes: number;
  readonly onDelete: OnDelete;
  readonly transform: DataLakeTransforms;
}

/**
 * Checks the arguments and fills in the defaults.
 * @throws `InputPropertiesError` with every fault
 */
export function normalize(name: string, args: DataLakeArgs): ResolvedDataLake {
  validate(`DataLake "${name}"`, dataLakeFaults(args));
  const prefix = args.databasePrefix ?? dataLakeDefaults.databasePrefix;
  const plan = planLake(args);
  return {
    foundation: args.foundation,
    databases: { raw: `${prefix}raw`, clean: `${prefix}clean`, curated: `${prefix}curated` },
    nightly: args.nightly === "later" ? "later" : resolveNightly(args.nightly ?? {}),
    peopleToMatch: args.peopleToMatch ?? dataLakeDefaults.peopleToMatch,
    sqlSegments: sqlOf(args.segments),
    plan,
    viewPlan: planViews(args, plan),
    readers: args.readers ?? {},
    quicksight: args.quicksight,
    redshift: args.redshift === undefined ? undefined : resolveRedshift(args.redshift, plan.tables),
    breakingChanges: args.breakingChanges ?? [],
    unreadable: args.unreadable ?? dataLakeDefaults.unreadable,
    queryCutoffBytes: Math.round((args.queryCutoffGb ?? dataLakeDefaults.queryCutoffGb) * 1e9),
    workers: args.workers ?? dataLakeDefaults.workers,
    timeoutMinutes: args.timeoutMinutes ?? dataLakeDefaults.timeoutMinutes,
    onDelete: args.onDelete ?? "retain",
    transform: args.transform ?? {},
  };
}

/**
 * Checks the arguments of `runNightly`.
 * @throws `InputPropertiesError` with every fault
 */
export function normalizeNightly(name: string, args: NightlyArgs): ResolvedNightly {
  validate(`DataLake "${name}", runNightly`, [...noArguments(args), ...nightlyParts("", args)]);
  return resolveNightly(args);
}

function resolveNightly({ schedule, match, steps }: NightlyArgs): ResolvedNightly {
  return {
    schedule: schedule === undefined ? undefined : resolveSchedule(schedule),
    match,
    steps: resolveSteps(steps),
  };
}

const known = [
  "foundation",
  "databasePrefix",
  "nightly",
  "peopleToMatch",
  "tables",
  "columns",
  "transforms",
  "quality",
  "breakingChanges",
  "traits",
  "segments",
  "identityRules",
  "views",
  "readers",
  "redshift",
  "quicksight",
  "unreadable",
  "curatedFormat",
  "queryCutoffGb",
  "workers",
  "timeoutMinutes",
  "onDelete",
  "transform",
];
const transformed = ["rawBucket", "cleanBucket", "curatedBucket", "workspaceBucket", "workgroup", "job"];

/** Every fault of the arguments. Outputs are not looked into. */
export function dataLakeFaults(args: DataLakeArgs): Fault[] {
  const none = noArguments(args);
  if (none.length > 0) return none;
  return [
    ...unknownFaults("", args, known),
    ...foundationFaults(args.foundation),
    ...prefixFaults(args.databasePrefix),
    ...nightlyFaults(args.nightly),
    ...(args.peopleToMatch === undefined || typeof args.peopleToMatch === "boolean"
      ? []
      : [{ path: "peopleToMatch", reason: `${quoted(args.peopleToMatch)} must be true or false` }]),
    ...ownFaults(args),
    ...(args.unreadable === undefined || ["stop", "setAside"].includes(args.unreadable)
      ? []
      : [{ path: "unreadable", reason: `${quoted(args.unreadable)} must be "stop" or "setAside"` }]),
    ...(args.curatedFormat === undefined || ["parquet", "iceberg"].includes(args.curatedFormat)
      ? []
      : [{ path: "curatedFormat", reason: `${quoted(args.curatedFormat)} must be "parquet" or "iceberg"` }]),
    ...numberFaults("queryCutoffGb", args.queryCutoffGb, 0.01, 100_000, "gigabytes"),
    ...wholeFaults("workers", args.workers, 2, 100, "Glue needs two at least"),
    ...wholeFaults("timeoutMinutes", args.timeoutMinutes, 1, 2880, "two days is the most"),
    ...onDeleteFaults(args.onDelete),
    ...transformFaults(args.transform, transformed),
  ];
}

function prefixFaults(prefix: unknown): Fault[] {
  if (prefix === undefined || prefix === "") return [];
  if (typeof prefix === "string" && /^[a-z][a-z0-9_]{0,40}$/.test(prefix)) return [];
  const mended =
    typeof prefix === "string"
      ? prefix
          .toLowerCase()
          .replace(/[^a-z0-9_]+/g, "_")
          .replace(/^[^a-z]+/, "")
      : "";
  const hint = mended === "" ? "" : `; try ${JSON.stringify(mended)}`;
  return [
    {
      path: "databasePrefix",
      reason: `${quoted(prefix)} must be a plain string of lower case letters, digits and underscores that begins with a letter${hint}`,
    },
  ];
}

function nightlyFaults(nightly: unknown): Fault[] {
  if (nightly === "later") return [];
  const example = '{ schedule: { expression: "cron(0 3 * * ? *)" } }, or "later"';
  return optionalObjectFaults("nightly", nightly, example, (given) => nightlyParts("nightly.", given));
}

function nightlyParts(prefix: string, given: unknown): Fault[] {
  if (!isRecord(given)) return [];
  return [
    ...unknownFaults(prefix, given, ["schedule", "match", "steps"]),
    ...(given.schedule === undefined ? [] : scheduleFaults(`${prefix}schedule`, given.schedule)),
    ...optionalObjectFaults(`${prefix}match`, given.match, "identities.matchPipeline", ({ arn }) =>
      inputTextFaults(`${prefix}match.arn`, arn, "the ARN of a state machine: identities.matchPipeline has it"),
    ),
    ...stepsFaults(`${prefix}steps`, given.steps),
  ];
}

function numberFaults(path: string, value: unknown, least: number, most: number, unit: string): Fault[] {
  if (value === undefined || (typeof value === "number" && value >= least && value <= most)) return [];
  return [{ path, reason: `${quoted(value)} must be a number of ${unit} from ${least} to ${most}` }];
}

function wholeFaults(path: string, value: unknown, least: number, most: number, why: string): Fault[] {
  if (value === undefined || (Number.isInteger(value) && (value as number) >= least && (value as number) <= most))
    return [];
  return [{ path, reason: `${quoted(value)} must be a whole number from ${least} to ${most}: ${why}` }];
}
