import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { readContract } from "@tributary/core";
import { platformContract } from "@tributary/model";

// Typed and checked: a stack that is not up, an older contract or a missing field fails here, by name.
const config = new pulumi.Config("marketing");
const platform = readContract(platformContract, new pulumi.StackReference(config.require("platformStack")));

/** The question that marketing asks each Monday, saved where everybody who uses the lake finds it. */
const revenueByCountry = new aws.athena.NamedQuery("revenue-by-country", {
  description: "Revenue by country over the last 30 days",
  workgroup: platform.lake.workgroup,
  database: platform.lake.databases.curated,
  query: pulumi.interpolate`select country, sum(quantity * unit_price) as revenue
from ${platform.lake.databases.curated}.order_lines
where ordered_at > current_timestamp - interval '30' day
group by country
order by revenue desc`,
});

export const queryId = revenueByCountry.id;
export const profileApi = platform.activation.profileApiUrl;
