import { z } from "zod";
import { nearest } from "../nearest";
import { type JsonSchema, joinField, type PlanFault, schemaFaults } from "./json-schema";
import {
  namedTypes,
  type PlannedEvent,
  planDefaults,
  type TrackingPlan,
  unplannedActions,
  violationActions,
} from "./plan";

/** A schema as users write it: zod's (4 or later, mini too), or a JSON Schema. */
export type SchemaSource = z.core.$ZodType | JsonSchema;

/** A tracking plan as users write it: everything may be left out, and schemas may be zod's. A `TrackingPlan` is one too. */
export type PlanDefinition = Partial<TrackingPlan<SchemaSource>>;

/**
 * A tracking plan, for `http({ plan })` and every other source. It is checked there, with the other arguments.
 *
 * ```ts
 * const webPlan = trackingPlan({
 *   track: { "Order Completed": { properties: z.object({ order_id: z.string(), total: z.number() }) } },
 *   identify: { traits: z.object({ email: z.email().optional() }), onViolation: "omit-property" },
 * });
 * ```
 */
export function trackingPlan(definition: PlanDefinition): PlanDefinition {
  return definition;
}

/** Reads a definition of any type (a program's argument, a file): the plan as plain JSON, or every fault of it. */
export function readPlan(
  definition: unknown,
  path = "",
):
  | { readonly plan: TrackingPlan; readonly faults?: undefined }
  | { readonly plan?: undefined; readonly faults: readonly PlanFault[] } {
  const reader = new PlanReader();
  const plan = reader.plan(definition, path);
  return reader.faults.length > 0 ? { faults: reader.faults } : { plan };
}

const settings = ["version", "description", "onViolation", "unplannedEvents", "unplannedProperties", "context"];
const ruleSettings = ["description", "onViolation", "unplannedProperties", "context"];

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function shown(value: unknown): string {
  return typeof value === "function" ? "a function" : (JSON.stringify(value) ?? String(value)).slice(0, 60);
}

/** zod bounds whole numbers by what JavaScript holds exactly: noise in a plan, and in every change of it. */
function withoutSafeBounds(_key: string, value: unknown): unknown {
  if (!isRecord(value) || value.type !== "integer") return value;
  const { minimum, maximum, ...rest } = value;
  return {
    ...rest,
    ...(minimum === undefined || minimum === Number.MIN_SAFE_INTEGER ? {} : { minimum }),
    ...(maximum === undefined || maximum === Number.MAX_SAFE_INTEGER ? {} : { maximum }),
  };
}

class PlanReader {
  readonly faults: PlanFault[] = [];

  plan(given: unknown, path: string): TrackingPlan {
    if (!isRecord(given)) {
      this.faults.push({
        path: path || "(plan)",
        reason: `${shown(given)} must be a tracking plan; see trackingPlan()`,
      });
      return { ...planDefaults };
    }
    this.unknown(given, [...settings, ...namedTypes, "identify", "group"], path);
    if (given.version !== undefined && given.version !== 1)
      this.fault(path, "version", `${shown(given.version)} must be 1, or be left out`);
    this.text(given.description, path);
    const plan: Record<string, unknown> = {
      ...planDefaults,
      ...this.picked(given, path, "onViolation", violationActions),
      ...this.picked(given, path, "unplannedEvents", unplannedActions),
      ...this.picked(given, path, "unplannedProperties", unplannedActions),
      ...(given.description === undefined ? {} : { description: given.description }),
      ...this.schema(given, path, "context"),
    };
    for (const type of namedTypes) {
      const events = given[type];
      if (events === undefined) continue;
      const at = joinField(path, type);
      if (!isRecord(events)) {
        this.fault(path, type, `${shown(events)} must be an object by event name, such as { "Order Completed": {} }`);
        continue;
      }
      plan[type] = Object.fromEntries(
        Object.entries(events).map(([name, rule]) => [name, this.rule(rule, joinField(at, name), "properties")]),
      );
    }
    for (const type of ["identify", "group"] as const) {
      if (given[type] !== undefined) plan[type] = this.rule(given[type], joinField(path, type), "traits");
    }
    return plan as unknown as TrackingPlan;
  }

  private rule(given: unknown, path: string, part: "properties" | "traits"): PlannedEvent {
    if (!isRecord(given)) {
      this.faults.push({ path, reason: `${shown(given)} must be an object such as { ${part}: z.object({}) }` });
      return {};
    }
    this.unknown(given, [part, ...ruleSettings], path);
    this.text(given.description, path);
    return {
      ...(given.description === undefined ? {} : { description: given.description as string }),
      ...this.picked(given, path, "onViolation", violationActions),
      ...this.picked(given, path, "unplannedProperties", unplannedActions),
      ...this.schema(given, path, "context"),
      ...this.schema(given, path, part),
    };
  }

  private fault(path: string, key: string, reason: string): void {
    this.faults.push({ path: joinField(path, key), reason });
  }

  private unknown(given: Record<string, unknown>, known: readonly string[], path: string): void {
    for (const key of Object.keys(given)) {
      if (known.includes(key)) continue;
      const near = nearest(key, known);
      const remedy = near === undefined ? `use ${known.join(", ")}` : `did you mean "${near}"?`;
      this.fault(path, key, `is no part of a tracking plan; ${remedy}`);
    }
  }

  private text(description: unknown, path: string): void {
    if (description !== undefined && typeof description !== "string")
      this.fault(path, "description", `${shown(description)} must be text`);
  }

  private picked(given: Record<string, unknown>, path: string, key: string, choices: readonly string[]) {
    const value = given[key];
    if (value === undefined) return {};
    if (!choices.some((choice) => choice === value))
      this.fault(path, key, `${shown(value)} must be one of ${choices.map((choice) => `"${choice}"`).join(", ")}`);
    return { [key]: value };
  }

  private schema(given: Record<string, unknown>, path: string, key: string): Record<string, JsonSchema> {
    const value = given[key];
    if (value === undefined) return {};
    const at = joinField(path, key);
    let schema: unknown = value;
    if (isRecord(value) && "_zod" in value) {
      try {
        // What producers send: defaults need not be there, and what is not listed is open unless the schema is strict.
        const made = z.toJSONSchema(value as unknown as z.core.$ZodType, { io: "input" });
        const { $schema: _, ...rest } = JSON.parse(JSON.stringify(made), withoutSafeBounds) as Record<string, unknown>;
        schema = rest;
      } catch (error) {
        const remedy = "events are JSON: for a time use z.iso.datetime(), for another check a schema of what is sent";
        this.faults.push({ path: at, reason: `${(error as Error).message}; ${remedy}` });
        return {};
      }
    }
    const faults = schemaFaults(schema, at);
    this.faults.push(...faults);
    if (faults.length > 0) return {};
    const type = isRecord(schema) ? schema.type : undefined;
    if (type !== undefined && type !== "object" && !(Array.isArray(type) && type.includes("object")))
      this.faults.push({ path: joinField(at, "type"), reason: `${shown(type)} must be "object": ${key} always are` });
    return { [key]: schema as JsonSchema };
  }
}
