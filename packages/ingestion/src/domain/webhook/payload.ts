import { createHash } from "node:crypto";
import { isJsonObject, type JsonObject, maxMessageIdLength, type Row } from "@tributary/model";
import type { HmacScheme, WebhookProvider } from "../../webhook-env";
import type { Headers } from "./signature";

/** What a provider says about its event: beside the payload, in headers or inside it. */
export interface About {
  readonly id: string;
  readonly topic?: string;
  /** ISO 8601: when it happened. */
  readonly time?: string;
}

/** The value at a path such as `data.object.customer` or `line_items.0.sku`; a key that has the dots in it comes first. */
export function valueAt(payload: unknown, path: string): unknown {
  let value: unknown = payload;
  if (isJsonObject(value) && Object.hasOwn(value, path)) return value[path];
  for (const key of path.split(".")) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Record<string, unknown>)[key];
  }
  return value;
}

/**
 * A payload as a mapping reads it: columns are paths into it; `header.<name>` is a header of the request, `webhook.id`,
 * `webhook.topic` and `webhook.time` are what the provider says of the event.
 */
export function payloadRow(payload: JsonObject, headers: Headers, about: About): Row {
  const column = (name: string): unknown => {
    if (name.startsWith("header.")) return headers[name.slice("header.".length).toLowerCase()];
    if (name.startsWith("webhook.")) return valueAt(about, name.slice("webhook.".length));
    return valueAt(payload, name);
  };
  return new Proxy<Row>({}, { get: (_, name) => (typeof name === "string" ? column(name) : undefined) });
}

function text(value: unknown): string | undefined {
  if (typeof value === "string" && value !== "") return value;
  return typeof value === "number" ? String(value) : undefined;
}

/** A message id within its limit. */
function within(id: string): string {
  return id.length <= maxMessageIdLength ? id : `wh-${sha256(id).slice(0, 32)}`;
}

function sha256(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

/**
 * The provider's id of the event: a redelivery has the same one. Where there is none, a hash of the body stands in: the
 * same bytes are then the same event.
 */
export function aboutOf(provider: WebhookProvider, headers: Headers, payload: unknown, body: Uint8Array): About {
  const about = statedBy(provider, headers, payload);
  return {
    id: within(about.id ?? `wh-${sha256(body).slice(0, 32)}`),
    ...(about.topic === undefined ? {} : { topic: about.topic }),
    ...(about.time === undefined ? {} : { time: about.time }),
  };
}

type Stated = {
  readonly id?: string | undefined;
  readonly topic?: string | undefined;
  readonly time?: string | undefined;
};

function statedBy(provider: WebhookProvider, headers: Headers, payload: unknown): Stated {
  switch (provider.kind) {
    case "stripe": {
      const created = valueAt(payload, "created");
      return {
        id: text(valueAt(payload, "id")),
        topic: text(valueAt(payload, "type")),
        time: Number.isSafeInteger(created) ? isoOf((created as number) * 1000) : undefined,
      };
    }
    case "shopify": {
      const topic = text(headers["x-shopify-topic"]);
      // Shopify's rule is to deduplicate by the event id. One act of a merchant may be told under several topics.
      const id = text(headers["x-shopify-event-id"]) ?? text(headers["x-shopify-webhook-id"]);
      const triggered = Date.parse(headers["x-shopify-triggered-at"] ?? "");
      return { id: id === undefined ? undefined : `${topic ?? ""}:${id}`, topic, time: isoOf(triggered) };
    }
    case "github":
      return { id: text(headers["x-github-delivery"]), topic: text(headers["x-github-event"]) };
    case "hmac":
      return {
        id: at(provider.scheme.id, headers, payload),
        topic: at(provider.scheme.topic, headers, payload),
      };
  }
}

function at(place: HmacScheme["id"], headers: Headers, payload: unknown): string | undefined {
  if (place === undefined) return undefined;
  return text("header" in place ? headers[place.header] : valueAt(payload, place.field));
}

function isoOf(time: number): string | undefined {
  return Number.isNaN(time) || Math.abs(time) > 8.64e15 ? undefined : new Date(time).toISOString();
}
