import {
  type CustomerEvent,
  derivedId,
  describe,
  isJsonObject,
  isRejection,
  type Json,
  parseEvent,
} from "@tributary/model";

/** What the user's callback did with one event, before anybody looked at what it gave back. */
export type CallbackAnswer =
  /** It came back, with a value of JSON; undefined where it gave nothing. */
  | { readonly kind: "gave"; readonly value: Json | undefined }
  | { readonly kind: "threw"; readonly name: string; readonly message: string; readonly stack?: string }
  /** It never came back, or took its thread down: `detail` says how. */
  | { readonly kind: "stuck"; readonly detail: string }
  /** It was not asked: no time was left. */
  | { readonly kind: "later" };

/** Runs the user's callback. Answers one for each event, in order, whatever the callback does. */
export interface CallbackPort {
  /** @param until epoch milliseconds after which no further call begins, so that what is done can still be stored */
  run(events: readonly CustomerEvent[], until: number): Promise<readonly CallbackAnswer[]>;
}

export type CallbackOutcome =
  | { readonly kind: "events"; readonly events: readonly CustomerEvent[] }
  | { readonly kind: "dropped"; readonly reason: string }
  | { readonly kind: "failed"; readonly detail: string; readonly stack?: string }
  | { readonly kind: "later" };

/**
 * Checks what the callback gave back, field by field as the collector would, and puts the envelope on it: where an event
 * is from, when it was received and what it is deduplicated by are not the callback's to change.
 */
function accepted(answer: unknown, given: CustomerEvent, index: number): CustomerEvent | string {
  if (!isJsonObject(answer)) return `gave ${answer === null ? "null" : typeof answer} in place of an event`;
  const { sentAt: _sentAt, originalTimestamp: _original, ...rest } = answer;
  const item = { ...rest, messageId: derivedId(given.messageId, index) };
  const event = parseEvent(item, { sourceId: given.sourceId, receivedAt: given.receivedAt });
  if (isRejection(event)) return `gave an event that is none: ${describe(event)}`;
  return {
    ...event,
    ...(given.originalTimestamp === undefined ? {} : { originalTimestamp: given.originalTimestamp }),
    ...(given.sentAt === undefined ? {} : { sentAt: given.sentAt }),
  };
}

const remedy = "onEvent must return the event, a list of events, or drop(reason)";

/** What becomes of an event by what the callback did with it. Details may hold personal data: for quarantine, never for a log. */
export function callbackOutcome(answer: CallbackAnswer, event: CustomerEvent): CallbackOutcome {
  switch (answer.kind) {
    case "later":
      return answer;
    case "stuck":
      return { kind: "failed", detail: `onEvent ${answer.detail}` };
    case "threw":
      return {
        kind: "failed",
        detail: `onEvent threw ${answer.name}: ${answer.message}`,
        ...(answer.stack === undefined ? {} : { stack: answer.stack }),
      };
    case "gave":
      return given(answer.value, event);
  }
}

function given(value: Json | undefined, event: CustomerEvent): CallbackOutcome {
  if (isJsonObject(value) && value.drop === true && typeof value.reason === "string") {
    return { kind: "dropped", reason: value.reason };
  }
  const answers: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (value === undefined || value === null || answers.length === 0) {
    const gave = Array.isArray(value) ? "an empty list" : "nothing";
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
