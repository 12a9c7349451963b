-- One row per identifier. While one moves between two profiles both may name it for a moment: the newer change counts.
select
  identifier_type,
  identifier_value,
  profile_id,
  to_timestamp(first_seen) as first_seen,
  to_timestamp(last_seen) as last_seen
from (
  select
    identifier_type, identifier_value, profile_id, first_seen, last_seen,
    row_number() over (
      partition by identifier_type, identifier_value
      order by changed_at desc nulls last, profile_id asc nulls last
    ) as place
  from clean.profiles
  where kind = 'identifier'
) named
where place = 1
