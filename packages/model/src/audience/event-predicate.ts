import * as z from "zod/mini";
import { canonicalJson, shortHash } from "../canonical";
import { eventSelectionSchema, type TraitDefinition, windowSchema } from "../traits/definition";

/** How often the person did something, within a window or ever. */
export const eventPredicateSchema = z
  .strictObject({
    kind: z.literal("event"),
    of: eventSelectionSchema,
    op: z.enum(["atLeast", "atMost"]),
    times: z.int().check(z.gte(0), z.lte(1_000_000)),
    window: z.optional(windowSchema),
  })
  .check(
    z.refine(({ op, times }) => op !== "atLeast" || times > 0, {
      message: "is true of everybody: ask for at least 1",
      path: ["times"],
    }),
  );
export type EventPredicate = Readonly<z.infer<typeof eventPredicateSchema>>;

const names = new WeakMap<EventPredicate, string>();

/** Name of the anonymous trait that an event predicate asks: equal events and windows, equal name. No declared trait has one like it. */
export function eventTraitName(predicate: EventPredicate): string {
  const known = names.get(predicate);
  if (known !== undefined) return known;
  const { of, window = null } = predicate;
  const name = `event:${shortHash(canonicalJson({ of, window }), 24)}`;
  names.set(predicate, name);
  return name;
}

/** Whether a trait is one that an event predicate compiled to, and no declared one. */
export const isEventTrait = (name: string): boolean => name.startsWith("event:");

/** The anonymous trait: how many such events. */
export function eventTrait({ of, window }: EventPredicate): TraitDefinition {
  return { fold: "count", of, ...(window === undefined ? {} : { window }) };
}
