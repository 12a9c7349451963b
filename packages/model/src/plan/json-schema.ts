import { nearest } from "../nearest";

/**
 * A JSON Schema (draft 2020-12) as tracking plans take it: what can be checked in one walk over the value. Left out is what
 * has no bounded cost on hostile input (`uniqueItems`) or no plain reading (`if`, `unevaluated…`, remote `$ref`).
 */
export interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly properties?: Readonly<Record<string, SubSchema>>;
  readonly patternProperties?: Readonly<Record<string, SubSchema>>;
  readonly additionalProperties?: SubSchema;
  readonly propertyNames?: SubSchema;
  readonly required?: readonly string[];
  readonly minProperties?: number;
  readonly maxProperties?: number;
  readonly items?: SubSchema;
  readonly prefixItems?: readonly SubSchema[];
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly format?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly multipleOf?: number;
  readonly anyOf?: readonly SubSchema[];
  readonly oneOf?: readonly SubSchema[];
  readonly allOf?: readonly SubSchema[];
  readonly not?: SubSchema;
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, SubSchema>>;
  readonly definitions?: Readonly<Record<string, SubSchema>>;
  readonly title?: string;
  readonly description?: string;
}

/** `true` takes everything, `false` nothing. */
export type SubSchema = boolean | JsonSchema;

/** What is wrong with a plan, and where; `path` is like `track["Order Completed"].properties`. */
export interface PlanFault {
  readonly path: string;
  readonly reason: string;
}

export const jsonTypes = ["string", "number", "integer", "boolean", "object", "array", "null"] as const;

type Shape = "schema" | "schemas" | "map" | "number" | "count" | "regex" | "names" | "types" | "text" | "list" | "any";

const keywords: Readonly<Record<string, Shape>> = {
  type: "types",
  enum: "list",
  const: "any",
  properties: "map",
  patternProperties: "map",
  additionalProperties: "schema",
  propertyNames: "schema",
  required: "names",
  minProperties: "count",
  maxProperties: "count",
  items: "schema",
  prefixItems: "schemas",
  minItems: "count",
  maxItems: "count",
  minLength: "count",
  maxLength: "count",
  pattern: "regex",
  format: "text",
  minimum: "number",
  maximum: "number",
  exclusiveMinimum: "number",
  exclusiveMaximum: "number",
  multipleOf: "number",
  anyOf: "schemas",
  oneOf: "schemas",
  allOf: "schemas",
  not: "schema",
  $ref: "text",
  $defs: "map",
  definitions: "map",
};

/** Say something about a schema and check nothing. */
const annotations = new Set(
  "$schema $comment title description default examples deprecated readOnly writeOnly contentEncoding contentMediaType id".split(
    " ",
  ),
);

const remedies: Readonly<Record<string, string>> = {
  uniqueItems: "comparing each item with each would let one event hold up the stream; leave it out",
  if: "use anyOf of the cases",
  unevaluatedProperties: "use additionalProperties",
  unevaluatedItems: "use items",
  contains: "use items",
  dependentRequired: "use anyOf of the cases",
};

