export {
  all,
  any,
  consent,
  context,
  count,
  distinct,
  event,
  first,
  identifier,
  identify,
  last,
  max,
  min,
  mostFrequent,
  not,
  page,
  property,
  rule,
  type SegmentDefinition,
  screen,
  segment,
  source,
  sql,
  sum,
  type TraitDefinition,
  type TraitDefinitions,
  trait,
} from "@tributary/model";
export * from "./args";
export * from "./data-lake";
export { dataLakeDefaults } from "./defaults";
export { dataLakeFaults, normalize } from "./normalize";
export { queries, traitQueries } from "./queries";
export type { OwnView, ReaderArgs, ServingArgs } from "./serving/args";
export type { QuickSightArgs } from "./serving/quicksight-args";
export { type RedshiftArgs, redshiftDefaults, type ZeroEtlArgs } from "./serving/redshift-args";
export {
  type FunctionStep,
  type JobStep,
  type PipelineStep,
  type StateMachineStep,
  type StepPlace,
  stepPlaces,
  type TaskStep,
} from "./steps";
export * from "./tables";
export { column } from "./tables/columns";
export { type LakePlan, type LakeStep, planLake, transformText } from "./tables/lake-plan";
export type { TraitsArgs } from "./traits/args";
export { commonFunctions } from "./transforms/functions";
export { findingText, lintTransform, type TransformFinding } from "./transforms/lint";
