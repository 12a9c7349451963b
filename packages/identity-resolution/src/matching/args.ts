import type { Input } from "@pulumi/pulumi";
import type { BucketRef, GlueTableRef, ScheduleArgs } from "@tributary/core";
import type { MatchRulesInput } from "@tributary/model";

/** Matching of whole records in the batch, beside the identifiers of the stream. What it finds becomes evidence of the graph. */
export interface MatchingArgs {
  /** Who matches. AWS Entity Resolution bills each record of each job: about $0.25 per 1,000. Needs `@pulumi/aws-native`. */
  readonly provider: "entity-resolution";
  /** How: columns and what they hold, match keys, rules. What the provider cannot express is refused in preview. @default `matching` of the component's `rules` */
  readonly rules?: MatchRulesInput;
  /** Whom: `lake.peopleToMatch`, or a table with the columns `record_id`, `identifier_type`, `identifier_value` and those of the rules. */
  readonly input: GlueTableRef | undefined;
  /** Where the provider's output and the links made of it rest, below `matching/`: `lake.workspace`, which keeps them for 30 days. */
  readonly output: BucketRef;
  /** Match by Entity Resolution's machine learning instead of rules. @default false */
  readonly ml?: boolean;
  /** Let Entity Resolution keep what it matched and process only what is new or changed. Links that are no more are then not withdrawn. @default false */
  readonly incremental?: boolean;
  /** For matching that the lake's pipeline does not run (`lake.runNightly({ match })` has it do so). Left out: it runs when it is started. */
  readonly schedule?: ScheduleArgs;
  /** Minutes after which a job is given up. @default 720 */
  readonly timeoutMinutes?: number;
  /** Sends the groups to Connect Customer Profiles too, by a workflow and a job of their own, so each record is billed twice. */
  readonly customerProfiles?: MatchingCustomerProfilesArgs;
}

/** Where in Connect Customer Profiles the groups go. */
export interface MatchingCustomerProfilesArgs {
  readonly domainArn: Input<string>;
  /** An object type of the domain, whose fields are the columns of the rules. */
  readonly objectTypeArn: Input<string>;
}