/** A property's name appended to a path: `.total`, or `["Order Completed"]` where it is no identifier. */
export function joinField(path: string, name: string | number): string {
  if (typeof name === "number") return `${path}[${name}]`;
  if (!/^[\p{L}_$][\p{L}\p{N}_$-]*$/u.test(name)) return `${path}[${JSON.stringify(name)}]`;
  return path === "" ? name : `${path}.${name}`;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const isText = (value: unknown): value is string => typeof value === "string";

/** A regular expression as JSON Schema reads it, Unicode where the pattern allows. Throws SyntaxError for one that is none. */
export function regex(pattern: string): RegExp {
  try {
    return new RegExp(pattern, "u");
  } catch {
    return new RegExp(pattern);
  }
}

function wrong(shape: Shape, value: unknown): string | undefined {
  const inherited = (names: readonly string[]) => names.find((name) => name in Object.prototype);
  switch (shape) {
    case "number":
      return typeof value === "number" && Number.isFinite(value) ? undefined : "must be a number";
    case "count":
      return Number.isInteger(value) && (value as number) >= 0 ? undefined : "must be a whole number from 0";
    case "text":
      return isText(value) ? undefined : "must be text";
    case "list":
      return Array.isArray(value) && value.length > 0 ? undefined : "must be a list of values";
    case "names":
      return Array.isArray(value) && value.every(isText) ? undefined : "must be a list of property names";
    case "schemas":
      return Array.isArray(value) && value.length > 0 ? undefined : "must be a list of schemas";
    case "map": {
      if (!isObject(value)) return "must be an object of schemas";
      const name = inherited(Object.keys(value));
      return name === undefined ? undefined : `${JSON.stringify(name)} is what every object has; name it otherwise`;
    }
    case "types": {
      const types: readonly unknown[] = Array.isArray(value) ? value : [value];
      const unknown = types.find((type) => !jsonTypes.some((known) => known === type));
      if (types.length > 0 && unknown === undefined && !types.includes(undefined)) return undefined;
      return `${JSON.stringify(unknown)} is no type; use ${jsonTypes.join(", ")}`;
    }
    case "regex":
      if (!isText(value)) return "must be a regular expression";
      try {
        regex(value);
        return undefined;
      } catch (error) {
        return (error as Error).message;
      }
    default:
      return undefined;
  }
}

/** Whether an object's schema names properties and says nothing of others: those are then unplanned. */
export function leavesOpen({ properties, additionalProperties, ...schema }: JsonSchema): boolean {
  if (!properties || additionalProperties !== undefined) return false;
  return !(schema.patternProperties ?? schema.anyOf ?? schema.oneOf ?? schema.allOf ?? schema.$ref);
}

/** The schema that a `$ref` names: `#`, `#/$defs/<name>` or `#/definitions/<name>`. */
export function resolveRef(root: JsonSchema, ref: string): SubSchema | undefined {
  if (ref === "#") return root;
  const [, group, name] = /^#\/(\$defs|definitions)\/([^/]+)$/.exec(ref) ?? [];
  if (group === undefined || name === undefined) return undefined;
  const key = decodeURIComponent(name).replaceAll("~1", "/").replaceAll("~0", "~");
  const found = root[group as "$defs" | "definitions"];
  return found && Object.hasOwn(found, key) ? found[key] : undefined;
}

/** Whether a schema comes back to itself without going into the value: checking it would never end. */
function endless(root: JsonSchema, schema: SubSchema, above: ReadonlySet<SubSchema> = new Set()): boolean {
  if (typeof schema === "boolean") return false;
  if (above.has(schema)) return true;
  const inside = new Set(above).add(schema);
  const next = [...(schema.anyOf ?? []), ...(schema.oneOf ?? []), ...(schema.allOf ?? [])];
  if (schema.not !== undefined) next.push(schema.not);
  const target = schema.$ref === undefined ? undefined : resolveRef(root, schema.$ref);
  if (target !== undefined) next.push(target);
  return next.some((member) => endless(root, member, inside));
}

/** Every fault of a schema of any type. */
export function schemaFaults(schema: unknown, path: string): PlanFault[] {
  if (!isObject(schema)) return [{ path, reason: "must be a zod schema or a JSON Schema" }];
  const root = schema as JsonSchema;
  const faults = memberFaults(root, root, path);
  if (faults.length === 0 && endless(root, root)) faults.push({ path, reason: "its $ref leads back to itself" });
  return faults;
}

function memberFaults(root: JsonSchema, schema: JsonSchema, path: string): PlanFault[] {
  const faults: PlanFault[] = [];
  for (const [keyword, value] of Object.entries(schema) as [string, unknown][]) {
    if (annotations.has(keyword)) continue;
    const at = joinField(path, keyword);
    const shape = Object.hasOwn(keywords, keyword) ? keywords[keyword] : undefined;
    if (shape === undefined) {
      const near = nearest(keyword, Object.keys(keywords));
      const remedy = remedies[keyword] ?? (near === undefined ? undefined : `did you mean "${near}"?`);
      faults.push({
        path: at,
        reason: `is no keyword of a plan's schemas${remedy === undefined ? "" : `; ${remedy}`}`,
      });
      continue;
    }
    const reason = wrong(shape, value);
    if (reason !== undefined) faults.push({ path: at, reason });
    else if (keyword === "$ref" && resolveRef(root, value as string) === undefined)
      faults.push({ path: at, reason: `${JSON.stringify(value)} is not there; a $ref is "#" or "#/$defs/<name>"` });
    else if (keyword === "patternProperties") {
      for (const pattern of Object.keys(value as object)) {
        const broken = wrong("regex", pattern);
        if (broken !== undefined) faults.push({ path: joinField(at, pattern), reason: broken });
      }
    }
    const members: readonly (readonly [string, unknown])[] =
      shape === "schema"
        ? [[at, value]]
        : shape === "schemas" && Array.isArray(value)
          ? value.map((member, index) => [joinField(at, index), member] as const)
          : shape === "map" && isObject(value)
            ? Object.entries(value).map(([name, member]) => [joinField(at, name), member] as const)
            : [];
    for (const [place, member] of members) {
      if (isObject(member)) faults.push(...memberFaults(root, member, place));
      else if (typeof member !== "boolean") faults.push({ path: place, reason: "must be a schema" });
    }
  }
  return faults;
}
