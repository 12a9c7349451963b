-- One row per identifier. While one moves between two profiles both may name it for a moment: the newer change counts.
-- That is rare, so the rest streams past.
with shared as (
  select identifier_type, identifier_value
  from clean.profiles
  where kind = 'identifier'
  group by identifier_type, identifier_value
  having count(*) > 1
),
named as (
  select p.identifier_type, p.identifier_value, p.profile_id, p.first_seen, p.last_seen
  from clean.profiles p
  anti join shared s on p.identifier_type is not distinct from s.identifier_type and p.identifier_value is not distinct from s.identifier_value
  where p.kind = 'identifier'
  union all
  select n.identifier_type, n.identifier_value, n.profile_id, n.first_seen, n.last_seen
  from (
    select
      p.identifier_type, p.identifier_value, p.profile_id, p.first_seen, p.last_seen,
      row_number() over (
        partition by p.identifier_type, p.identifier_value
        order by p.changed_at desc nulls last, p.profile_id asc nulls last
      ) as place
    from clean.profiles p
    semi join shared s on p.identifier_type is not distinct from s.identifier_type and p.identifier_value is not distinct from s.identifier_value
    where p.kind = 'identifier'
  ) n
  where n.place = 1
)
select
  identifier_type,
  identifier_value,
  profile_id,
  to_timestamp(first_seen) as first_seen,
  to_timestamp(last_seen) as last_seen
from named
