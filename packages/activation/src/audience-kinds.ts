import { isRecord } from "@tributary/core";
import {
  type AudienceDefinition,
  eventTraitsOf,
  isStreamed,
  type SegmentDefinition,
  segmentDefinitionSchema,
} from "@tributary/model";
import type { ActivationArgs } from "./args";

/** Those that are predicates. */
export function streamedIn(audiences: ActivationArgs["audiences"]): Record<string, AudienceDefinition> {
  const streamed = Object.entries(audiences).flatMap(([name, one]) => (isStreamed(one) ? [[name, one] as const] : []));
  return Object.fromEntries(streamed);
}

/** SELECTs by name of those that are the lake's. */
export function sqlIn(audiences: ActivationArgs["audiences"]): Record<string, string> {
  const sql = Object.entries(audiences).flatMap(([name, one]) => (isStreamed(one) ? [] : [[name, one.sql] as const]));
  return Object.fromEntries(sql);
}

/** Whether something is computed from events. */
export function asksEvents(traits: object, audiences: ActivationArgs["audiences"]): boolean {
  return Object.keys(traits).length > 0 || Object.keys(eventTraitsOf(audiences)).length > 0;
}

/** Those of the given audiences that are some. */
export function audiencesIn(given: unknown): Record<string, SegmentDefinition> {
  if (!isRecord(given)) return {};
  const parsed = Object.entries(given).map(([name, one]) => [name, segmentDefinitionSchema.safeParse(one)] as const);
  return Object.fromEntries(parsed.flatMap(([name, { data }]) => (data ? [[name, data]] : [])));
}
