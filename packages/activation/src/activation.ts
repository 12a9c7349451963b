import type * as cloudwatch from "@pulumi/aws/cloudwatch";
import type * as dynamodb from "@pulumi/aws/dynamodb";
import type * as lambda from "@pulumi/aws/lambda";
import type * as sfn from "@pulumi/aws/sfn";
import type * as pulumi from "@pulumi/pulumi";
import { SecureTable, TributaryComponent } from "@tributary/core";
import type { ActivationArgs, NightlyStep } from "./args";
import { normalize } from "./normalize";
import { makeComputedStores } from "./resources/computed-stores";
import { makeComputedTraits } from "./resources/computed-traits";
import { makeDestinations } from "./resources/destinations";
import { makeMembershipEvents } from "./resources/membership-events";
import { makeProfileApi } from "./resources/profile-api";
import { makePropagation } from "./resources/propagation";
import { makeSegmentImport } from "./resources/segment-import";

/** The raw resources. */
export interface ActivationNodes {
  readonly memberships: dynamodb.Table;
  readonly deliveries: dynamodb.Table;
  readonly profileApi: lambda.Function;
  readonly propagate: lambda.Function;
  /** Where there are audiences. */
  readonly audienceEvents?: cloudwatch.EventBus;
  /** These where something is computed from events, or an audience is a segment by SQL. */
  readonly traitFacts?: dynamodb.Table;
  readonly standings?: dynamodb.Table;
  /** These where something is computed from events. */
  readonly computeTraits?: lambda.Function;
  readonly sweep?: lambda.Function;
  readonly recompute?: lambda.Function;
  /** These where an audience is a segment by SQL. */
  readonly segmentImporter?: lambda.Function;
  readonly segmentImport?: sfn.StateMachine;
}

/** Activation's part of the platform's contract. */
export interface ActivationContract {
  readonly profileApiUrl: pulumi.Output<string>;
  readonly profileApiSecretArn: pulumi.Output<string>;
  readonly membershipsTableName: pulumi.Output<string>;
  readonly audiences: string[];
  readonly destinations: string[];
  /** Bus that is told who enters and leaves audiences; where there are some. */
  readonly audienceEventBusName?: pulumi.Output<string>;
  /** Names of computed traits, and the tables that hold what they are computed from and what they come to, where there are some. */
  readonly traits?: string[];
  readonly traitFactsTableName?: pulumi.Output<string>;
  readonly standingsTableName?: pulumi.Output<string>;
  /** Function that computes everybody anew, after a declaration changed. */
  readonly recomputeFunctionName?: pulumi.Output<string>;
}

/**
 * From profiles to action: the profile API, traits computed from events, audiences as predicates over people and what
 * they did, and destinations that are told who enters, changes in and leaves them. Nothing is sent about a person who did not consent to the destination's purpose.
 *
 * ```ts
 * const activation = new Activation("cdp", {
 *   foundation: governance.foundation,
 *   profiles: identities.profiles,
 *   events: ingestion.events,
 *   traits: { orders_30d: count(event("Order Completed")).within({ days: 30 }) },
 *   audiences: { bigSpenders: audience(trait("lifetime_value").atLeast(500)), regulars: audience(trait("orders_30d").atLeast(3)) },
 *   destinations: { crm: webhook({ url, purpose: "marketing", audiences: ["bigSpenders"], map: (p) => ({ id: p.profileId }) }) },
 * });
 * ```
 */
export class Activation extends TributaryComponent {
  /** Base URL of the profile API, without a trailing slash. */
  readonly profileApiUrl: pulumi.Output<string>;
  readonly contract: ActivationContract;
  readonly nodes: ActivationNodes;
  /**
   * Steps for the lake's nightly pipeline, `lake.runNightly({ steps: activation.nightlySteps })`: where audiences are
   * segments by SQL, their import after the segments are made; else none.
   */
  readonly nightlySteps: readonly NightlyStep[];

