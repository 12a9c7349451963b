/** A query that the workgroup offers by name. */
export interface SavedQuery {
  readonly name: string;
  readonly description: string;
  readonly sql: string;
}

/** First questions of anybody who opens the lake. They run on Athena as they do on DuckDB. */
export const queries: readonly SavedQuery[] = [
  {
    name: "events-per-day",
    description: "Events by day of arrival and type",
    sql: "select dt, type, count(*) as events from clean.events group by dt, type order by dt desc, events desc",
  },
  {
    name: "duplicates-and-rejects",
    description: "What arrived, what was a copy, what was rejected and why, by source",
    sql: [
      "select source_id, type = 'rejected' as rejected, reason, count(*) as received,",
      "  count(distinct message_id) as messages",
      "from raw.events group by source_id, type = 'rejected', reason order by received desc",
    ].join("\n"),
  },
  {
    name: "revenue-per-country",
    description: "Orders, customers and revenue by country",
    sql: [
      "select country, count(distinct invoice) as orders, count(distinct customer_id) as customers,",
      "  sum(quantity * unit_price) as revenue",
      "from curated.order_lines group by country order by revenue desc",
    ].join("\n"),
  },
  {
    name: "revenue-per-month",
    description: "Revenue by month of the order",
    sql: [
      "select date_trunc('month', ordered_at) as month, sum(quantity * unit_price) as revenue",
      "from curated.order_lines group by date_trunc('month', ordered_at) order by month",
    ].join("\n"),
  },
  {
    name: "best-customers",
    description: "The hundred customers with the most revenue",
    sql: "select * from curated.customers order by revenue desc limit 100",
  },
  {
    name: "people",
    description: "The hundred people with the most revenue, with what is known of them",
    sql: "select profile_id, full_name, email, country, identifiers, orders, revenue, last_seen from curated.customer_360 order by revenue desc, profile_id limit 100",
  },
  {
    name: "new-people-per-month",
    description: "People by the month that they were first seen in",
    sql: "select date_trunc('month', first_seen) as month, count(*) as people from curated.people group by date_trunc('month', first_seen) order by month desc",
  },
  {
    name: "consent",
    description: "People by what they consent to, as stored",
    sql: "select consent, count(*) as people from curated.people group by consent order by people desc limit 100",
  },
  {
    name: "identity-quality",
    description: "Identifiers by type: how many, of how many people, and people who have several",
    sql: "select * from curated.identity_quality order by identifiers desc",
  },
  {
    name: "people-with-most-identifiers",
    description: "Whom most identifiers resolve to: where strangers may have been taken for one",
    sql: "select profile_id, count(*) as identifiers, count(distinct identifier_type) as types from curated.identities group by profile_id order by identifiers desc limit 100",
  },
  {
    name: "pipeline-health",
    description: "What the jobs' last thousand tables came to: rows, rows rejected, rules that stopped a run",
    sql: "select * from curated.pipeline_health order by ran_at desc, table_name limit 1000",
  },
  {
    name: "rejected-rows",
    description: "Rows that quality rules kept out of curated tables, by table and rule, and in all",
    sql: "select table_name, rule, count(*) as rows_rejected, max(rejected_at) as latest from curated.rejected_rows group by rollup(table_name, rule) order by rows_rejected desc",
  },
];

/** Questions about computed traits and segments, where a lake has them. */
export const traitQueries: readonly SavedQuery[] = [
  {
    name: "segments",
    description: "Segments by size, at the latest run",
    sql: "select segment, count(*) as members, max(as_of) as as_of from curated.segments group by segment order by members desc, segment",
  },
  {
    name: "segment-changes",
    description: "Who entered and exited segments, by day",
    sql: [
      "select date_trunc('day', changed_at) as day, segment,",
      "  count_if(change = 'entered') as entered, count_if(change = 'exited') as exited",
      "from curated.segment_changes group by 1, 2 order by day desc, segment",
    ].join("\n"),
  },
  {
    name: "computed-traits",
    description: "Computed traits: of how many people, and how many values there are",
    sql: "select trait, count(*) as people, count(distinct value) as distinct_values from curated.traits group by trait order by people desc, trait",
  },
];
