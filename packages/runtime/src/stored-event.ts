import { type CustomerEvent, eventTypes } from "@tributary/model";
import * as z from "zod/mini";

const time = z.string().check(z.refine((text) => !Number.isNaN(Date.parse(text)), { message: "is no time" }));

/**
 * As much of an event as identity and traits stand on. The processor wrote it validated; this guards against another writer of
 * the table, and costs a fraction of a full check.
 */
const storedEvent = z.looseObject({
  type: z.enum(eventTypes),
  messageId: z.string().check(z.minLength(1)),
  sourceId: z.string(),
  timestamp: time,
  receivedAt: z.string(),
  context: z.record(z.string(), z.unknown()),
});

export type ParsedEvent =
  | { readonly ok: true; readonly event: CustomerEvent }
  | { readonly ok: false; readonly detail: string };

/** The event of an item of the events table, from the text of its `event` attribute. */
export function parseStoredEvent(text: string | undefined): ParsedEvent {
  if (text === undefined) return { ok: false, detail: "the item has no attribute event of type S" };
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch (error) {
    return { ok: false, detail: `the attribute event is not JSON: ${(error as Error).message}` };
  }
  const result = storedEvent.safeParse(raw);
  if (!result.success) {
    const faults = result.error.issues.map((issue) => `${issue.path.join(".") || "(root)"}: ${issue.message}`);
    return { ok: false, detail: faults.join("; ") };
  }
  const { type } = result.data;
  const members = raw as Record<string, unknown>;
  if (type === "identify" && !isObject(members.traits)) return { ok: false, detail: "traits: must be an object" };
  if (type === "alias" && typeof members.previousId !== "string")
    return { ok: false, detail: "previousId: must be a text" };
  return { ok: true, event: raw as CustomerEvent };
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
