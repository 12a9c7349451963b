-- One row per identifier. While one moves between two profiles both may name it for a moment: the newer change counts.
select
  identifier_type,
  identifier_value,
  profile_id,
  try_cast(first_seen as timestamp) as first_seen,
  try_cast(last_seen as timestamp) as last_seen
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
