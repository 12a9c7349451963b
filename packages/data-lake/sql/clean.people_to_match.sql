-- Whom to match: one row per source and person that it knows (by user id, else by anonymous id), with the newest value of
-- each trait that `identify` events told. Of two events of one moment the greater message id counts, as in the profiles.
with told as (
  select
    source_id,
    case when user_id is null then 'anonymous_id' else 'user_id' end as identifier_type,
    trim(coalesce(user_id, anonymous_id)) as identifier_value,
    occurred_at,
    message_id,
    get_json_object(payload, '$.traits') as traits
  from clean.events
  where type = 'identify' and coalesce(user_id, anonymous_id) is not null
),
recent as (
  select
    source_id,
    identifier_type,
    identifier_value,
    row_number() over (
      partition by source_id, identifier_type, identifier_value
      order by occurred_at desc nulls last, message_id desc nulls last
    ) as age,
    nullif(trim(coalesce(get_json_object(traits, '$.firstName'), get_json_object(traits, '$.first_name'))), '') as first_name,
    nullif(trim(coalesce(get_json_object(traits, '$.lastName'), get_json_object(traits, '$.last_name'))), '') as last_name,
    nullif(trim(get_json_object(traits, '$.name')), '') as name,
    nullif(trim(get_json_object(traits, '$.email')), '') as email,
    nullif(trim(get_json_object(traits, '$.phone')), '') as phone,
    nullif(trim(get_json_object(traits, '$.birthday')), '') as birthday,
    nullif(trim(get_json_object(traits, '$.address.street')), '') as street,
    nullif(trim(get_json_object(traits, '$.address.city')), '') as city,
    nullif(trim(get_json_object(traits, '$.address.state')), '') as state,
    nullif(trim(coalesce(get_json_object(traits, '$.address.postalCode'), get_json_object(traits, '$.address.postal_code'))), '') as postal_code,
    nullif(trim(get_json_object(traits, '$.address.country')), '') as country
  from told
  where identifier_value <> '' and traits is not null
),
people as (
  select
    source_id,
    identifier_type,
    identifier_value,
    min_by(first_name, age) filter (where first_name is not null) as first_name,
    min_by(last_name, age) filter (where last_name is not null) as last_name,
    min_by(name, age) filter (where name is not null) as name,
    min_by(email, age) filter (where email is not null) as email,
    min_by(phone, age) filter (where phone is not null) as phone,
    min_by(birthday, age) filter (where birthday is not null) as birthday,
    min_by(street, age) filter (where street is not null) as street,
    min_by(city, age) filter (where city is not null) as city,
    min_by(state, age) filter (where state is not null) as state,
    min_by(postal_code, age) filter (where postal_code is not null) as postal_code,
    min_by(country, age) filter (where country is not null) as country
  from recent
  group by source_id, identifier_type, identifier_value
)
select
  md5(source_id || '|' || identifier_type || '|' || identifier_value) as record_id,
  source_id,
  identifier_type,
  identifier_value,
  first_name,
  last_name,
  coalesce(name, nullif(trim(coalesce(first_name, '') || ' ' || coalesce(last_name, '')), '')) as full_name,
  email,
  phone,
  birthday,
  street,
  city,
  state,
  postal_code,
  country
from people
where coalesce(first_name, last_name, name, email, phone, birthday, street, city, postal_code) is not null
