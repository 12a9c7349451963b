import { type JsonSchema, regex, resolveRef, type SubSchema } from "./json-schema";

/** A part of a value that a schema does not take. Holds no value: it may be personal. */
export interface SchemaViolation {
  readonly path: readonly (string | number)[];
  /** The keyword of JSON Schema. */
  readonly rule: string;
  /** What must be, for people. */
  readonly description: string;
  /** JSON type of the value; `nothing` where one is missing. */
  readonly found: string;
}

/** The violations of a value, at most `mostViolations` of them. */
export type Validator = (value: unknown, at?: string) => SchemaViolation[];

/** More are not collected: an event may have a hundred thousand. */
export const mostViolations = 1000;

/**
 * Schemas that are tried on one value: forms that hold forms can double the work at each level of an event that a stranger
 * nested on purpose. The largest event needs a fraction of it (one for each item, a few where there are forms).
 */
const mostSteps = 1_000_000;

interface Walk {
  readonly budget: { left: number };
  readonly path: (string | number)[];
  readonly violations: SchemaViolation[];
}
type Check = (value: unknown, walk: Walk) => void;

export function jsonType(value: unknown): string {
  if (value === null) return "null";
  if (value === undefined) return "nothing";
  return Array.isArray(value) ? "array" : typeof value;
}

const isObject = (value: unknown): value is Record<string, unknown> => jsonType(value) === "object";

/** Formats that are checked; others say something about a value and check nothing, as in JSON Schema. */
const formats: Readonly<Record<string, RegExp>> = {
  "date-time":
    /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])[Tt ](?:[01]\d|2[0-3]):[0-5]\d:(?:[0-5]\d|60)(?:\.\d+)?(?:[Zz]|[+-][0-2]\d:[0-5]\d)$/,
  date: /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])$/,
  time: /^(?:[01]\d|2[0-3]):[0-5]\d:(?:[0-5]\d|60)(?:\.\d+)?(?:[Zz]|[+-][0-2]\d:[0-5]\d)?$/,
  email: /^[^\s@"(),:;<>[\\\]]{1,64}@[^\s@.]{1,63}(?:\.[^\s@.]{1,63})+$/,
  uuid: /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i,
  uri: /^[a-z][a-z0-9+.-]*:[^\s<>"{}|\\^`]+$/i,
  ipv4: /^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?!$)|$)){4}$/,
};

function report(walk: Walk, rule: string, description: string, value: unknown, key?: string | number): void {
  if (walk.violations.length >= mostViolations) return;
  const path = key === undefined ? [...walk.path] : [...walk.path, key];
  walk.violations.push({ path, rule, description, found: jsonType(value) });
}

function inside(walk: Walk, key: string | number, check: Check, value: unknown): void {
  walk.path.push(key);
  check(value, walk);
  walk.path.pop();
}

/** Equality of JSON values; `enum` and `const` are short. */
function same(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a)) return Array.isArray(b) && a.length === b.length && a.every((item, i) => same(item, b[i]));
  if (!isObject(a) || !isObject(b)) return false;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && same(a[key], b[key]));
}

const shown = (values: readonly unknown[]) => {
  const text = values.map((value) => JSON.stringify(value)).join(", ");
  return text.length > 160 ? `${text.slice(0, 160)}…` : text;
};

function typeCheck(type: string | readonly string[]): Check {
  const types = typeof type === "string" ? [type] : type;
  const known = new Set(types);
  const integer = known.has("integer") && !known.has("number");
  const description = `must be ${types.join(" or ")}`;
  return (value, walk) => {
    if (known.has(jsonType(value)) || (integer && Number.isInteger(value))) return;
    report(walk, "type", description, value);
  };
}

type Of<T> = (value: unknown) => T | undefined;
const numberOf: Of<number> = (value) => (typeof value === "number" ? value : undefined);
/** In characters, not in UTF-16 units. */
const lengthOf: Of<number> = (value) => {
  if (typeof value !== "string") return undefined;
  let length = value.length;
  for (let i = 0; i < value.length; i++)
    if ((value.charCodeAt(i) & 0xfc00) === 0xdc00 && i > 0) {
      if ((value.charCodeAt(i - 1) & 0xfc00) === 0xd800) length--;
    }
  return length;
};
const itemsOf: Of<number> = (value) => (Array.isArray(value) ? value.length : undefined);
const keysOf: Of<number> = (value) => (isObject(value) ? Object.keys(value).length : undefined);