  constructor(name: string, args: ActivationArgs, opts?: pulumi.ComponentResourceOptions) {
    super("Activation", name, opts);
    const resolved = normalize(name, args);
    const { foundation, profiles } = args;
    const common = { foundation, dataClass: "personal", onDelete: resolved.onDelete } as const;
    const { memberships: membershipsTransform, deliveries: deliveriesTransform } = resolved.transform;
    const memberships = new SecureTable(
      `${name}-memberships`,
      {
        ...common,
        hashKey: { name: "audience" },
        rangeKey: { name: "profileId" },
        stream: "NEW_AND_OLD_IMAGES",
        ...(membershipsTransform ? { transform: membershipsTransform } : {}),
      },
      this.child(),
    );
    const deliveries = new SecureTable(
      `${name}-deliveries`,
      {
        ...common,
        hashKey: { name: "target" },
        rangeKey: { name: "profileId" },
        ...(deliveriesTransform ? { transform: deliveriesTransform } : {}),
      },
      this.child(),
    );
    const { onDelete, transform } = resolved;
    const computed = resolved.computed
      ? makeComputedStores(name, { foundation, profiles, memberships, onDelete, transform }, this.child())
      : undefined;
    const stores = { foundation, profiles, memberships, deliveries, resolved, computed };
    const propagate = makePropagation(name, stores, this.child());
    makeDestinations(name, stores, this.child());
    const { api, handler, secretArn } = makeProfileApi(name, stores, this.child());
    // `normalize` refuses what is computed from events without the events.
    const keepers =
      computed && args.events && resolved.fromEvents
        ? makeComputedTraits(name, { foundation, events: args.events, stores: computed, resolved }, this.child())
        : undefined;
    const segments =
      computed && args.segments && resolved.sqlAudiences.length > 0
        ? makeSegmentImport(
            name,
            { foundation, place: this.place, module: this.module, segments: args.segments, stores: computed, resolved },
            this.child(),
          )
        : undefined;
    const audienceEvents =
      Object.keys(args.audiences).length > 0
        ? makeMembershipEvents(name, { foundation, memberships }, this.child())
        : undefined;

    this.profileApiUrl = api.url;
    this.contract = {
      profileApiUrl: api.url,
      profileApiSecretArn: secretArn,
      membershipsTableName: memberships.name,
      audiences: Object.keys(args.audiences),
      destinations: resolved.destinations.map((destination) => destination.name),
      ...(audienceEvents && { audienceEventBusName: audienceEvents.name }),
      ...(computed && {
        traits: Object.keys(args.traits ?? {}),
        traitFactsTableName: computed.traitFacts.name,
        standingsTableName: computed.standings.name,
      }),
      ...(keepers && { recomputeFunctionName: keepers.recompute.name }),
    };
    this.nodes = {
      memberships: memberships.table,
      deliveries: deliveries.table,
      profileApi: handler.function,
      propagate: propagate.function,
      ...(audienceEvents && { audienceEvents: audienceEvents.bus }),
      ...(computed && { traitFacts: computed.traitFacts.table, standings: computed.standings.table }),
      ...(keepers && {
        computeTraits: keepers.traitFacts.function,
        sweep: keepers.sweep.function,
        recompute: keepers.recompute.function,
      }),
      ...(segments && { segmentImporter: segments.importer.function, segmentImport: segments.machine }),
    };
    this.nightlySteps = segments
      ? [{ name: stepName(name), after: "traits", stateMachine: { arn: segments.machine.arn }, retries: 1 }]
      : [];
    this.registerOutputs({ profileApiUrl: api.url, membershipsTableName: memberships.name });
  }
}

/** Names of steps differ, and a lake may have two Activations. */
const stepName = (name: string): string => `Import segments of ${name.replace(/[^A-Za-z0-9_-]+/g, "-")}`.slice(0, 60);
