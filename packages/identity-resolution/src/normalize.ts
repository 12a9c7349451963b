import { type Fault, type OnDelete, validate, zodFaults } from "@tributary/core";
import { type IdentityRules, identityRulesSchema } from "@tributary/model";
import type { IdentityResolutionArgs, IdentityResolutionTransforms, ResolverArgs } from "./args";
import { identityResolutionDefaults as defaults } from "./defaults";

/** IdentityResolution's arguments with everything decided. */
export interface ResolvedIdentityResolution {
  readonly rules: IdentityRules;
  readonly resolver: Required<ResolverArgs>;
  readonly onDelete: OnDelete;
  readonly transform: IdentityResolutionTransforms;
}

/** Checks the arguments and fills in the defaults. @throws `InputPropertiesError` with every fault */
export function normalize(name: string, args: IdentityResolutionArgs): ResolvedIdentityResolution {
  validate(`IdentityResolution "${name}"`, faultsOf(args));
  return {
    rules: args.rules === undefined ? defaults.rules : identityRulesSchema.parse(args.rules),
    resolver: {
      batchSize: args.resolver?.batchSize ?? defaults.batchSize,
      windowSeconds: args.resolver?.windowSeconds ?? defaults.windowSeconds,
      parallelization: args.resolver?.parallelization ?? defaults.parallelization,
      memoryMb: args.resolver?.memoryMb ?? defaults.memoryMb,
    },
    onDelete: args.onDelete ?? "retain",
    transform: args.transform ?? {},
  };
}

function faultsOf(args: IdentityResolutionArgs): Fault[] {
  const { resolver } = args;
  return [
    ...(args.foundation === undefined
      ? [{ path: "foundation", reason: "is missing; give governance.foundation, or its shape by hand" }]
      : []),
    ...(args.events?.streamArn === undefined
      ? [
          {
            path: "events.streamArn",
            reason: "is missing; give ingestion.events, or a table ref whose table has a stream of new images",
          },
        ]
      : []),
    ...(args.rules === undefined ? [] : zodFaults(identityRulesSchema, args.rules, "rules")),
    ...range("resolver.batchSize", resolver?.batchSize, 1, 10_000),
    ...range("resolver.windowSeconds", resolver?.windowSeconds, 0, 300),
    ...range("resolver.parallelization", resolver?.parallelization, 1, 10),
    ...range("resolver.memoryMb", resolver?.memoryMb, 128, 10_240),
  ];
}

function range(path: string, value: number | undefined, least: number, most: number): Fault[] {
  if (value === undefined || (Number.isInteger(value) && value >= least && value <= most)) return [];
  return [{ path, reason: `is ${value}; give a whole number from ${least} to ${most}` }];
}