/** Bounds: what is measured, which side, and how people say it. */
const bounds: readonly [keyword: keyof JsonSchema, Of<number>, (n: number, bound: number) => boolean, string][] = [
  ["minimum", numberOf, (n, least) => n >= least, "must be at least #"],
  ["maximum", numberOf, (n, most) => n <= most, "must be at most #"],
  ["exclusiveMinimum", numberOf, (n, bound) => n > bound, "must be more than #"],
  ["exclusiveMaximum", numberOf, (n, bound) => n < bound, "must be less than #"],
  ["multipleOf", numberOf, isMultiple, "must be a multiple of #"],
  ["minLength", lengthOf, (n, least) => n >= least, "must have at least # characters"],
  ["maxLength", lengthOf, (n, most) => n <= most, "must have at most # characters"],
  ["minItems", itemsOf, (n, least) => n >= least, "must have at least # items"],
  ["maxItems", itemsOf, (n, most) => n <= most, "must have at most # items"],
  ["minProperties", keysOf, (n, least) => n >= least, "must have at least # properties"],
  ["maxProperties", keysOf, (n, most) => n <= most, "must have at most # properties"],
];

/** 19.99 is a multiple of 0.01, though not in binary. */
function isMultiple(n: number, of: number): boolean {
  const quotient = n / of;
  return Math.abs(quotient - Math.round(quotient)) < 1e-9 * Math.max(1, Math.abs(quotient));
}

/** Makes the check of one schema. */
class Compiler {
  private readonly made = new Map<JsonSchema, Check>();

  constructor(private readonly root: JsonSchema) {}

  check(schema: SubSchema): Check {
    if (schema === true) return () => undefined;
    if (schema === false) return (value, walk) => report(walk, "false", "is not in the plan", value);
    const known = this.made.get(schema);
    if (known) return known;
    // Before it is made: a schema may refer to itself.
    let checks: Check[] = [];
    const all: Check = (value, walk) => {
      if (walk.budget.left-- <= 0) return report(walk, "steps", tooMany, value);
      for (const check of checks) check(value, walk);
    };
    this.made.set(schema, all);
    checks = [...this.values(schema), ...this.objects(schema), ...this.lists(schema), ...this.combined(schema)];
    return all;
  }

  private values(schema: JsonSchema): Check[] {
    const checks: Check[] = [];
    if (schema.type !== undefined) checks.push(typeCheck(schema.type));
    const { enum: values, const: only, pattern, format } = schema;
    if (values) {
      const description = `must be one of ${shown(values)}`;
      const plain = new Set(values);
      checks.push((value, walk) => {
        if (!plain.has(value) && !values.some((one) => same(one, value))) report(walk, "enum", description, value);
      });
    }
    if (only !== undefined) {
      const description = `must be ${shown([only])}`;
      checks.push((value, walk) => {
        if (!same(only, value)) report(walk, "const", description, value);
      });
    }
    const matches = (rule: string, expression: RegExp, description: string) =>
      checks.push((value, walk) => {
        if (typeof value === "string" && !expression.test(value)) report(walk, rule, description, value);
      });
    if (pattern !== undefined) matches("pattern", regex(pattern), `must match ${shown([pattern])}`);
    const known = format === undefined ? undefined : formats[format];
    if (known) matches("format", known, `must be of format ${format}`);
    for (const [rule, measure, holds, words] of bounds) {
      const bound = schema[rule];
      if (typeof bound !== "number") continue;
      const description = words.replace("#", String(bound));
      checks.push((value, walk) => {
        const n = measure(value);
        if (n !== undefined && !holds(n, bound)) report(walk, rule, description, value);
      });
    }
    return checks;
  }

