import type { EventType } from "@tributary/model";

export type Route =
  | { readonly kind: "batch" }
  | { readonly kind: "single"; readonly type: EventType }
  | { readonly kind: "pixel"; readonly type: EventType }
  /** Snowplow's trackers: `payload_data` in a POST, or one event in a query string. */
  | { readonly kind: "snowplow"; readonly by: "post" | "get" }
  | { readonly kind: "posthog" }
  /** analytics-next asks for a source's settings before it starts. */
  | { readonly kind: "settings"; readonly writeKey: string }
  /** RudderStack's browser SDK does so too, with the key in authorization or query. */
  | { readonly kind: "source-config" }
  /** Counters of the SDKs about themselves: no customer's data. */
  | { readonly kind: "sdk-metrics" }
  | { readonly kind: "health" }
  | { readonly kind: "preflight" }
  | { readonly kind: "unknown" };

const eventKinds = ["batch", "single", "pixel", "snowplow", "posthog"] as const;
/** Calls that hold events. */
export type EventRoute = Extract<Route, { kind: (typeof eventKinds)[number] }>;

export function holdsEvents(route: Route): route is EventRoute {
  return (eventKinds as readonly string[]).includes(route.kind);
}

const unknown = { kind: "unknown" } as const;

/** Long names, and the first letters that browsers use. */
const typeByWord: ReadonlyMap<string, EventType> = new Map(
  (["identify", "track", "page", "screen", "group", "alias"] as const).flatMap((type) => [
    [type, type],
    [type.slice(0, 1), type],
  ]),
);
const batchWords = ["batch", "b", "import"];
/** Where PostHog's SDKs send, of all ages. */
const posthogPaths = ["batch", "capture", "e", "i/v0/e"];

function single(word: string | undefined): Route {
  const type = typeByWord.get(word ?? "");
  return type ? { kind: "single", type } : unknown;
}

function decoded(word: string): string {
  try {
    return decodeURIComponent(word);
  } catch {
    return word; // No escape sequence after all: the key is as it stands.
  }
}

function get(words: readonly string[]): Route {
  const [first, second = "", third = ""] = words;
  if (words.length === 1) {
    if (first === "health") return { kind: "health" };
    if (first === "i") return { kind: "snowplow", by: "get" };
    if (first === "sourceConfig") return { kind: "source-config" };
  }
  if (first !== "v1") return unknown;
  const type = typeByWord.get(third);
  if (second === "pixel" && type && words.length === 3) return { kind: "pixel", type };
  if (second === "projects" && words[3] === "settings" && words.length === 4) {
    return { kind: "settings", writeKey: decoded(third) };
  }
  return unknown;
}

function post(words: readonly string[]): Route {
  const [first = "", second = "", third] = words;
  // Snowplow's trackers may be told another vendor's name in place of com.snowplowanalytics.snowplow.
  if (words.length === 2 && second === "tp2") return { kind: "snowplow", by: "post" };
  if (posthogPaths.includes(words.join("/"))) return { kind: "posthog" };
  if (first === "api" && second === "s") return single(third === "s2s" ? words[3] : third);
  if (first === "beacon") return post(words.slice(1));
  if (first !== "v1" || words.length !== 2) return unknown;
  if (batchWords.includes(second)) return { kind: "batch" };
  return second === "m" ? { kind: "sdk-metrics" } : single(second);
}

/** The call that a request makes, by the HTTP APIs of Segment, RudderStack, Jitsu, Snowplow and PostHog. */
export function routeOf(method: string, path: string): Route {
  if (method === "OPTIONS") return { kind: "preflight" };
  const words = path.split("/").filter((word) => word !== "");
  if (method === "GET") return get(words);
  return method === "POST" ? post(words) : unknown;
}
