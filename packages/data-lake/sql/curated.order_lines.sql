-- One row per product of each order event. A line is known by its message and its place in it, so two equal lines of
-- one order stay two. Refunded and cancelled lines count negative. Prices and quantities go from the JSON text straight
-- to decimals and integers, never through floating point.
with orders as (
  select
    source_id,
    message_id,
    event,
    user_id,
    occurred_at,
    dt,
    get_json_object(payload, '$.properties') as properties,
    get_json_object(payload, '$.context.location.country') as location_country
  from clean.events
  where type = 'track' and event in ('Order Completed', 'Order Refunded', 'Order Cancelled')
),
counted as (
  select
    source_id,
    message_id,
    event,
    user_id,
    occurred_at,
    dt,
    get_json_object(properties, '$.order_id') as invoice,
    get_json_object(properties, '$.currency') as currency,
    coalesce(get_json_object(properties, '$.country'), location_country) as country,
    get_json_object(properties, '$.products') as products,
    json_array_length(get_json_object(properties, '$.products')) as product_count
  from orders
),
-- Most orders have few products: they meet few places, so that no engine compares each order with ten thousand.
places as (
  select cast(0 as int) as many, cast(i as int) as i from range(0, 8) as few(i)
  union all
  select cast(1 as int) as many, cast(i as int) as i from range(0, 10000) as all_places(i)
),
exploded as (
  select
    c.source_id, c.message_id, c.event, c.user_id, c.occurred_at, c.dt, c.invoice, c.currency, c.country,
    p.i as product_index,
    get_json_object(c.products, concat('$[', cast(p.i as string), ']')) as product
  from counted c
  inner join places p on p.many = case when c.product_count <= 8 then 0 else 1 end and p.i < c.product_count
),
told as (
  select
    source_id, message_id, event, user_id, occurred_at, dt, invoice, currency, country, product_index,
    get_json_object(product, '$.position') as position,
    coalesce(get_json_object(product, '$.sku'), get_json_object(product, '$.product_id')) as sku,
    get_json_object(product, '$.name') as product_name,
    get_json_object(product, '$.quantity') as quantity,
    get_json_object(product, '$.price') as price
  from exploded
),
-- What is no number in digits is null: engines read 1_000, 0x10 and 1d differently.
typed as (
  select
    source_id, message_id, event, user_id, occurred_at, dt, invoice, currency, country, product_index, sku, product_name,
    case
      when regexp_like(position, '^[0-9]{1,9}$') then try_cast(floor(try_cast(position as decimal(18,4))) as int)
    end as stated_line,
    case
      when regexp_like(quantity, '^[-+.0-9eE]+$') then try_cast(floor(try_cast(quantity as decimal(18,4))) as int)
    end as quantity,
    case when regexp_like(price, '^[-+.0-9eE]+$') then try_cast(price as decimal(18,4)) end as unit_price
  from told
)
select
  invoice,
  coalesce(stated_line, product_index + 1) as line,
  sku,
  case when event = 'Order Completed' then quantity else cast(-abs(cast(quantity as bigint)) as int) end as quantity,
  unit_price,
  user_id as customer_id,
  country,
  occurred_at as ordered_at,
  currency,
  product_name,
  event,
  source_id,
  message_id,
  product_index,
  dt
from typed