  private objects(schema: JsonSchema): Check[] {
    const { required, properties, patternProperties, additionalProperties: rest, propertyNames } = schema;
    const checks: Check[] = [];
    if (required) {
      checks.push((value, walk) => {
        if (!isObject(value)) return;
        for (const name of required)
          if (!Object.hasOwn(value, name)) report(walk, "required", "is required", undefined, name);
      });
    }
    const named = new Map(Object.entries(properties ?? {}).map(([name, member]) => [name, this.check(member)]));
    const patterned = Object.entries(patternProperties ?? {}).map(
      ([pattern, member]) => [regex(pattern), this.check(member)] as const,
    );
    const other = rest === undefined || rest === true || rest === false ? undefined : this.check(rest);
    const names = propertyNames === undefined ? undefined : this.check(propertyNames);
    if (named.size === 0 && patterned.length === 0 && rest === undefined && !names) return checks;
    checks.push((value, walk) => {
      if (!isObject(value)) return;
      for (const key in value) {
        if (names) inside(walk, key, names, key);
        const check = named.get(key);
        let planned = check !== undefined;
        if (check) inside(walk, key, check, value[key]);
        for (const [expression, member] of patterned) {
          if (!expression.test(key)) continue;
          planned = true;
          inside(walk, key, member, value[key]);
        }
        if (planned) continue;
        if (other) inside(walk, key, other, value[key]);
        else if (rest === false) report(walk, "additionalProperties", "is not in the plan", value[key], key);
      }
    });
    return checks;
  }

  private lists({ items, prefixItems = [] }: JsonSchema): Check[] {
    if (items === undefined && prefixItems.length === 0) return [];
    const first = prefixItems.map((member) => this.check(member));
    const others = items === undefined ? undefined : this.check(items);
    return [
      (value, walk) => {
        if (!Array.isArray(value)) return;
        for (let index = 0; index < value.length; index++) {
          const check = first[index] ?? others;
          if (check) inside(walk, index, check, value[index]);
        }
      },
    ];
  }

  private combined({ anyOf, oneOf, allOf, not, $ref }: JsonSchema): Check[] {
    const checks = (allOf ?? []).map((member) => this.check(member));
    const target = $ref === undefined ? undefined : resolveRef(this.root, $ref);
    if (target !== undefined) checks.push(this.check(target));
    if (anyOf) checks.push(this.choice("anyOf", anyOf, false));
    if (oneOf) checks.push(this.choice("oneOf", oneOf, true));
    if (not !== undefined) {
      const check = this.check(not);
      checks.push((value, walk) => {
        if (attempt(check, value, walk).length === 0) report(walk, "not", "is ruled out by the plan", value);
      });
    }
    return checks;
  }

  private choice(rule: string, members: readonly SubSchema[], one: boolean): Check {
    const checks = members.map((member) => this.check(member));
    return (value, walk) => {
      const types: string[] = [];
      let held = 0;
      for (const check of checks) {
        const [first, ...more] = attempt(check, value, walk);
        if (!first) held++;
        else if (more.length === 0 && first.rule === "type" && first.path.length === walk.path.length)
          types.push(first.description.replace("must be ", ""));
      }
      if (held > 0 && !(one && held > 1)) return;
      if (types.length === checks.length) report(walk, "type", `must be ${types.join(" or ")}`, value);
      else if (held > 1) report(walk, rule, "must fit one form of the plan, fits several", value);
      else report(walk, rule, "must fit one of the plan's forms", value);
    };
  }
}

function attempt(check: Check, value: unknown, walk: Walk): SchemaViolation[] {
  const violations: SchemaViolation[] = [];
  check(value, { budget: walk.budget, path: walk.path, violations });
  return violations;
}

const tooMany = "takes too long to check: too many forms within forms";

/**
 * A schema's validator: closures made once, no code generation. Our own, since a library's does not fit beside the handler
 * (6 KiB of the 4 that were left) and takes ten times as long; the tests hold it against one.
 */
export function compileSchema(schema: JsonSchema): Validator {
  const check = new Compiler(schema).check(schema);
  return (value, at) => {
    const violations: SchemaViolation[] = [];
    const walk = { budget: { left: mostSteps }, path: at === undefined ? [] : [at], violations };
    check(value, walk);
    // What was not looked at to its end is not taken, even where a `not` made good of it.
    if (walk.budget.left < 0 && violations.length === 0) report(walk, "steps", tooMany, value);
    return violations;
  };
}
