import { canonicalJson } from "../canonical";
import { type JsonSchema, joinField, leavesOpen, resolveRef, type SubSchema } from "./json-schema";
import { compileSchema, jsonType } from "./validator";

/** Something that one schema takes and another does not. */
export interface Refusal {
  /** Like `properties.total`; `*` stands for every other property, `[]` for every item. */
  readonly path: string;
  /** A keyword of JSON Schema, or `unplanned-property`. */
  readonly rule: string;
  readonly before: string;
  readonly after: string;
  /** It is about what the old schema left open and did not name. */
  readonly ofUnplanned: boolean;
}

export interface RefusalOptions {
  /** What the new schema does not name counts as refused, though it leaves it open. */
  readonly closed: boolean;
}

const annotations = ["$schema", "$comment", "title", "description", "default", "examples", "deprecated", "id", "$defs"];

function bare(schema: SubSchema): Record<string, unknown> | boolean {
  if (typeof schema === "boolean") return schema;
  return Object.fromEntries(Object.entries(schema).filter(([key]) => !annotations.includes(key)));
}

const equal = (a: unknown, b: unknown) => canonicalJson((a ?? null) as never) === canonicalJson((b ?? null) as never);

function text(value: unknown): string {
  if (value === undefined) return "free";
  const json = typeof value === "string" ? value : JSON.stringify(value);
  return json.length > 60 ? `${json.slice(0, 59)}…` : json;
}

const isFree = (schema: SubSchema | undefined): schema is true | undefined =>
  schema === undefined || schema === true || (schema !== false && Object.keys(bare(schema)).length === 0);

type Bound = readonly [
  keyword: "minimum" | "maximum",
  exclusive: "exclusiveMinimum" | "exclusiveMaximum",
  sign: 1 | -1,
];
const numberBounds: readonly Bound[] = [
  ["minimum", "exclusiveMinimum", 1],
  ["maximum", "exclusiveMaximum", -1],
];
const counts = [
  ["string", "minLength", 1],
  ["string", "maxLength", -1],
  ["array", "minItems", 1],
  ["array", "maxItems", -1],
  ["object", "minProperties", 1],
  ["object", "maxProperties", -1],
] as const;

/**
 * What the new schema refuses of what the old one takes: empty only where it surely takes all of it. Where that cannot be
 * shown keyword by keyword (another pattern, other forms), it is told as refused.
 */
export function refusals(old: JsonSchema, next: JsonSchema, path: string, options: RefusalOptions): Refusal[] {
  return new Comparison(old, next, options).compare(old, next, path, false);
}

class Comparison {
  private readonly seen = new Map<SubSchema, Set<SubSchema>>();
  /** Above zero where the old schema stands in forms, which the search for unplanned properties does not look into. */
  private hidden = 0;

  constructor(
    private readonly oldRoot: JsonSchema,
    private readonly nextRoot: JsonSchema,
    private readonly options: RefusalOptions,
  ) {}

  private inHidden<T>(action: () => T): T {
    this.hidden += 1;
    try {
      return action();
    } finally {
      this.hidden -= 1;
    }
  }

  private fits(old: SubSchema, next: SubSchema): boolean {
    return this.compare(old, next, "", false).length === 0;
  }

  /** A schema that is nothing but a reference, as what it refers to. */
  private target(root: JsonSchema, schema: SubSchema): SubSchema {
    if (typeof schema === "boolean" || schema.$ref === undefined) return schema;
    const keys = Object.keys(bare(schema) as object);
    return keys.length > 1 ? schema : (resolveRef(root, schema.$ref) ?? schema);
  }

  compare(oldGiven: SubSchema, nextGiven: SubSchema, path: string, ofUnplanned: boolean): Refusal[] {
    const old = this.target(this.oldRoot, oldGiven);
    const next = this.target(this.nextRoot, nextGiven);
    if (next === true || old === false) return [];
    const refusal = (rule: string, before: string, after: string): Refusal[] => [
      { path: path || "(all)", rule, before, after, ofUnplanned },
    ];
    if (next === false) return refusal("false", "planned", "ruled out");
    const from = old === true ? {} : old;
    // A pair that is being compared already holds, unless something else tells otherwise.
    const pairs = this.seen.get(from) ?? new Set();
    if (pairs.has(next)) return [];
    this.seen.set(from, pairs.add(next));
    const compared = () => this.object(from, next, path, ofUnplanned, refusal);
    const found = old === oldGiven ? compared() : this.inHidden(compared);
    pairs.delete(next);
    return found;
  }

