import { isStreamed } from "@tributary/model";
import type { TraitsArgs } from "./args";

/** SELECTs of the segments by SQL, by name. */
export function sqlOf(segments: TraitsArgs["segments"] = {}): Record<string, string> {
  const sql = Object.entries(segments).flatMap(([name, one]) => (isStreamed(one) ? [] : [[name, one.sql] as const]));
  return Object.fromEntries(sql);
}
