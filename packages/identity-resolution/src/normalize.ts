import {
  bucketRefFaults,
  type Fault,
  foundationFaults,
  isRecord,
  noArguments,
  type OnDelete,
  objectFaults,
  onDeleteFaults,
  optionalObjectFaults,
  quoted,
  tableRefFaults,
  transformFaults,
  unknownFaults,
  validate,
  zodFaults,
} from "@tributary/core";
import { type IdentityRules, resolverRules, ruleSetSchema } from "@tributary/model";
import type { IdentityResolutionArgs, IdentityResolutionTransforms, ResolverArgs } from "./args";
import { identityResolutionDefaults as defaults } from "./defaults";
import { matchingFaults, type ResolvedMatching, resolveMatching } from "./matching/normalize";

/** IdentityResolution's arguments with everything decided. */
export interface ResolvedIdentityResolution {
  readonly rules: IdentityRules;
  readonly resolver: Required<ResolverArgs>;
  readonly matching: ResolvedMatching | undefined;
  readonly onDelete: OnDelete;
  readonly transform: IdentityResolutionTransforms;
}

/** Checks the arguments and fills in the defaults. @throws `InputPropertiesError` with every fault */
export function normalize(name: string, args: IdentityResolutionArgs): ResolvedIdentityResolution {
  validate(`IdentityResolution "${name}"`, faultsOf(args));
  const given = args.rules === undefined ? undefined : ruleSetSchema.parse(args.rules);
  return {
    rules: given === undefined ? defaults.rules : resolverRules(given),
    resolver: {
      batchSize: args.resolver?.batchSize ?? defaults.batchSize,
      windowSeconds: args.resolver?.windowSeconds ?? defaults.windowSeconds,
      parallelization: args.resolver?.parallelization ?? defaults.parallelization,
      memoryMb: args.resolver?.memoryMb ?? defaults.memoryMb,
    },
    matching: args.matching && resolveMatching(args.matching, args.rules?.matching),
    onDelete: args.onDelete ?? "retain",
    transform: args.transform ?? {},
  };
}

const known = ["foundation", "events", "rules", "resolver", "rawZone", "matching", "onDelete", "transform"];
const ranges: Readonly<Record<keyof ResolverArgs, readonly [number, number]>> = {
  batchSize: [1, 10_000],
  windowSeconds: [0, 300],
  parallelization: [1, 10],
  memoryMb: [128, 10_240],
};

function faultsOf(args: IdentityResolutionArgs): Fault[] {
  const none = noArguments(args);
  if (none.length > 0) return none;
  return [
    ...unknownFaults("", args, known),
    ...foundationFaults(args.foundation),
    ...tableRefFaults(
      "events",
      args.events,
      "ingestion.events",
      "or a table ref whose table has a stream of new images",
    ),
    ...(args.rules === undefined ? [] : zodFaults(ruleSetSchema, args.rules, "rules")),
    ...optionalObjectFaults("resolver", args.resolver, "{ windowSeconds: 1 }", (resolver) => [
      ...unknownFaults("resolver.", resolver, Object.keys(ranges)),
      ...Object.entries(ranges).flatMap(([key, [least, most]]) => range(`resolver.${key}`, resolver[key], least, most)),
    ]),
    ...(args.rawZone === undefined
      ? []
      : objectFaults("rawZone", args.rawZone, "lake.rawZone", ({ bucket }) =>
          bucketRefFaults("rawZone.bucket", bucket, "lake.rawZone.bucket"),
        )),
    ...matchingFaults(args.matching, isRecord(args.rules) ? args.rules.matching : undefined),
    ...onDeleteFaults(args.onDelete),
    ...transformFaults(args.transform, ["graph", "profiles", "resolver", "steward", "profileArchiver"]),
  ];
}

function range(path: string, value: unknown, least: number, most: number): Fault[] {
  if (value === undefined || (Number.isInteger(value) && Number(value) >= least && Number(value) <= most)) return [];
  return [{ path, reason: `is ${quoted(value)}; give a whole number from ${least} to ${most}` }];
}
