-- The newest change of each profile, with its identifiers. A batch of changes that was archived twice repeats its rows.
select distinct
  r.profile_id, r.kind, r.sequence, r.changed_at, r.version, r.identifier_type, r.identifier_value,
  r.first_seen, r.last_seen, r.traits, r.consent, r.lineage, r.redirect_to
from raw.profiles r
inner join (
  select profile_id, max(sequence) as sequence
  from raw.profiles
  group by profile_id
) newest on r.profile_id = newest.profile_id and r.sequence = newest.sequence
