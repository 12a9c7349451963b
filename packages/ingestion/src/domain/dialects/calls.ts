import type { Json, JsonObject, Outer } from "@tributary/model";

/** One event of a request, in Segment's field names. */
export interface Call {
  readonly item: unknown;
  /** The key that the event itself states, where a protocol has it there. */
  readonly writeKey?: string;
}

/** What a request of any protocol holds; or what is wrong with it as such. */
export type Calls = { readonly calls: readonly Call[]; readonly outer: Outer } | { readonly fault: string };

/** Without the fields that say nothing: a translated event states what its original stated. */
export function stated(fields: Readonly<Record<string, Json | undefined>>): JsonObject {
  const kept: JsonObject = {};
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined || value === null || value === "") continue;
    if (typeof value === "object" && !Array.isArray(value) && Object.keys(value).length === 0) continue;
    kept[name] = value;
  }
  return kept;
}
