-- One row per order of a source: what is left of it after its refunds and cancellations.
select
  source_id,
  invoice,
  min(customer_id) as customer_id,
  min(country) as country,
  min(currency) as currency,
  min(ordered_at) as ordered_at,
  cast(count(*) as bigint) as line_count,
  cast(sum(quantity) as bigint) as quantity,
  try_cast(sum(cast(unit_price as decimal(28,4)) * quantity) as decimal(28,4)) as revenue
from curated.order_lines
group by source_id, invoice
