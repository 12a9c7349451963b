import type { Json } from "@tributary/model";
import { ruleHolds } from "./choice";
import { sleep } from "./clock";
import { type Host, scaledMs } from "./host";
import { get } from "./paths";
import { runtimeError, StateError } from "./state-error";
import { assign, fill, fillAny, numberOf, type Step, scopeOf } from "./step";
import { evaluateReference } from "./templates";

export interface Outcome {
  readonly output: Json;
  readonly next?: string | undefined;
}

/** What a Fail state fails with. */
export async function failureOf(step: Step): Promise<StateError> {
  const { state, jsonata } = step;
  const text = async (name: string, literal: string | undefined, path: string | undefined) => {
    const scope = scopeOf(step, step.input);
    const value =
      path !== undefined ? evaluateReference(path, scope) : jsonata ? await fill(step, literal ?? "") : (literal ?? "");
    if (typeof value === "string") return value;
    throw runtimeError(`The ${name} of ${step.name} must be a string, not ${JSON.stringify(value)}`);
  };
  return new StateError(
    await text("Error", state.Error, state.ErrorPath),
    await text("Cause", state.Cause, state.CausePath),
  );
}

/** Where a Choice state leads. */
export async function choose(step: Step): Promise<Outcome> {
  const { state, jsonata, input } = step;
  const data =
    jsonata || state.InputPath === undefined
      ? input
      : state.InputPath === null
        ? {}
        : get(state.InputPath, scopeOf(step, input));
  const taken = await matching(step, data);
  const next = taken ? taken.Next : state.Default;
  if (typeof next !== "string")
    throw new StateError("States.NoChoiceMatched", `No choice of ${step.name} matched, and it has no Default`);
  // Where the Default is taken, the state's own fields count.
  const { Output, Assign } = taken ?? state;
  const output = jsonata && Output !== undefined ? await fill(step, Output) : outputOf(step, data);
  if (Assign !== undefined) assign(step, await fillAny(step, Assign, data));
  return { output, next };
}

async function matching(step: Step, data: Json): Promise<Readonly<Record<string, unknown>> | undefined> {
  for (const rule of step.state.Choices) {
    if (!step.jsonata) {
      if (ruleHolds(rule, scopeOf(step, data))) return rule;
      continue;
    }
    const holds = await fill(step, rule.Condition);
    if (typeof holds !== "boolean") {
      throw new StateError(
        "States.QueryEvaluationError",
        `The Condition '${String(rule.Condition)}' of ${step.name} gave ${JSON.stringify(holds)}, which is no boolean`,
      );
    }
    if (holds) return rule;
  }
  return undefined;
}

function outputOf(step: Step, data: Json): Json {
  const { OutputPath: path } = step.state;
  if (step.jsonata || path === undefined) return data;
  return path === null ? {} : get(path, scopeOf(step, data));
}

const timestamp = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/;
const longestWait = 99_999_999;

/** Waits as a Wait state says, on the scaled clock; after a restart only what is left. */
export async function rest(host: Host, step: Step, args: Json): Promise<void> {
  const { kernel, timeScale } = host;
  let until = step.resumed?.until;
  if (until === undefined) {
    until = kernel.now() + scaledMs(await waitSeconds(host, step, args), timeScale);
    // A wait too short to be cut by a restart is not worth a note.
    if (until - kernel.now() > 1000) await step.keep({ until });
  }
  await host.idle(sleep(until - kernel.now(), step.strand.signal));
}

async function waitSeconds(host: Host, step: Step, args: Json): Promise<number> {
  const { state, jsonata } = step;
  if (state.Timestamp !== undefined || state.TimestampPath !== undefined) {
    const value =
      state.TimestampPath !== undefined
        ? get(state.TimestampPath, scopeOf(step, args))
        : jsonata
          ? await fill(step, state.Timestamp)
          : (state.Timestamp ?? null);
    if (typeof value !== "string" || !timestamp.test(value) || Number.isNaN(Date.parse(value)))
      throw runtimeError(`Wait ${step.name}: ${JSON.stringify(value)} is not a timestamp such as 2016-03-14T01:59:00Z`);
    return Math.max(0, (Date.parse(value) - host.kernel.now()) / 1000);
  }
  const seconds = (await numberOf(step, "Seconds", state.Seconds, state.SecondsPath, args)) ?? 0;
  if (seconds > longestWait) throw runtimeError(`Wait ${step.name}: ${seconds} is more than ${longestWait} seconds`);
  return seconds;
}
