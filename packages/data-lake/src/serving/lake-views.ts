import type { LakeView } from "@tributary/model";
import type { Zone } from "../tables";

/** A view with what the catalog tells of it. */
export interface ServedView extends LakeView {
  readonly zone: Zone;
  readonly columns: readonly { readonly name: string; readonly type: string; readonly description?: string }[];
}

const trait = (...paths: string[]): string => {
  const [first = "''", ...more] = paths.map((path) => `json_extract_scalar(p.traits, '$.${path}')`);
  return more.length === 0 ? first : `coalesce(${[first, ...more].join(", ")})`;
};

/** A person with everything that is asked for first. */
const customer360: ServedView = {
  zone: "curated",
  name: "customer_360",
  description: "One row per person: common traits, identifiers, and the orders of all of the person's customer ids",
  columns: [
    { name: "profile_id", type: "string", description: "The person's canonical id [internal]" },
    { name: "email", type: "string", description: "traits.email [personal]" },
    { name: "phone", type: "string", description: "traits.phone [personal]" },
    { name: "first_name", type: "string", description: "traits.firstName or first_name [personal]" },
    { name: "last_name", type: "string", description: "traits.lastName or last_name [personal]" },
    { name: "full_name", type: "string", description: "traits.name [personal]" },
    { name: "country", type: "string", description: "traits.country, or that of the address [internal]" },
    { name: "city", type: "string", description: "traits.city, or that of the address [personal]" },
    { name: "identifiers", type: "bigint", description: "Identifiers that resolve to the person [internal]" },
    { name: "first_seen", type: "timestamp", description: "First event of any identifier [internal]" },
    { name: "last_seen", type: "timestamp", description: "Last event of any identifier [internal]" },
    { name: "orders", type: "bigint", description: "Orders of the person's customer ids [internal]" },
    { name: "revenue", type: "decimal(38,4)", description: "Their sum, whatever the currency [internal]" },
    { name: "first_ordered_at", type: "timestamp", description: "First order [internal]" },
    { name: "last_ordered_at", type: "timestamp", description: "Latest order [internal]" },
    { name: "traits", type: "string", description: "JSON: the golden record [sensitive]" },
    { name: "consent", type: "string", description: "JSON: by purpose [personal]" },
  ],
  sql: `select
  p.profile_id,
  ${trait("email")} as email,
  ${trait("phone")} as phone,
  ${trait("firstName", "first_name")} as first_name,
  ${trait("lastName", "last_name")} as last_name,
  ${trait("name")} as full_name,
  ${trait("country", "address.country")} as country,
  ${trait("city", "address.city")} as city,
  p.identifiers,
  p.first_seen,
  p.last_seen,
  coalesce(o.orders, 0) as orders,
  coalesce(o.revenue, cast(0 as decimal(38,4))) as revenue,
  o.first_ordered_at,
  o.last_ordered_at,
  p.traits,
  p.consent
from curated.people p
left join (
  select
    i.profile_id,
    cast(sum(c.orders) as bigint) as orders,
    cast(sum(c.revenue) as decimal(38,4)) as revenue,
    min(c.first_ordered_at) as first_ordered_at,
    max(c.last_ordered_at) as last_ordered_at
  from curated.identities i
  join curated.customers c on i.identifier_type = 'user_id' and i.identifier_value = c.customer_id
  group by i.profile_id
) o on o.profile_id = p.profile_id`,
};

const identityQuality: ServedView = {
  zone: "curated",
  name: "identity_quality",
  description: "One row per type of identifier: how many there are, of how many people, and how they share out",
  columns: [
    { name: "identifier_type", type: "string", description: "user_id, email, ... [internal]" },
    { name: "identifiers", type: "bigint", description: "Identifiers of the type [internal]" },
    { name: "people", type: "bigint", description: "People who have one [internal]" },
    { name: "most_of_one_person", type: "bigint", description: "The most that one person has [internal]" },
    { name: "people_with_several", type: "bigint", description: "People who have more than one [internal]" },
  ],
  sql: `select
  identifier_type,
  count(*) as identifiers,
  count(distinct profile_id) as people,
  max(of_person) as most_of_one_person,
  count(distinct case when of_person > 1 then profile_id end) as people_with_several
from (
  select
    identifier_type, profile_id,
    count(*) over (partition by identifier_type, profile_id) as of_person
  from curated.identities
) counted
group by identifier_type`,
};

const pipelineHealth: ServedView = {
  zone: "curated",
  name: "pipeline_health",
  description:
    "One row per table that a run of a job made or left: its rows, those rejected, and rules that stopped it",
  columns: [
    { name: "ran_at", type: "timestamp", description: "When the job told it, UTC [internal]" },
    { name: "job", type: "string", description: "The job [internal]" },
    { name: "run", type: "string", description: "The job run [internal]" },
    { name: "run_passed", type: "boolean", description: "Whether every rule of the run passed [internal]" },
    { name: "table_name", type: "string", description: "The table, as zone.table [internal]" },
    { name: "rows_seen", type: "bigint", description: "Rows that were to become the table's [internal]" },
    { name: "rows_rejected", type: "bigint", description: "Rows kept out [internal]" },
    { name: "rules_failed", type: "bigint", description: "Rules that more rows broke than may [internal]" },
  ],
  // A job makes fewer tables than that; a list that grows would need a function that the engines spell differently.
  sql: `select
  cast(from_iso8601_timestamp(r."at") as timestamp) as ran_at,
  r.job,
  r.run,
  r.passed as run_passed,
  r.tables[n.i]."table" as table_name,
  r.tables[n.i].total as rows_seen,
  r.tables[n.i].rejected as rows_rejected,
  cardinality(filter(r.tables[n.i].rules, told -> not told.passed)) as rules_failed
from raw.quality_reports r
cross join unnest(sequence(1, 500)) as n(i)
where n.i <= cardinality(r.tables)`,
};

/** Views of every lake, besides the masked ones. */
export const servedViews: readonly ServedView[] = [customer360, identityQuality, pipelineHealth];
