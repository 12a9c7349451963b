import type * as dynamodb from "@pulumi/aws/dynamodb";
import type * as lambda from "@pulumi/aws/lambda";
import type { BucketRef, FoundationRef, OnDelete, TableRef, Transform } from "@tributary/core";
import type { RuleSetInput } from "@tributary/model";
import type { MatchingArgs } from "./matching/args";

export interface IdentityResolutionArgs {
  /** `governance.foundation`, or the same shape by hand. */
  readonly foundation: FoundationRef;
  /** The events table with a stream of new images: `ingestion.events`. */
  readonly events: TableRef;
  /** What identifies a person, and what may not; with `matching` in it, how records are matched too. @default `defaultIdentityRules` */
  readonly rules?: RuleSetInput;
  readonly resolver?: ResolverArgs;
  /** Where every change of a profile is archived, for the lake's tables of people: `lake.rawZone`. Left out: nowhere. */
  readonly rawZone?: { readonly bucket: BucketRef };
  /** Matches whole records in the batch too, by AWS Entity Resolution. Left out: nothing is matched but what shares identifiers. */
  readonly matching?: MatchingArgs;
  /** What happens to the graph and the profiles when they leave the program. @default "retain" */
  readonly onDelete?: OnDelete;
  readonly transform?: IdentityResolutionTransforms;
}

/** How the resolver reads the stream. */
export interface ResolverArgs {
  /** Events of one invocation, at most (1 to 10,000); larger batches need fewer transactions an event. @default 500 */
  readonly batchSize?: number;
  /** Seconds to wait for a full batch: what a profile lags behind its events. @default 1 */
  readonly windowSeconds?: number;
  /** Batches of one shard at a time (1 to 10). @default 1 */
  readonly parallelization?: number;
  /** @default 1024 */
  readonly memoryMb?: number;
}

/** Escape hatches, keyed as `nodes`. */
export interface IdentityResolutionTransforms {
  readonly graph?: Transform<dynamodb.TableArgs>;
  readonly profiles?: Transform<dynamodb.TableArgs>;
  readonly resolver?: Transform<lambda.FunctionArgs>;
  readonly steward?: Transform<lambda.FunctionArgs>;
  readonly profileArchiver?: Transform<lambda.FunctionArgs>;
}
