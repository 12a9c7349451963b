import type { IdentityRulesInput, SegmentDefinition, TraitDefinitions } from "@tributary/model";

/** Computed traits and segments, computed each night at the run's instant. Give Activation the same and it keeps them up in the stream. */
export interface TraitsArgs {
  /** By name: `{ orders_30d: count(event("Order Completed")).within({ days: 30 }) }`. Makes `curated.traits`. @default none */
  readonly traits?: TraitDefinitions;
  /** By name: `{ lapsed: segment(event("Order Completed").none().within({ days: 90 })) }`. Makes `curated.segments` and `curated.segment_changes`. @default none */
  readonly segments?: Readonly<Record<string, SegmentDefinition>>;
  /** Whose an event is: the rules of IdentityResolution. @default `defaultIdentityRules` */
  readonly identityRules?: IdentityRulesInput;
}
