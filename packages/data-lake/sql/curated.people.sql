-- One row per person. Profiles that were merged or deleted are no people any more.
select
  p.profile_id,
  to_timestamp(p.first_seen) as first_seen,
  to_timestamp(p.last_seen) as last_seen,
  coalesce(i.identifiers, cast(0 as bigint)) as identifiers,
  p.traits,
  p.consent,
  p.lineage,
  p.version,
  to_timestamp(p.changed_at) as changed_at
from clean.profiles p
left join (
  select profile_id, cast(count(*) as bigint) as identifiers
  from clean.profiles
  where kind = 'identifier'
  group by profile_id
) i on p.profile_id = i.profile_id
where p.kind = 'profile'