  private object(
    old: JsonSchema,
    next: JsonSchema,
    path: string,
    ofUnplanned: boolean,
    refusal: (rule: string, before: string, after: string) => Refusal[],
  ): Refusal[] {
    const values = old.enum ?? (old.const === undefined ? undefined : [old.const]);
    const plain = values?.every((value) => typeof value !== "object" || value === null);
    if (values && plain && next.$ref === undefined && !JSON.stringify(next).includes('"$ref"')) {
      const validate = compileSchema(next);
      const left = values.filter((value) => validate(value).length > 0);
      return left.length === 0 ? [] : refusal("enum", text(values), `without ${text(left)}`);
    }
    const forms = old.anyOf ?? old.oneOf;
    if (forms && !next.anyOf && !next.oneOf) {
      const { anyOf: _any, oneOf: _one, ...rest } = old;
      const merged = (form: SubSchema) => (typeof form === "boolean" ? form && rest : { ...rest, ...form });
      return this.inHidden(() => forms.flatMap((form) => this.compare(merged(form), next, path, ofUnplanned)));
    }
    if (old.allOf && this.inHidden(() => old.allOf?.some((member) => this.fits(member, next)))) return [];
    return [
      ...this.types(old, next, refusal),
      ...this.scalars(old, next, refusal),
      ...this.fields(old, next, path, ofUnplanned),
      ...this.lists(old, next, path, ofUnplanned, refusal),
      ...this.forms(old, next, refusal),
    ];
  }

  private types(old: JsonSchema, next: JsonSchema, refusal: (r: string, b: string, a: string) => Refusal[]): Refusal[] {
    const list = (type: JsonSchema["type"]) => (typeof type === "string" ? [type] : type);
    const after = list(next.type);
    if (!after) return [];
    const before = list(old.type);
    const covered = before?.every((type) => after.includes(type) || (type === "integer" && after.includes("number")));
    return covered ? [] : refusal("type", before?.join(" or ") ?? "any", after.join(" or "));
  }

  private takes(schema: JsonSchema, type: string): boolean {
    if (schema.type === undefined) return true;
    const types = typeof schema.type === "string" ? [schema.type] : schema.type;
    return types.includes(type) || (type === "number" && types.includes("integer"));
  }

  private scalars(
    old: JsonSchema,
    next: JsonSchema,
    refusal: (r: string, b: string, a: string) => Refusal[],
  ): Refusal[] {
    const found: Refusal[] = [];
    const refuse = (rule: keyof JsonSchema) => found.push(...refusal(rule, text(old[rule]), text(next[rule])));
    if (next.enum && !equal(old.enum, next.enum)) refuse("enum");
    if (next.const !== undefined && !equal(old.const, next.const)) refuse("const");
    if (this.takes(old, "number")) {
      for (const [keyword, exclusive, sign] of numberBounds) {
        const inclusiveBound = old[keyword];
        const exclusiveBound = old[exclusive];
        const least = (n: number | undefined) => (n === undefined ? Number.NEGATIVE_INFINITY : n * sign);
        const after = next[keyword];
        if (after !== undefined && Math.max(least(inclusiveBound), least(exclusiveBound)) < after * sign)
          refuse(keyword);
        const beyond = next[exclusive];
        if (beyond !== undefined && !(least(exclusiveBound) >= beyond * sign || least(inclusiveBound) > beyond * sign))
          refuse(exclusive);
      }
      const { multipleOf } = next;
      const whole = multipleOf === 1 && old.type === "integer";
      const factor = old.multipleOf === undefined ? Number.NaN : old.multipleOf / (multipleOf ?? 1);
      if (multipleOf !== undefined && !whole && !Number.isInteger(factor)) refuse("multipleOf");
    }
    for (const [type, keyword, sign] of counts) {
      const after = next[keyword];
      if (after === undefined || !this.takes(old, type)) continue;
      const before = old[keyword] ?? (sign === 1 ? 0 : Number.POSITIVE_INFINITY);
      if (before * sign < after * sign) refuse(keyword);
    }
    if (this.takes(old, "string")) {
      for (const keyword of ["pattern", "format"] as const) {
        if (next[keyword] !== undefined && next[keyword] !== old[keyword]) refuse(keyword);
      }
    }
    return found;
  }

