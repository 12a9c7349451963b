import { isJsonObject, type Json, type JsonObject } from "@tributary/model";
import { type Call, type Calls, stated } from "./calls";

/**
 * PostHog's capture API. Source: "Capture and batch API endpoints" in PostHog's documentation, and what posthog-node 5.70
 * was seen to send.
 */

const object = (value: unknown): JsonObject => (isJsonObject(value) ? value : {});

/** The ids of the person: PostHog has one `distinct_id`, which is the device's until the person is identified. */
function ids(item: JsonObject, properties: JsonObject): JsonObject {
  const distinct = item.distinct_id ?? properties.distinct_id ?? item.$distinct_id;
  const device = properties.$anon_distinct_id ?? properties.$device_id;
  const isDevice =
    properties.$is_identified === false || distinct === properties.$device_id || item.event === "$groupidentify";
  return isDevice ? stated({ anonymousId: distinct }) : stated({ userId: distinct, anonymousId: device });
}

function happened(item: JsonObject, properties: JsonObject): JsonObject {
  const { event } = item;
  const set = { ...object(item.$set_once ?? properties.$set_once), ...object(item.$set ?? properties.$set) };
  switch (event) {
    case "$identify":
    case "$set":
      return { type: "identify", traits: set };
    case "$create_alias":
      return stated({ type: "alias", previousId: properties.alias });
    case "$groupidentify":
      return { ...stated({ type: "group", groupId: properties.$group_key }), traits: object(properties.$group_set) };
    case "$pageview":
      return { ...stated({ type: "page", name: properties.title }), properties: pageProperties(properties) };
    case "$screen":
      return { ...stated({ type: "screen", name: properties.$screen_name }), properties };
    default:
      return { type: "track", event: event ?? null, properties };
  }
}

function pageProperties(properties: JsonObject): JsonObject {
  const { $current_url: url, $pathname: path, $referrer: referrer } = properties;
  return { ...properties, ...stated({ url, path, referrer }) };
}

function translate(item: JsonObject): JsonObject {
  const properties = object(item.properties);
  const traits = stated({ ...object(properties.$set_once), ...object(properties.$set) });
  const { $lib: name, $lib_version: version, $current_url: url, $ip: ip, $raw_user_agent: userAgent } = properties;
  return {
    ...happened(item, properties),
    ...ids(item, properties),
    ...stated({ messageId: item.uuid, timestamp: item.timestamp }),
    context: stated({
      library: stated({ name, version }),
      page: stated({ url, path: properties.$pathname, referrer: properties.$referrer, title: properties.title }),
      ip,
      userAgent,
      traits,
      posthog: posthogContext(item),
    }),
  };
}

/** What has no field of its own in an event that is no track call. */
function posthogContext(item: JsonObject): JsonObject {
  const { properties, event, distinct_id, uuid, timestamp, api_key, token, ...rest } = item;
  const isTrack = typeof event === "string" && !event.startsWith("$");
  return stated({ ...rest, ...(isTrack ? {} : { event, properties: object(properties) as Json }) });
}

function keyOf(value: unknown): string | undefined {
  const holder = object(value);
  const key = holder.api_key ?? holder.token ?? object(holder.properties).token;
  return typeof key === "string" && key !== "" ? key : undefined;
}

/** The events of `{api_key, batch: […], sent_at}`, of one event, or of a bare list of them (posthog-js). */
export function posthogPost(body: unknown): Calls {
  const holder = object(body);
  const items = Array.isArray(body) ? body : Array.isArray(holder.batch) ? holder.batch : [body];
  if (!Array.isArray(body) && !isJsonObject(body)) {
    return { fault: 'the body must be PostHog\'s {"api_key":"…","batch":[…]}, one event, or a list of events' };
  }
  const shared = keyOf(holder);
  const calls = items.map((item): Call => {
    const writeKey = shared ?? keyOf(item);
    return { item: isJsonObject(item) ? translate(item) : item, ...(writeKey === undefined ? {} : { writeKey }) };
  });
  return { calls, outer: { sentAt: holder.sent_at } };
}
