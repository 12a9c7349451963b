import { createHash, randomUUID } from "node:crypto";
import type { Json } from "@tributary/model";
import jsonata from "jsonata";
import { isRecord } from "../support";
import { StateError } from "./state-error";

/** What `$states` holds in a JSONata expression, and the variables beside it. */
export interface JsonataScope {
  readonly states: { readonly [key: string]: Json };
  readonly variables: Readonly<Record<string, Json>>;
}

const compiled = new Map<string, ReturnType<typeof jsonata>>();

function compile(source: string): ReturnType<typeof jsonata> {
  let expression = compiled.get(source);
  if (!expression) {
    expression = jsonata(source);
    // The functions that Step Functions adds to JSONata.
    expression.registerFunction("uuid", () => randomUUID());
    expression.registerFunction("parse", (value: string) => JSON.parse(value));
    expression.registerFunction("hash", (value: string, algorithm: string) =>
      createHash(algorithm.replace("-", "").toLowerCase()).update(value).digest("hex"),
    );
    expression.registerFunction("partition", (items: Json[], size: number) =>
      Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
        items.slice(index * size, (index + 1) * size),
      ),
    );
    expression.registerFunction("range", (first: number, last: number, by: number) =>
      Array.from({ length: Math.max(0, Math.floor((last - first) / by) + 1) }, (_, index) => first + index * by),
    );
    compiled.set(source, expression);
  }
  return expression;
}

async function evaluate(source: string, scope: JsonataScope): Promise<Json> {
  let value: unknown;
  try {
    value = await compile(source).evaluate(undefined, { states: scope.states, ...scope.variables });
  } catch (error) {
    const message =
      isRecord(error) || error instanceof Error ? String((error as { message?: unknown }).message) : String(error);
    throw new StateError("States.QueryEvaluationError", `The JSONata expression '${source}' failed: ${message}`);
  }
  if (value === undefined) {
    throw new StateError(
      "States.QueryEvaluationError",
      `The JSONata expression '${source}' returned nothing (undefined)`,
    );
  }
  // JSONata marks its sequences with extra properties; plain JSON has none.
  return JSON.parse(JSON.stringify(value)) as Json;
}

/** Fills a value in which any string of the form `{% … %}` is a JSONata expression. */
export async function fillJsonata(template: unknown, scope: JsonataScope): Promise<Json> {
  if (typeof template === "string") {
    const source = /^\{%(.*)%\}$/s.exec(template)?.[1];
    return source === undefined ? template : await evaluate(source.trim(), scope);
  }
  if (Array.isArray(template)) return await Promise.all(template.map((item) => fillJsonata(item, scope)));
  if (!isRecord(template)) return (template ?? null) as Json;
  const entries = Object.entries(template).map(async ([key, value]) => [key, await fillJsonata(value, scope)] as const);
  return Object.fromEntries(await Promise.all(entries));
}
