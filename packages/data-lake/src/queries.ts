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
];
