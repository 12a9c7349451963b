import type { Json } from "@tributary/model";
import { JSONPath } from "jsonpath-plus";
import { isRecord } from "../support";
import { runtimeError, StateError } from "./state-error";

const mismatch = (cause: string) => new StateError("States.ResultPathMatchFailure", cause);

/** What paths can point into. */
export interface Scope {
  /** The state's data: `$`. */
  readonly data: Json;
  /** The context object: `$$`. */
  readonly context: Json;
  /** Variables that Assign made: `$name`. */
  readonly variables: Readonly<Record<string, Json>>;
}

const step = /\.((?:[\w\-&À-￿]|\\.)+)|\[\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|(\d+))\s*\]/y;

/** The steps of a path that names exactly one place (`.a`, `['a b']`, `[0]`), or undefined where it can match many. */
export function definiteSteps(path: string): (string | number)[] | undefined {
  const steps: (string | number)[] = [];
  let at = 0;
  while (at < path.length) {
    step.lastIndex = at;
    const match = step.exec(path);
    if (!match) return undefined;
    const [, name, single, double, index] = match;
    steps.push(
      index === undefined
        ? (name ?? single ?? double ?? "").replace(/\\(?:u([0-9A-Fa-f]{4})|(.))/g, unescaped)
        : Number(index),
    );
    at = step.lastIndex;
  }
  return steps;
}

const unescaped = (_: string, code?: string, character?: string): string =>
  code === undefined ? (character ?? "") : String.fromCharCode(Number.parseInt(code, 16));

/** Splits `$.a`, `$$.a` or `$name.a` into where it starts and the rest. */
function rootOf(path: string, scope: Scope): { root: Json | undefined; rest: string } {
  if (path.startsWith("$$")) return { root: scope.context, rest: path.slice(2) };
  const variable = /^\$([\p{ID_Start}_][\p{ID_Continue}_]*)/u.exec(path)?.[1];
  if (variable !== undefined) return { root: scope.variables[variable], rest: path.slice(variable.length + 1) };
  if (path.startsWith("$")) return { root: scope.data, rest: path.slice(1) };
  throw runtimeError(`The path ${path} does not begin with $`);
}

/** The value at a path, or undefined where there is none. A path that can match many gives an array. */
export function find(path: string, scope: Scope): Json | undefined {
  const { root, rest } = rootOf(path, scope);
  const steps = definiteSteps(rest);
  if (!steps) {
    if (root === undefined) return undefined;
    // "safe" evaluates filter expressions without JavaScript's eval.
    return JSONPath({ path: `$${rest}`, json: root as object, wrap: true, eval: "safe" }) as Json;
  }
  let value: Json | undefined = root;
  for (const key of steps) {
    if (typeof key === "number") value = Array.isArray(value) ? value[key] : undefined;
    else value = isRecord(value) && Object.hasOwn(value, key) ? (value[key] as Json) : undefined;
    if (value === undefined) return undefined;
  }
  return value;
}

/** The value at a path; `States.Runtime` where there is none. */
export function get(path: string, scope: Scope): Json {
  const value = find(path, scope);
  if (value !== undefined) return value;
  const { data } = scope;
  const input = JSON.stringify(data);
  const shown = input.length > 1000 ? `${input.slice(0, 1000)}…` : input;
  throw runtimeError(`The JSONPath '${path}' could not be found in the input '${shown}'`);
}

/** Whether a path leads to something; one that can match many leads somewhere where it matches at all. */
export function leadsSomewhere(path: string, scope: Scope): boolean {
  const value = find(path, scope);
  if (value === undefined) return false;
  return !(Array.isArray(value) && value.length === 0 && definiteSteps(rootOf(path, scope).rest) === undefined);
}

/** A copy of `data` with `value` at the path, which must name one place; objects on the way are made. */
export function set(data: Json, path: string, value: Json): Json {
  const steps = path.startsWith("$") ? definiteSteps(path.slice(1)) : undefined;
  if (!steps) throw runtimeError(`The ResultPath ${path} must be a reference path such as $.a.b`);
  const place = (current: Json | undefined, index: number): Json => {
    const key = steps[index];
    if (key === undefined) return value;
    if (typeof key === "number") {
      if (!Array.isArray(current) || key > current.length)
        throw mismatch(`The ResultPath ${path} points outside of an array`);
      return current.toSpliced(key, 1, place(current[key], index + 1));
    }
    if (current !== undefined && !isRecord(current)) {
      throw mismatch(`Unable to apply step "${key}" of the ResultPath ${path} to input ${JSON.stringify(data)}`);
    }
    return {
      ...(current as { [key: string]: Json } | undefined),
      [key]: place((current as { [key: string]: Json } | undefined)?.[key], index + 1),
    };
  };
  return place(data, 0);
}
