import type * as dynamodb from "@pulumi/aws/dynamodb";
import type { Input } from "@pulumi/pulumi";
import type {
  Callback,
  FoundationRef,
  OnDelete,
  ProfileStoreRef,
  SegmentsRef,
  StateMachineRef,
  TableRef,
  Transform,
} from "@tributary/core";
import type { Profile, SegmentDefinition, TraitDefinition } from "@tributary/model";

/** Makes what a destination gets of a profile: a JSON object. Embedded in the delivery's Lambda function. */
export type MapProfile = (
  profile: Profile,
  context: { readonly audience: string; readonly destination: string },
) => object | Promise<object>;

/** A webhook that is told who enters, changes in and leaves audiences. Made by `webhook()`. */
export interface WebhookArgs {
  /** `https://…`; `http://` only for a loopback address. */
  readonly url: Input<string>;
  /** The purpose that a person must have consented to (`marketing`); without that consent nothing is sent. */
  readonly purpose: string;
  /** Names of the audiences whose changes it gets. */
  readonly audiences: readonly string[];
  /** What it gets of a profile. Left out: the traits. */
  readonly map?: Callback<MapProfile>;
  /** Constant headers. */
  readonly headers?: Readonly<Record<string, string>>;
  /** A header whose value is a secret of Secrets Manager, such as `authorization`. */
  readonly secret?: { readonly header: string; readonly arn: Input<string>; readonly keyArn: Input<string> };
  /** Seconds that the webhook may take, 1 to 25. @default 10 */
  readonly timeoutSeconds?: number;
  /** Deliveries under way at once, 2 to 1,000. @default 5 */
  readonly maximumConcurrency?: number;
  /** Tries of a delivery before it rests in the dead letters, 1 to 1,000; they are 4, 16, 64 … 900 seconds apart. @default 8: 50 minutes */
  readonly maxAttempts?: number;
}

export interface DestinationArgs extends WebhookArgs {
  readonly kind: "webhook";
}

/** A destination that is told by HTTP POST. */
export function webhook(args: WebhookArgs): DestinationArgs {
  return { kind: "webhook", ...args };
}

export interface ActivationArgs {
  /** `governance.foundation`. */
  readonly foundation: FoundationRef;
  /** `identities.profiles`. */
  readonly profiles: ProfileStoreRef;
  /**
   * Traits computed from events, by name, up to date at every instant: `{ orders_30d: count(event("Order Completed"))
   * .within({ days: 30 }) }`. What events state under such a name is hidden. @default none
   */
  readonly traits?: Readonly<Record<string, TraitDefinition>>;
  /** The events table with a stream of new images, `ingestion.events`: needed for `traits`, and for audiences over events. */
  readonly events?: TableRef;
  /**
   * By name: letters, digits, dashes. Predicates over stated and computed traits, and over events; and the lake's segments
   * by SQL, under their names there, which are as of the last night (`segments`, `nightlySteps`).
   */
  readonly audiences: Readonly<Record<string, SegmentDefinition>>;
  /** `lake.segments`: needed for audiences that are segments by SQL. */
  readonly segments?: SegmentsRef | undefined;
  /** By name: lower case letters, digits, dashes. */
  readonly destinations?: Readonly<Record<string, DestinationArgs>>;
  /** The profile API's bearer token. Left out: a random one, kept in Secrets Manager. */
  readonly profileApiToken?: Input<string>;
  /** Memberships and what was delivered, when they leave the program. @default "retain" */
  readonly onDelete?: OnDelete;
  readonly transform?: ActivationTransforms;
}

/** What the lake's nightly pipeline is to run: a member of `lake.runNightly({ steps })`. */
export interface NightlyStep {
  readonly name: string;
  readonly after: "traits";
  readonly stateMachine: StateMachineRef;
  readonly retries: number;
}

/** Escape hatches, keyed as `nodes`. */
export interface ActivationTransforms {
  readonly memberships?: Transform<dynamodb.TableArgs>;
  readonly deliveries?: Transform<dynamodb.TableArgs>;
  readonly traitFacts?: Transform<dynamodb.TableArgs>;
  readonly standings?: Transform<dynamodb.TableArgs>;
}
