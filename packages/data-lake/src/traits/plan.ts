import { defaultIdentityRules, eventTraitsOf, identityRulesSchema, type LakeTable } from "@tributary/model";
import { computedTraits, segmentChanges, segmentMembers, traitFacts } from "../tables/traits";
import type { TraitsArgs } from "./args";
import { factsSql } from "./facts-sql";
import { traitsSql } from "./fold-sql";
import { changesSql, segmentsSql } from "./segment-sql";
import { allSeries } from "./series";

/** The tables that declared traits and segments ask for, in the order that they are made, with their SELECTs. */
export function traitSteps(args: TraitsArgs): readonly { readonly table: LakeTable; readonly sql: string }[] {
  const { traits = {}, segments = {} } = args;
  const all = { ...traits, ...eventTraitsOf(segments) };
  const rules = args.identityRules === undefined ? defaultIdentityRules : identityRulesSchema.parse(args.identityRules);
  const steps: { readonly table: LakeTable; readonly sql: string }[] = [];
  if (Object.keys(all).length > 0) {
    steps.push({ table: traitFacts, sql: factsSql(allSeries(all), rules) });
    steps.push({ table: computedTraits, sql: traitsSql(all) });
  }
  if (Object.keys(segments).length > 0) {
    steps.push({ table: segmentMembers, sql: segmentsSql(segments, all) });
    steps.push({ table: segmentChanges, sql: changesSql });
  }
  return steps;
}
