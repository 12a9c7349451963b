import type { Json } from "@tributary/model";
import { isRecord } from "../support";
import { evaluateIntrinsic } from "./intrinsics";
import { get, type Scope } from "./paths";
import { runtimeError, StateError } from "./state-error";

/** A path (`$.a`), a context path (`$$.Execution.Id`) or an intrinsic call, evaluated. */
export function evaluateReference(reference: string, scope: Scope): Json {
  return reference.startsWith("States.") ? evaluateIntrinsic(reference, scope) : get(reference, scope);
}

/** Fills a payload template: a field whose name ends in `.$` is evaluated, all else stays. */
export function fillTemplate(template: unknown, scope: Scope): Json {
  if (Array.isArray(template)) return template.map((item) => fillTemplate(item, scope));
  if (!isRecord(template)) return (template ?? null) as Json;
  const result: { [key: string]: Json } = {};
  for (const [key, value] of Object.entries(template)) {
    if (!key.endsWith(".$")) {
      result[key] = fillTemplate(value, scope);
      continue;
    }
    if (typeof value !== "string") throw runtimeError(`The value of ${key} must be a path or an intrinsic function`);
    try {
      result[key.slice(0, -2)] = evaluateReference(value, scope);
    } catch (error) {
      if (!(error instanceof StateError) || error.error !== "States.Runtime") throw error;
      throw new StateError("States.ParameterPathFailure", error.causeText);
    }
  }
  return result;
}
