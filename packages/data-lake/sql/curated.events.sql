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
  get_json_object(payload, '$.properties') as properties,
  get_json_object(payload, '$.traits') as traits,
  get_json_object(payload, '$.context') as context,
  dt
from clean.events