  private fields(old: JsonSchema, next: JsonSchema, path: string, ofUnplanned: boolean): Refusal[] {
    if (!this.takes(old, "object")) return [];
    const found: Refusal[] = [];
    const before = old.properties ?? {};
    const after = next.properties ?? {};
    const add = (at: string, rule: string, was: string, is: string) =>
      found.push({ path: at, rule, before: was, after: is, ofUnplanned });
    for (const name of next.required ?? []) {
      if (!old.required?.includes(name)) add(joinField(path, name), "required", "optional", "required");
    }
    const others = old.additionalProperties;
    for (const [name, member] of Object.entries(after)) {
      const at = joinField(path, name);
      const own = before[name];
      if (own !== undefined) found.push(...this.compare(own, member, at, ofUnplanned));
      else if (old.patternProperties) found.push(...this.compare(true, member, at, ofUnplanned));
      else if (isFree(others)) found.push(...this.compare(true, member, at, true));
      else found.push(...this.inHidden(() => this.compare(others, member, at, ofUnplanned)));
    }
    const rest = next.additionalProperties;
    const closing = this.options.closed && leavesOpen(next);
    const wasClosed = (others === false && !old.patternProperties) || (this.hidden === 0 && leavesOpen(old));
    if (closing && !wasClosed) add(`${path}.*`, "unplanned-property", "free", "unplanned");
    for (const [name, member] of Object.entries(before)) {
      if (Object.hasOwn(after, name)) continue;
      const at = joinField(path, name);
      if (rest !== undefined) found.push(...this.compare(member, rest, at, ofUnplanned));
      else if (closing) add(at, "unplanned-property", "planned", "unplanned");
    }
    if (rest !== undefined) found.push(...this.compare(others ?? true, rest, `${path}.*`, ofUnplanned));
    if (next.patternProperties && !equal(old.patternProperties, next.patternProperties))
      add(path, "patternProperties", text(old.patternProperties), text(next.patternProperties));
    else if (old.patternProperties && !next.patternProperties && rest !== undefined && rest !== true)
      add(path, "patternProperties", text(old.patternProperties), "free");
    const { propertyNames } = next;
    if (propertyNames !== undefined && !this.fits(old.propertyNames ?? { type: "string" }, propertyNames))
      add(path, "propertyNames", text(old.propertyNames), text(propertyNames));
    return found;
  }

  private lists(
    old: JsonSchema,
    next: JsonSchema,
    path: string,
    ofUnplanned: boolean,
    refusal: (r: string, b: string, a: string) => Refusal[],
  ): Refusal[] {
    if (!this.takes(old, "array")) return [];
    if ((old.prefixItems ?? next.prefixItems) && !equal(old.prefixItems, next.prefixItems))
      return refusal("prefixItems", text(old.prefixItems), text(next.prefixItems));
    // Equal words may refer to other definitions.
    if (next.prefixItems && !equal(this.oldRoot.$defs, this.nextRoot.$defs))
      return refusal("prefixItems", "other definitions", text(next.prefixItems));
    if (next.items === undefined) return [];
    return this.compare(old.items ?? true, next.items, `${path}[]`, ofUnplanned);
  }

  private forms(old: JsonSchema, next: JsonSchema, refusal: (r: string, b: string, a: string) => Refusal[]): Refusal[] {
    const found: Refusal[] = [];
    const sameDefinitions = equal(
      [this.oldRoot.$defs, this.oldRoot.definitions],
      [this.nextRoot.$defs, this.nextRoot.definitions],
    );
    const { anyOf, oneOf, allOf, not } = next;
    if (anyOf) {
      const { anyOf: before, ...rest } = old;
      const members = before ?? [rest];
      if (!members.every((member) => anyOf.some((form) => this.fits(member, form))))
        found.push(...refusal("anyOf", text(before?.map(bare) ?? bare(rest)), text(anyOf.map(bare))));
    }
    // Exactly one must hold, so that one more form can refuse what fitted another.
    if (oneOf && !(sameDefinitions && equal(old.oneOf, oneOf)))
      found.push(...refusal("oneOf", text(old.oneOf), text(oneOf)));
    if (not !== undefined && !(sameDefinitions && equal(old.not, not)))
      found.push(...refusal("not", text(old.not), text(not)));
    if (next.$ref !== undefined && !(sameDefinitions && old.$ref === next.$ref))
      found.push(...refusal("$ref", text(old.$ref), next.$ref));
    for (const member of allOf ?? []) {
      const kept = sameDefinitions && old.allOf?.some((one) => equal(one, member));
      if (!kept && !this.fits(old, member)) found.push(...refusal("allOf", jsonType(old.allOf), text(member)));
    }
    return found;
  }
}
