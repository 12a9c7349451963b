-- One row per known customer of a source. Orders without a customer are in curated.orders only.
with latest as (
  select
    source_id, customer_id, country,
    row_number() over (
      partition by source_id, customer_id
      order by ordered_at desc nulls last, invoice desc nulls last
    ) as place
  from curated.orders
  where customer_id is not null
),
totals as (
  select
    source_id,
    customer_id,
    cast(count(*) as bigint) as orders,
    min(ordered_at) as first_ordered_at,
    max(ordered_at) as last_ordered_at,
    cast(sum(quantity) as bigint) as quantity,
    try_cast(sum(revenue) as decimal(28,4)) as revenue
  from curated.orders
  where customer_id is not null
  group by source_id, customer_id
)
select
  t.source_id,
  t.customer_id,
  l.country,
  t.orders,
  t.first_ordered_at,
  t.last_ordered_at,
  t.quantity,
  t.revenue
from totals t
inner join latest l on t.source_id = l.source_id and t.customer_id = l.customer_id
where l.place = 1
