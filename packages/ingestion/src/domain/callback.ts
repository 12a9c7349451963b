import {
  type CustomerEvent,
  derivedId,
  describe,
  isJsonObject,
  isRejection,
  type JsonObject,
  parseEvent,
} from "@tributary/model";
import type { Drop, OnEvent } from "../on-event";

export type CallbackOutcome =
  | { readonly kind: "events"; readonly events: readonly CustomerEvent[] }
  | { readonly kind: "dropped"; readonly reason: string }
  | { readonly kind: "failed"; readonly detail: string; readonly stack?: string };

function isDrop(value: unknown): value is Drop {
  return isJsonObject(value) && value.drop === true && typeof value.reason === "string";
}

/**
 * Checks what the callback gave back, field by field as the collector would, and puts the envelope on it: where an event
 * is from, when it was received and what it is deduplicated by are not the callback's to change.
 */
function accepted(answer: unknown, given: CustomerEvent, index: number): CustomerEvent | string {
  if (!isJsonObject(answer)) return `gave ${answer === null ? "null" : typeof answer} in place of an event`;
  const { sentAt: _sentAt, originalTimestamp: _original, ...rest } = answer;
  const item: JsonObject = { ...rest, messageId: derivedId(given.messageId, index) };
  const event = parseEvent(item, { sourceId: given.sourceId, receivedAt: given.receivedAt });
  if (isRejection(event)) return `gave an event that is none: ${describe(event)}`;
  return {
    ...event,
    ...(given.originalTimestamp === undefined ? {} : { originalTimestamp: given.originalTimestamp }),
    ...(given.sentAt === undefined ? {} : { sentAt: given.sentAt }),
  };
}

const remedy = "onEvent must return the event, a list of events, or drop(reason)";

/** Runs the user's callback on an event. Whatever it does, the outcome says what becomes of the event. */
export async function runCallback(onEvent: OnEvent, event: CustomerEvent): Promise<CallbackOutcome> {
  let answer: unknown;
  try {
    // A copy: a callback that changes its argument and then throws must leave the original as it was.
    answer = await onEvent(structuredClone(event), { sourceId: event.sourceId, receivedAt: event.receivedAt });
  } catch (error) {
    const thrown = error instanceof Error ? error : new Error(String(error));
    return {
      kind: "failed",
      detail: `onEvent threw ${thrown.name}: ${thrown.message}`,
      ...(thrown.stack === undefined ? {} : { stack: thrown.stack }),
    };
  }
  if (isDrop(answer)) return { kind: "dropped", reason: answer.reason };
  const answers: readonly unknown[] = Array.isArray(answer) ? answer : [answer];
  if (answer === undefined || answer === null || answers.length === 0) {
    const gave = Array.isArray(answer) ? "an empty list" : "nothing";
    return { kind: "failed", detail: `onEvent gave ${gave} back, which would lose the event; ${remedy}` };
  }
  const events: CustomerEvent[] = [];
  for (const [index, each] of answers.entries()) {
    const checked = accepted(each, event, index);
    if (typeof checked === "string") return { kind: "failed", detail: `onEvent ${checked}; ${remedy}` };
    events.push(checked);
  }
  return { kind: "events", events };
}
