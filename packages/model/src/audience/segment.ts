import * as z from "zod/mini";
import type { TraitDefinition, TraitDefinitions } from "../traits/definition";
import { type EventPredicate, eventTrait, eventTraitName } from "./event-predicate";
import { type AudienceDefinition, audienceDefinitionSchema, type Predicate } from "./predicate";

/** A segment by a SELECT of profile ids over the lake: it is computed at the nightly run alone. */
export const sqlSegmentSchema = z.strictObject({
  sql: z.string().check(z.minLength(1, "must be a SELECT of profile_id")),
  description: z._default(z.string(), ""),
});
export type SqlSegment = z.infer<typeof sqlSegmentSchema>;

/** Who is in a segment: by a predicate over people, or by a SELECT. */
export type SegmentDefinition = AudienceDefinition | SqlSegment;
export const segmentDefinitionSchema = z.union([audienceDefinitionSchema, sqlSegmentSchema]);

/** A SELECT over the lake that has the column `profile_id`, for `segment`. */
export interface SegmentSql {
  readonly sql: string;
}

/** `sql("select profile_id from curated.people where …")`: who is in a segment, decided at the nightly run. */
export const sql = (text: string): SegmentSql => ({ sql: text });

/** A segment: who is in it, and for people what it is for. */
export function segment(of: Predicate, description?: string): AudienceDefinition;
export function segment(of: SegmentSql, description?: string): SqlSegment;
export function segment(of: Predicate | SegmentSql, description = ""): SegmentDefinition {
  return "sql" in of ? { sql: of.sql, description } : { predicate: of, description };
}

/** Whether a segment is computed in the stream, as people change. One by SQL is computed at the nightly run alone. */
export function isStreamed(definition: SegmentDefinition): definition is AudienceDefinition {
  return "predicate" in definition;
}

/** The event predicates inside of a predicate. */
export function eventPredicatesIn(predicate: Predicate): readonly EventPredicate[] {
  switch (predicate.kind) {
    case "event":
      return [predicate];
    case "all":
    case "any":
      return predicate.of.flatMap(eventPredicatesIn);
    case "not":
      return eventPredicatesIn(predicate.of);
    default:
      return [];
  }
}

/**
 * The anonymous traits that segments' event predicates ask. Fold them with the declared ones, `{ ...traits,
 * ...eventTraitsOf(segments) }`, and `matches` finds them in the profile's traits.
 */
export function eventTraitsOf(segments: Readonly<Record<string, SegmentDefinition>>): TraitDefinitions {
  const traits: Record<string, TraitDefinition> = {};
  for (const definition of Object.values(segments)) {
    if (!isStreamed(definition)) continue;
    for (const predicate of eventPredicatesIn(definition.predicate)) {
      traits[eventTraitName(predicate)] = eventTrait(predicate);
    }
  }
  return traits;
}
