import * as z from "zod/mini";

/** Longest text, in code points, that is a value; longer ones are ignored, as what is neither text, number nor boolean. */
export const maxTraitText = 500;
/** Most days that a window is long. */
export const maxWindowDays = 3_650;

const scalar = z.union([z.string(), z.number(), z.boolean()]);
const numbered = z.number().check(
  z.refine((value) => Math.abs(value) < 1e15, {
    message: "must be a number between -10^15 and 10^15: others are not compared exactly",
  }),
);
const wellFormed = z.string().check(
  z.minLength(1, "must not be empty"),
  z.refine((text) => !/\p{Cs}/u.test(text), { message: "must be text of whole characters" }),
);

/** Names that both engines and JavaScript read alike in a JSON path. */
const path = z
  .string()
  .check(
    z.regex(
      /^(time|sourceId|(properties|context)(\.[A-Za-z_$][\w$ -]{0,99}){1,8})$/,
      'must be "properties.<name>", "context.<name>" (dots lead into objects), "sourceId" or "time"; names are letters, digits, blanks, _, $ and -, and begin with a letter, _ or $',
    ),
  );
const filteredPath = path.check(
  z.refine((text) => text !== "time", { message: "cannot be the time: say .within({ days: … })" }),
);

const whole = (most: number) => z.optional(z.int().check(z.gte(1), z.lte(most)));
/** How far back from an instant events count. At instant t an event counts where `t - window < time <= t`. */
export const windowSchema = z
  .strictObject({ days: whole(maxWindowDays), hours: whole(maxWindowDays * 24), minutes: whole(maxWindowDays * 1_440) })
  .check(
    z.refine(({ days, hours, minutes }) => [days, hours, minutes].filter((part) => part !== undefined).length === 1, {
      message: "must be one of { days: 30 }, { hours: 24 }, { minutes: 15 }",
    }),
  );
export type TraitWindow = z.infer<typeof windowSchema>;

/** What must hold of an event's field: it must be there, unless it is to be none of some values. */
const filterSchema = z.discriminatedUnion("op", [
  z.strictObject({ field: filteredPath, op: z.enum(["atLeast", "atMost", "above", "below"]), value: numbered }),
  z.strictObject({ field: filteredPath, op: z.literal("equals"), value: scalar }),
  z.strictObject({
    field: filteredPath,
    op: z.enum(["oneOf", "noneOf"]),
    value: z.array(scalar).check(z.minLength(1, "must hold a value")),
  }),
  z.strictObject({ field: filteredPath, op: z.literal("exists") }),
]);
export type EventFilter = z.infer<typeof filterSchema>;

/** The types of event that traits are computed from. */
export const traitEventTypes = ["track", "page", "screen", "identify"] as const;

/** Which events count. */
export const eventSelectionSchema = z
  .strictObject({
    type: z.enum(traitEventTypes),
    /** Name of the track event, page or screen. Left out: any. */
    name: z.optional(wellFormed),
    /** All of them must hold. */
    where: z.optional(z.array(filterSchema)),
  })
  .check(
    z.refine(({ type, name }) => type !== "identify" || name === undefined, {
      message: "identify events have no name: leave it out",
      path: ["name"],
    }),
  );
export type EventSelection = z.infer<typeof eventSelectionSchema>;

const description = z.optional(z.string());

/** A trait that is computed from events. */
export const traitDefinitionSchema = z.discriminatedUnion("fold", [
  z.strictObject({
    fold: z.literal("count"),
    of: eventSelectionSchema,
    window: z.optional(windowSchema),
    description,
  }),
  z.strictObject({
    fold: z.enum(["sum", "min", "max"]),
    of: eventSelectionSchema,
    field: filteredPath,
    window: z.optional(windowSchema),
    description,
  }),
  z.strictObject({
    fold: z.enum(["first", "last", "distinct", "mostFrequent"]),
    of: eventSelectionSchema,
    field: path,
    window: z.optional(windowSchema),
    description,
  }),
]);
export type TraitDefinition = Readonly<z.infer<typeof traitDefinitionSchema>>;
export type TraitFold = TraitDefinition["fold"];

const traitName = /^[a-z][a-z0-9_]{0,62}$/;

/** Computed traits by name. A trait of this name that events state is hidden by it. */
export type TraitDefinitions = Readonly<Record<string, TraitDefinition>>;
const named = z.check<TraitDefinitions>(
  (context) => {
    for (const name of Object.keys(context.value)) {
      if (traitName.test(name)) continue;
      context.issues.push({
        code: "custom",
        input: name,
        path: [name],
        message:
          "must be named by lower-case letters, digits and underscores, beginning with a letter, such as orders_30d",
      });
    }
  },
  // Beside faults of the definitions, not after them.
  { when: ({ value }) => typeof value === "object" && value !== null },
);
export const traitDefinitionsSchema = z.record(z.string(), traitDefinitionSchema).check(named);

/** Length of a window, milliseconds. */
export function windowLength({ days = 0, hours = 0, minutes = 0 }: TraitWindow): number {
  return ((days * 24 + hours) * 60 + minutes) * 60_000;
}
