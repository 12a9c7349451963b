import { type AttributeValue, member, normaliseValue, refuse, typeOf } from "../values";
import type { Condition, ExpressionKind, Parsed, RawPath, Update } from "./ast";
import { parseCondition, parseProjection, parseUpdate } from "./parse";

/** The placeholders of one request. */
export interface Bindings {
  readonly names: Readonly<Record<string, string>>;
  readonly values: Readonly<Record<string, AttributeValue>>;
}

interface Request {
  ExpressionAttributeNames?: Record<string, string> | undefined;
  ExpressionAttributeValues?: Record<string, unknown> | undefined;
}

/** Parsed expressions by kind and text; programs use few, so this seldom empties. */
const cache = new Map<string, Parsed<unknown>>();
const cacheSize = 2000;

function cached<T>(kind: string, text: string, parse: () => Parsed<T>): Parsed<T> {
  const key = `${kind} ${text}`;
  const hit = cache.get(key);
  if (hit) return hit as Parsed<T>;
  const parsed = parse();
  if (cache.size >= cacheSize) cache.clear();
  cache.set(key, parsed);
  return parsed;
}

/**
 * The expressions of one request with their placeholders. Each expression is asked for by its method; `finish` then
 * refuses what is given but unused, as DynamoDB does.
 */
export class Expressions implements Bindings {
  readonly names: Readonly<Record<string, string>>;
  readonly values: Record<string, AttributeValue> = {};
  private readonly usedNames = new Set<string>();
  private readonly usedValues = new Set<string>();
  private any = false;

  constructor(request: Request) {
    this.names = request.ExpressionAttributeNames ?? {};
    for (const [name, value] of Object.entries(this.names)) {
      if (!/^#[A-Za-z0-9_]+$/.test(name) || typeof value !== "string" || value === "") {
        throw refuse(`ExpressionAttributeNames contains invalid key: Syntax error; key: "${name}"`);
      }
    }
    const values = request.ExpressionAttributeValues;
    for (const name in values) {
      if (values[name] === undefined) continue;
      if (!/^:[A-Za-z0-9_]+$/.test(name)) {
        throw refuse(`ExpressionAttributeValues contains invalid key: Syntax error; key: "${name}"`);
      }
      this.values[name] = normaliseValue(values[name]);
    }
    if (values && Object.keys(this.values).length === 0) throw refuse("ExpressionAttributeValues must not be empty");
    if (request.ExpressionAttributeNames && Object.keys(this.names).length === 0) {
      throw refuse("ExpressionAttributeNames must not be empty");
    }
  }

  condition(kind: ExpressionKind, text: string | undefined): Condition | undefined {
    if (text === undefined) return undefined;
    return this.use(
      kind,
      cached(kind, text, () => parseCondition(text, kind)),
    );
  }

  update(text: string | undefined): Update | undefined {
    if (text === undefined) return undefined;
    return this.use(
      "UpdateExpression",
      cached("update", text, () => parseUpdate(text)),
    );
  }

  /** The paths of a projection, placeholders resolved. */
  projection(text: string | undefined): RawPath[] | undefined {
    if (text === undefined) return undefined;
    const paths = this.use(
      "ProjectionExpression",
      cached("projection", text, () => parseProjection(text)),
    ).map((path) => resolvePath(path, this));
    refuseOverlaps(paths, "ProjectionExpression");
    return paths;
  }

  finish(): void {
    if (!this.any) {
      if (Object.keys(this.names).length > 0) {
        throw refuse("ExpressionAttributeNames can only be specified when using expressions");
      }
      if (Object.keys(this.values).length > 0) {
        throw refuse("ExpressionAttributeValues can only be specified when using expressions");
      }
      return;
    }
    refuseUnused("ExpressionAttributeNames", this.names, this.usedNames);
    refuseUnused("ExpressionAttributeValues", this.values, this.usedValues);
  }

  private use<T>(kind: ExpressionKind, parsed: Parsed<T>): T {
    this.any = true;
    for (const name of parsed.names) {
      if (this.names[name] === undefined) {
        throw refuse(
          `Invalid ${kind}: An expression attribute name used in the document path is not defined; attribute name: ${name}`,
        );
      }
      this.usedNames.add(name);
    }
    for (const name of parsed.values) {
      if (this.values[name] === undefined) {
        throw refuse(
          `Invalid ${kind}: An expression attribute value used in expression is not defined; attribute value: ${name}`,
        );
      }
      this.usedValues.add(name);
    }
    for (const { value, where, allowed } of parsed.rules) {
      const type = typeOf(this.values[value] as AttributeValue);
      if (!allowed.includes(type)) {
        throw refuse(
          `Invalid ${kind}: Incorrect operand type for operator or function; ${where}, operand type: ${type}`,
        );
      }
    }
    return parsed.ast;
  }
}

function refuseUnused(what: string, given: object, used: ReadonlySet<string>): void {
  const unused = Object.keys(given).filter((name) => !used.has(name));
  if (unused.length > 0) throw refuse(`Value provided in ${what} unused in expressions: keys: {${unused.join(", ")}}`);
}

/** A path with its `#aliases` replaced. */
export function resolvePath(path: RawPath, { names }: Bindings): RawPath {
  return path.map((step) => (typeof step === "string" && step.startsWith("#") ? (names[step] ?? step) : step));
}

/** Refuses two paths of which one begins with the other. Takes resolved paths. */
export function refuseOverlaps(paths: readonly RawPath[], kind: ExpressionKind): void {
  for (let right = 1; right < paths.length; right += 1) {
    for (let left = 0; left < right; left += 1) {
      const [a, b] = [paths[left] ?? [], paths[right] ?? []];
      const shared = Math.min(a.length, b.length);
      let same = 0;
      while (same < shared && a[same] === b[same]) same += 1;
      if (same === shared) {
        throw refuse(
          `Invalid ${kind}: Two document paths overlap with each other; must remove or rewrite one of these paths; path one: ${showPath(a)}, path two: ${showPath(b)}`,
        );
      }
    }
  }
}

function showPath(path: RawPath): string {
  return `[${path.map((step) => (typeof step === "number" ? `[${step}]` : step)).join(", ")}]`;
}

/** The value at a path of an item, or undefined. `#aliases` are looked up on the way. */
export function valueAt(
  item: Readonly<Record<string, AttributeValue>>,
  path: RawPath,
  { names }: Bindings,
): AttributeValue | undefined {
  let value: AttributeValue | undefined;
  for (let depth = 0; depth < path.length; depth += 1) {
    const step = path[depth];
    if (typeof step === "number") value = value?.L?.[step];
    else {
      const name = step?.charCodeAt(0) === 35 ? (names[step] ?? step) : (step ?? "");
      const map = depth === 0 ? item : value?.M;
      value = map === undefined ? undefined : member(map, name);
    }
    if (value === undefined) return undefined;
  }
  return value;
}
