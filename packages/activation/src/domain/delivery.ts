import { canonicalJson, type Json, type Profile, shortHash } from "@tributary/model";
import type { DeliveryState, LedgerEntry } from "./messages";

export interface DeliveryContext {
  readonly audience: string;
  readonly destination: string;
}

/** A destination's `map`: what of a profile it gets. Must return a JSON object. */
export type MapCallback = (profile: Profile, context: DeliveryContext) => unknown | Promise<unknown>;

/** The JSON that a webhook gets. */
export interface WebhookBody {
  readonly type: "audience.entered" | "audience.updated" | "audience.exited";
  readonly audience: string;
  readonly profileId: string;
  /** What `map` returned. Not on an exit. */
  readonly payload?: Json;
  /** The profile's traits, where the destination has no `map`. Not on an exit. */
  readonly traits?: Json;
}

/** What is to do about one profile at one destination. */
export type Decision =
  | { readonly kind: "send"; readonly body: WebhookBody; readonly idempotencyKey: string; readonly next: DeliveryState }
  /** Nothing goes out; `next` is kept. */
  | { readonly kind: "withhold"; readonly next: DeliveryState }
  | { readonly kind: "nothing" };

/** A profile that a destination's `map` could not map. */
export class MapError extends Error {
  override readonly name = "MapError";
}

/**
 * Compares what the destination should know now with what it was told last. So messages may come late, twice or in any
 * order: the outcome is the same. Consent is asked for here, at the time of sending; it is missing unless granted. A
 * destination that knows a profile whose consent was taken back is told that it left.
 */
export async function decide(
  entry: LedgerEntry,
  destination: { readonly name: string; readonly purpose: string; readonly map: MapCallback | undefined },
  now: () => string,
): Promise<Decision> {
  const { audience, profileId, delivered } = entry;
  const knows = delivered?.state === "member";
  const revision = (delivered?.revision ?? 0) + 1;
  const profile = entry.member ? entry.profile : null;
  const granted = profile !== null && profile.consent[destination.purpose]?.granted === true;

  const send = (
    type: WebhookBody["type"],
    content: Partial<WebhookBody>,
    next: Omit<DeliveryState, "at" | "revision">,
  ): Decision => ({
    kind: "send",
    body: { type, audience, profileId, ...content },
    // The same for each try of one change, another for the next change, even back to an earlier payload.
    idempotencyKey: shortHash(canonicalJson([destination.name, audience, profileId, type, next.checksum, revision])),
    next: { ...next, at: now(), revision },
  });

  if (profile === null || !granted) {
    const state = profile === null ? "none" : "withheld";
    if (knows) return send("audience.exited", {}, { state, checksum: "" });
    if (profile !== null && delivered?.state !== "withheld") {
      return { kind: "withhold", next: { state, checksum: "", at: now(), revision } };
    }
    return { kind: "nothing" };
  }
  const content = await contentOf(profile, { audience, destination: destination.name }, destination.map);
  const checksum = shortHash(canonicalJson(content));
  if (knows && delivered.checksum === checksum) return { kind: "nothing" };
  return send(knows ? "audience.updated" : "audience.entered", content, { state: "member", checksum });
}

/** What was thrown and where: the message and the innermost frames. */
function thrown(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const frames = error.stack?.split("\n").filter((line) => /^\s+at /.test(line)) ?? [];
  return [`${error.name}: ${error.message}`, ...frames.slice(0, 3)].join("\n");
}

async function contentOf(
  profile: Profile,
  context: DeliveryContext,
  map: MapCallback | undefined,
): Promise<{ readonly payload: Json } | { readonly traits: Json }> {
  if (!map) return { traits: { ...profile.traits } };
  let mapped: unknown;
  try {
    mapped = await map(profile, context);
  } catch (error) {
    throw new MapError(`map threw ${thrown(error)}`);
  }
  if (typeof mapped !== "object" || mapped === null || Array.isArray(mapped)) {
    throw new MapError(
      `map must return an object, and returned ${mapped === null ? "null" : Array.isArray(mapped) ? "a list" : typeof mapped}`,
    );
  }
  try {
    return { payload: JSON.parse(JSON.stringify(mapped)) as Json };
  } catch (error) {
    throw new MapError(`map returned what JSON cannot hold: ${(error as Error).message}`);
  }
}
