-- Events as analysts want them: the parts of the payload beside the envelope, one row per event.
select
  source_id,
  message_id,
  type,
  event,
  user_id,
  anonymous_id,
  occurred_at,
  received_at,
  parts.properties as properties,
  parts.traits as traits,
  parts.context as context,
  dt
from (
  -- The payload is read once for all three.
  select
    source_id, message_id, type, event, user_id, anonymous_id, occurred_at, received_at,
    from_json(payload, 'properties string, traits string, context string') as parts,
    dt
  from clean.events
) e
