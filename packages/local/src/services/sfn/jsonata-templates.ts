import type { Json } from "@tributary/model";
import jsonata from "jsonata";
import { isRecord } from "../support";
import { jsonataFunctions } from "./jsonata-functions";
import { StateError } from "./state-error";

/** What `$states` holds in a JSONata expression, and the variables beside it. */
export interface JsonataScope {
  readonly states: { readonly [key: string]: Json };
  readonly variables: Readonly<Record<string, Json>>;
}

type Expression = ReturnType<typeof jsonata>;

const compiled = new Map<string, Expression>();
const mostCompiled = 5_000;

function compile(source: string): Expression {
  let expression = compiled.get(source);
  if (!expression) {
    expression = jsonata(source);
    for (const [name, run] of Object.entries(jsonataFunctions)) expression.registerFunction(name, run as never);
    // Definitions come and go in a long `dev`; what is still used is soon compiled again.
    if (compiled.size >= mostCompiled) compiled.clear();
    compiled.set(source, expression);
  }
  return expression;
}

/** The expression in `{% … %}`, or undefined where the text is a literal. */
const expressionIn = (text: string): string | undefined => /^\{%(.*)%\}$/s.exec(text)?.[1]?.trim();

/** What JSONata throws is a plain object with a message. */
const messageOf = (error: unknown): string =>
  isRecord(error) || error instanceof Error ? String((error as { message?: unknown }).message) : String(error);

const failure = (source: string, reason: string) =>
  new StateError("States.QueryEvaluationError", `The JSONata expression '${source}' ${reason}`);

async function evaluate(source: string, scope: JsonataScope): Promise<Json> {
  let value: unknown;
  try {
    value = await compile(source).evaluate(undefined, { states: scope.states, ...scope.variables });
  } catch (error) {
    throw failure(source, `failed: ${messageOf(error)}`);
  }
  if (value === undefined) throw failure(source, "returned nothing (undefined)");
  if (typeof value === "function" || (isRecord(value) && "_jsonata_lambda" in value))
    throw failure(source, "returned a function, which is no JSON");
  // JSONata marks its sequences with extra properties; plain JSON has none.
  return JSON.parse(JSON.stringify(value)) as Json;
}

/** Fills a value in which any string of the form `{% … %}` is a JSONata expression. */
export async function fillJsonata(template: unknown, scope: JsonataScope): Promise<Json> {
  if (typeof template === "string") {
    const source = expressionIn(template);
    return source === undefined ? template : await evaluate(source, scope);
  }
  if (Array.isArray(template)) return await Promise.all(template.map((item) => fillJsonata(item, scope)));
  if (!isRecord(template)) return (template ?? null) as Json;
  const entries = Object.entries(template).map(async ([key, value]) => [key, await fillJsonata(value, scope)] as const);
  return Object.fromEntries(await Promise.all(entries));
}

/** Members of a state that are states themselves, each with a language of its own. */
const nested = new Set(["Branches", "ItemProcessor", "Iterator"]);

/** Reports expressions of a state that are no JSONata. */
export function checkExpressions(value: unknown, report: (reason: string) => void): void {
  if (typeof value === "string") {
    const source = expressionIn(value);
    if (source === undefined) return;
    try {
      compile(source);
    } catch (error) {
      report(`the JSONata expression '${source}' is not valid: ${messageOf(error)}`);
    }
  } else if (Array.isArray(value)) {
    for (const each of value) checkExpressions(each, report);
  } else if (isRecord(value)) {
    for (const [key, each] of Object.entries(value)) if (!nested.has(key)) checkExpressions(each, report);
  }
}
