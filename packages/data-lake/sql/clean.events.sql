-- Every event once: rejected records out (they are in quarantine), copies out, times typed.
-- Of several copies of one message the first to arrive counts, as in the events table: first by the partition that it
-- came in, then by its own time; ties fall to the smaller text. It stays in that partition for ever, whatever comes later.
-- Copies are rare, so the rest streams past; that two came at the same time is rarer, so payloads are compared only then.
with repeated as (
  select source_id, message_id
  from raw.events
  where type <> 'rejected'
  group by source_id, message_id
  having count(*) > 1
),
placed as (
  select
    e.source_id, e.message_id, e.dt, e.received_at,
    rank() over (
      partition by e.source_id, e.message_id
      order by e.dt asc nulls last, e.received_at asc nulls last
    ) as place
  from raw.events e
  semi join repeated r on e.source_id = r.source_id and e.message_id = r.message_id
  where e.type <> 'rejected'
),
firsts as (
  select source_id, message_id, dt, received_at, count(*) as copies
  from placed
  where place = 1
  group by source_id, message_id, dt, received_at
),
tied as (
  select source_id, message_id from firsts where copies > 1
),
chosen as (
  select
    e.source_id, e.message_id, e.type, e.event, e.user_id, e.anonymous_id,
    e.timestamp, e.original_timestamp, e.sent_at, e.received_at, e.payload, e.dt
  from raw.events e
  left join firsts f on e.source_id = f.source_id and e.message_id = f.message_id
  where e.type <> 'rejected'
    and (
      f.copies is null
      or (f.copies = 1 and e.dt is not distinct from f.dt and e.received_at is not distinct from f.received_at)
    )
  union all
  select
    c.source_id, c.message_id, c.type, c.event, c.user_id, c.anonymous_id,
    c.timestamp, c.original_timestamp, c.sent_at, c.received_at, c.payload, c.dt
  from (
    select
      e.source_id, e.message_id, e.type, e.event, e.user_id, e.anonymous_id,
      e.timestamp, e.original_timestamp, e.sent_at, e.received_at, e.payload, e.dt,
      row_number() over (
        partition by e.source_id, e.message_id
        order by e.dt asc nulls last, e.received_at asc nulls last, e.payload asc nulls last
      ) as copy
    from raw.events e
    semi join tied t on e.source_id = t.source_id and e.message_id = t.message_id
    where e.type <> 'rejected'
  ) c
  where c.copy = 1
)
select
  source_id,
  message_id,
  type,
  event,
  user_id,
  anonymous_id,
  to_timestamp(timestamp) as occurred_at,
  to_timestamp(original_timestamp) as original_timestamp,
  to_timestamp(sent_at) as sent_at,
  to_timestamp(received_at) as received_at,
  payload,
  dt
from chosen
