import { z } from "zod";

/** Does a row have a value in a column, none, or one that matches a regular expression? */
const conditionSchema = z.union([
  z.strictObject({ column: z.string(), empty: z.boolean() }),
  z.strictObject({ column: z.string(), matches: z.string() }),
]);
export type MappingCondition = z.infer<typeof conditionSchema>;

const types = ["string", "number", "integer", "decimal", "boolean", "timestamp"] as const;
export type MappingType = (typeof types)[number];

/** Options of a leaf: what it means for its row to have no value there, and when it stands in the event at all. */
const leaf = {
  /** A row without a value here cannot be mapped. By default the field is left out. */
  required: z.boolean().optional(),
  /** The field stands in the event only where this holds. */
  when: conditionSchema.optional(),
};

/** Options that read text as a value. */
const reading = {
  /**
   * `decimal` keeps the digits that the file has: a JSON number where it holds them exactly, else text. `string` by
   * default. Blanks around a value count for nothing.
   */
  as: z.enum(types).optional(),
  /** Of a timestamp: `yyyy MM dd HH mm ss SSS` (or `M d H m s` without leading zeros) and literals. ISO 8601 by default. */
  format: z.string().optional(),
  /** Of a timestamp without a zone of its own: `UTC` (default), an offset (`+02:00`) or an IANA name (`Europe/London`). */
  zone: z.string().optional(),
  /** Replaces what a regular expression matches, before the value is read. */
  replace: z.strictObject({ matches: z.string(), with: z.string() }).optional(),
};

const columnSchema = z.strictObject({ $column: z.string(), ...leaf, ...reading });
const templateSchema = z.strictObject({ $template: z.string(), ...leaf, ...reading });
const valueSchema = z.strictObject({ $value: z.json(), when: conditionSchema.optional() });
const countSchema = z.strictObject({ $count: z.string(), when: conditionSchema.optional() });

export type MappingNode =
  | z.infer<typeof columnSchema>
  | z.infer<typeof templateSchema>
  | z.infer<typeof valueSchema>
  | z.infer<typeof countSchema>
  | { readonly $first: readonly MappingNode[] }
  | readonly MappingNode[]
  | { readonly [field: string]: MappingNode };

const firstSchema = z.strictObject({
  get $first() {
    return z.array(nodeSchema).min(1);
  },
});

const objectSchema = z.lazy(() =>
  z.record(
    z.string().regex(/^[^$]/, "is no word of the mapping; these are $column, $template, $value, $count and $first"),
    nodeSchema,
  ),
);

/**
 * What stands in a field of the event: `{ "$column": "Quantity", "as": "integer" }`, `{ "$template": "order-{Invoice}" }`,
 * `{ "$value": "GBP" }`, `{ "$count": "{Invoice}" }` (1, 2, … within rows of the same text), `{ "$first": [ … ] }` (the first
 * that has a value), a list of nodes, or an object of nodes.
 */
const nodeSchema: z.ZodType<MappingNode> = z.lazy(() =>
  z.unknown().transform((value, context): MappingNode => {
    const schema = schemaFor(value);
    const result = schema.safeParse(value);
    if (result.success) return result.data as MappingNode;
    for (const issue of result.error.issues) {
      const message = issue.code === "invalid_key" ? (issue.issues[0]?.message ?? issue.message) : issue.message;
      context.addIssue({ code: "custom", message, path: issue.path });
    }
    return z.NEVER;
  }),
);

/** One schema by the node's word, so that a fault is told of the node that was meant and not of every kind there is. */
function schemaFor(value: unknown): z.ZodType {
  if (Array.isArray(value)) return z.array(nodeSchema);
  if (typeof value !== "object" || value === null) {
    return z.never({ error: () => `must be a node; for a fixed value write { "$value": ${JSON.stringify(value)} }` });
  }
  if ("$column" in value) return columnSchema;
  if ("$template" in value) return templateSchema;
  if ("$value" in value) return valueSchema;
  if ("$count" in value) return countSchema;
  return "$first" in value ? firstSchema : objectSchema;
}

/** How a row of a file (CSV, JSON lines, Parquet) becomes an event. A file of its own, read by `tributary load --mapping`. */
export const mappingSchema = z.strictObject({
  version: z.literal(1),
  description: z.string().optional(),
  /** Columns that the file must have beside those that the event names. */
  requires: z.array(z.string()).optional(),
  /** The event, field by field. `type` is needed; `messageId` is made from the file's content and the line by default. */
  event: z
    .record(z.string(), nodeSchema)
    .refine((event) => "type" in event, { error: 'must name the event\'s "type"' }),
});
export type Mapping = z.infer<typeof mappingSchema>;
