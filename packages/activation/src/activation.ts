import type * as dynamodb from "@pulumi/aws/dynamodb";
import type * as lambda from "@pulumi/aws/lambda";
import type * as pulumi from "@pulumi/pulumi";
import { SecureTable, TributaryComponent } from "@tributary/core";
import type { ActivationArgs } from "./args";
import { normalize } from "./normalize";
import { makeDestinations } from "./resources/destinations";
import { makeProfileApi } from "./resources/profile-api";
import { makePropagation } from "./resources/propagation";

/** The raw resources. */
export interface ActivationNodes {
  readonly memberships: dynamodb.Table;
  readonly deliveries: dynamodb.Table;
  readonly profileApi: lambda.Function;
  readonly propagate: lambda.Function;
}

/** Activation's part of the platform's contract. */
export interface ActivationContract {
  readonly profileApiUrl: pulumi.Output<string>;
  readonly profileApiSecretArn: pulumi.Output<string>;
  readonly membershipsTableName: pulumi.Output<string>;
  readonly audiences: string[];
  readonly destinations: string[];
}

/**
 * From profiles to action: the profile API, audiences as predicates over profiles, and destinations that are told who
 * enters, changes in and leaves them. Nothing is sent about a person who did not consent to the destination's purpose.
 *
 * ```ts
 * const activation = new Activation("cdp", {
 *   foundation: governance.foundation,
 *   profiles: identities.profiles,
 *   audiences: { bigSpenders: audience(trait("lifetime_value").atLeast(500)) },
 *   destinations: { crm: webhook({ url, purpose: "marketing", audiences: ["bigSpenders"], map: (p) => ({ id: p.profileId }) }) },
 * });
 * ```
 */
export class Activation extends TributaryComponent {
  /** Base URL of the profile API, without a trailing slash. */
  readonly profileApiUrl: pulumi.Output<string>;
  readonly contract: ActivationContract;
  readonly nodes: ActivationNodes;

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
    const stores = { foundation, profiles, memberships, deliveries };
    const propagate = makePropagation(name, { ...stores, audiences: resolved.audiences }, this.child());
    makeDestinations(name, { ...stores, destinations: resolved.destinations }, this.child());
    const { api, handler, secretArn } = makeProfileApi(name, { foundation, profiles, resolved }, this.child());

    this.profileApiUrl = api.url;
    this.contract = {
      profileApiUrl: api.url,
      profileApiSecretArn: secretArn,
      membershipsTableName: memberships.name,
      audiences: Object.keys(resolved.audiences),
      destinations: resolved.destinations.map((destination) => destination.name),
    };
    this.nodes = {
      memberships: memberships.table,
      deliveries: deliveries.table,
      profileApi: handler.function,
      propagate: propagate.function,
    };
    this.registerOutputs({ profileApiUrl: api.url, membershipsTableName: memberships.name });
  }
}
