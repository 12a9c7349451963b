import type { Json } from "@tributary/model";
import { isRecord } from "../support";
import type { State } from "./definition";
import type { TaskMark } from "./journal";
import { fillJsonata } from "./jsonata-templates";
import { get, type Scope } from "./paths";
import { runtimeError, StateError } from "./state-error";
import { type Strand, variablesOf } from "./strand";
import { fillTemplate } from "./templates";

/** One attempt at a state. */
export interface Step {
  readonly name: string;
  readonly state: State;
  readonly input: Json;
  readonly jsonata: boolean;
  readonly strand: Strand;
  /** `$$`, or `$states.context`. */
  readonly context: { readonly [key: string]: Json };
  /** Set where the attempt goes on after a restart. */
  readonly resumed?: { readonly until?: number | undefined; readonly task?: TaskMark | undefined } | undefined;
  /** The token of a task that waits for one. */
  readonly token?: string | undefined;
  /** Notes what a restart must know; durable when it resolves. */
  keep(kept: { readonly until?: number; readonly task?: TaskMark }): Promise<void>;
}

/** Largest input, result or output, bytes of UTF-8. */
export const mostBytes = 262_144;

export const scopeOf = ({ strand, context }: Step, data: Json): Scope => ({
  data,
  context,
  variables: variablesOf(strand),
});

/** Fills a value with JSONata expressions. */
export const fill = (step: Step, value: unknown, extra: { readonly [key: string]: Json } = {}): Promise<Json> =>
  fillJsonata(value, {
    states: { input: step.input, context: step.context, ...extra },
    variables: variablesOf(step.strand),
  });

/** Fills a template in the state's language; `data` is what `$` is in JSONPath. */
export const fillAny = async (step: Step, value: unknown, data: Json): Promise<Json> =>
  step.jsonata ? await fill(step, value) : fillTemplate(value, scopeOf(step, data));

/**
 * A number that a field gives, its `…Path` variant points to, or a JSONata expression computes.
 *
 * @returns undefined where the state has neither
 */
export async function numberOf(
  step: Step,
  name: string,
  literal: unknown,
  path: string | undefined,
  data: Json,
): Promise<number | undefined> {
  if (literal === undefined && path === undefined) return undefined;
  const value =
    path !== undefined ? get(path, scopeOf(step, data)) : step.jsonata ? await fill(step, literal) : literal;
  if (typeof value === "number" && value >= 0) return value;
  const reason = `${name} of ${step.name} must be a number that is not negative, not ${JSON.stringify(value)}`;
  throw step.jsonata ? new StateError("States.QueryEvaluationError", reason) : runtimeError(reason);
}

/** Sets variables, all at once. */
export function assign(step: Step, values: Json): void {
  if (!isRecord(values)) throw runtimeError(`Assign of ${step.name} must be an object`);
  limit(values as Json, `the variables that ${step.name} assigns`);
  step.strand.own = { ...step.strand.own, ...(values as { [key: string]: Json }) };
}

/** Text of a value, within what AWS lets pass between states. */
export function limit(value: Json, what: string): string {
  const text = JSON.stringify(value);
  // A character is at most three bytes: most texts need no count.
  if (text.length * 3 > mostBytes && Buffer.byteLength(text) > mostBytes)
    throw new StateError("States.DataLimitExceeded", `${what} exceed the maximum of ${mostBytes} bytes`);
  return text;
}
