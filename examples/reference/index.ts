import * as awsx from "@pulumi/awsx";
import * as pulumi from "@pulumi/pulumi";
import { Activation, audience, count, event, mostFrequent, segment, sql, trait, webhook } from "@tributary/activation";
import { publish } from "@tributary/core";
import { DataLake } from "@tributary/data-lake";
import { Governance, vpcRef } from "@tributary/governance";
import { defaultIdentityRules, IdentityResolution } from "@tributary/identity-resolution";
import { drop, files, http, Ingestion } from "@tributary/ingestion";
import { platformContract } from "@tributary/model";

const config = new pulumi.Config("tributary");
const environment = pulumi.getStack();

// DynamoDB answers only calls from this network. Nothing in it needs the internet, so no NAT gateway bills by the hour.
const vpc = new awsx.ec2.Vpc("cdp", { numberOfAvailabilityZones: 2, natGateways: { strategy: "None" } });

const governance = new Governance("cdp", {
  environment,
  network: { existing: vpcRef(vpc) },
  costCenter: "marketing",
});
const { foundation } = governance;

// What people did, as traits of theirs: the stream keeps them exact at every instant, the lake each night, and both agree.
const viewed = event("Product Viewed");
const traits = {
  products_viewed_30d: count(viewed).within({ days: 30 }),
  favourite_product: mostFrequent(viewed.property("name")),
};
const bigSpenders = audience(trait("lifetime_value").atLeast(500));
const segments = {
  bigSpenders,
  lapsed: segment(event("Order Completed").none().within({ days: 90 }), "No order in ninety days"),
  wellKnown: segment(sql("select profile_id from curated.people where identifiers >= 3"), "Known by three identifiers"),
};

const lake = new DataLake("cdp", { foundation, traits, segments, nightly: "later" });

const ingestion = new Ingestion("cdp", {
  foundation,
  rawZone: lake.rawZone,
  sources: { web: http(), crm: http(), shop: files() },
  // Your TypeScript, embedded in the processor's Lambda function.
  onEvent: async (event) => {
    const agent = event.context.userAgent;
    return typeof agent === "string" && /bot|crawler|spider/i.test(agent) ? drop("bot") : event;
  },
});

const identities = new IdentityResolution("cdp", {
  foundation,
  events: ingestion.events,
  rules: defaultIdentityRules,
  rawZone: lake.rawZone, // Each change of a profile goes to the lake: curated.people and curated.identities.
  resolver: { windowSeconds: 0 }, // A person shows in the profile API at once; a second of window would save invocations.
});

const activation = new Activation("cdp", {
  foundation,
  profiles: identities.profiles,
  events: ingestion.events,
  traits,
  audiences: { bigSpenders, wellKnown: segments.wellKnown },
  segments: lake.segments, // Those by SQL are audiences too, as of the last night.
  destinations: {
    crm: webhook({
      url: config.require("crmUrl"),
      purpose: "marketing",
      audiences: ["bigSpenders"],
      map: (profile) => ({
        id: profile.profileId,
        email: profile.traits.email,
        lifetimeValue: profile.traits.lifetime_value,
      }),
    }),
  },
});

lake.runNightly({ steps: activation.nightlySteps });

/** What other teams' stacks, the command line and tests reach the platform by. */
export const platform = publish(platformContract, {
  ingestion: ingestion.contract,
  lake: lake.contract,
  identities: identities.contract,
  activation: activation.contract,
});
