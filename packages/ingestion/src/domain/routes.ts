import type { EventType } from "@tributary/model";

export type Route =
  | { readonly kind: "batch" }
  | { readonly kind: "single"; readonly type: EventType }
  | { readonly kind: "pixel"; readonly type: EventType }
  /** analytics-next asks for a source's settings before it starts. */
  | { readonly kind: "settings"; readonly writeKey: string }
  /** Counters of the SDKs about themselves: no customer's data. */
  | { readonly kind: "sdk-metrics" }
  | { readonly kind: "health" }
  | { readonly kind: "preflight" }
  | { readonly kind: "unknown" };

/** Long names, and the first letters that browsers use. */
const typeByWord: Readonly<Record<string, EventType>> = {
  identify: "identify",
  i: "identify",
  track: "track",
  t: "track",
  page: "page",
  p: "page",
  screen: "screen",
  s: "screen",
  group: "group",
  g: "group",
  alias: "alias",
  a: "alias",
};
const batchWords = ["batch", "b", "import"];

/** The call that a request makes, by Segment's HTTP API. */
export function routeOf(method: string, path: string): Route {
  if (method === "OPTIONS") return { kind: "preflight" };
  const words = path.split("/").filter((word) => word !== "");
  if (method === "GET" && words.length === 1 && words[0] === "health") return { kind: "health" };
  if (words[0] !== "v1") return { kind: "unknown" };
  const [, first = "", second, third] = words;
  if (method === "GET") {
    const type = typeByWord[second ?? ""];
    if (first === "pixel" && type && words.length === 3) return { kind: "pixel", type };
    if (first === "projects" && second !== undefined && third === "settings" && words.length === 4) {
      return { kind: "settings", writeKey: decodeURIComponent(second) };
    }
    return { kind: "unknown" };
  }
  if (method !== "POST" || words.length !== 2) return { kind: "unknown" };
  if (batchWords.includes(first)) return { kind: "batch" };
  if (first === "m") return { kind: "sdk-metrics" };
  const type = Object.hasOwn(typeByWord, first) ? typeByWord[first] : undefined;
  return type ? { kind: "single", type } : { kind: "unknown" };
}
