import { mapLimit } from "@tributary/runtime";
import { type Decision, decide, type MapCallback, MapError, type WebhookBody } from "./delivery";
import type { DeliveryMessage, DeliveryState, Ledger, LedgerEntry } from "./messages";
import type { WebhookOutcome } from "./webhook";

export interface Destination {
  readonly name: string;
  readonly purpose: string;
  readonly map: MapCallback | undefined;
}

/** What became of one message. */
export type DeliveryOutcome =
  /** `withheld`: it was told to forget a profile whose consent was taken back. */
  | { readonly kind: "delivered"; readonly withheld: boolean }
  | { readonly kind: "skipped" }
  | { readonly kind: "withheld" }
  | { readonly kind: "retry"; readonly reason: string; readonly afterSeconds: number | undefined }
  | { readonly kind: "dead"; readonly reason: string };

export interface DeliveryPorts {
  readonly ledger: Ledger;
  readonly post: (body: WebhookBody, idempotencyKey: string) => Promise<WebhookOutcome>;
  /** ISO 8601. */
  readonly now: () => string;
}

type Ready =
  | { readonly kind: "ready"; readonly decision: Decision }
  | { readonly kind: "dead"; readonly reason: string };

/**
 * Brings one destination up to date about the profiles of a batch of messages; one outcome per message, in order.
 * What the destination was told is kept after it said yes: a crash between the two repeats the call under the same
 * idempotency key, it never loses one.
 */
export async function deliverBatch(
  messages: readonly DeliveryMessage[],
  destination: Destination,
  { ledger, post, now }: DeliveryPorts,
): Promise<DeliveryOutcome[]> {
  const places = new Map(
    messages.map(({ audience, profileId }) => [placeKey({ audience, profileId }), { audience, profileId }]),
  );
  const entries = await ledger.load(destination.name, [...places.values()]);
  const outcomes = new Map<string, DeliveryOutcome>();
  const toKeep: { entry: LedgerEntry; next: DeliveryState; outcome: DeliveryOutcome }[] = [];

  await mapLimit(entries, entries.length, async (entry) => {
    const ready = await prepare(entry, destination, now);
    if (ready.kind === "dead") outcomes.set(placeKey(entry), ready);
    else if (ready.decision.kind === "nothing") outcomes.set(placeKey(entry), { kind: "skipped" });
    else if (ready.decision.kind === "withhold") {
      toKeep.push({ entry, next: ready.decision.next, outcome: { kind: "withheld" } });
    } else {
      const { body, idempotencyKey, next } = ready.decision;
      const answer = await post(body, idempotencyKey);
      if (answer.kind === "rejected") outcomes.set(placeKey(entry), { kind: "dead", reason: answer.reason });
      else if (answer.kind === "retry") outcomes.set(placeKey(entry), answer);
      else toKeep.push({ entry, next, outcome: { kind: "delivered", withheld: next.state === "withheld" } });
    }
  });

  if (toKeep.length > 0) {
    const kept = await ledger.record(
      destination.name,
      toKeep.map(({ entry: { audience, profileId }, next }) => ({ audience, profileId, next })),
    );
    toKeep.forEach(({ entry, outcome }, index) => {
      const raced: DeliveryOutcome = { kind: "retry", reason: "another delivery was faster", afterSeconds: 0 };
      outcomes.set(placeKey(entry), kept[index] ? outcome : raced);
    });
  }
  const first = new Set<string>();
  return messages.map((message): DeliveryOutcome => {
    const key = placeKey(message);
    const outcome = outcomes.get(key);
    if (!outcome)
      return { kind: "retry", reason: "the ledger did not answer for this profile", afterSeconds: undefined };
    const repeated = first.has(key);
    first.add(key);
    // Two messages about one profile are one delivery; what failed must fail for both, or one would be lost.
    return repeated && (outcome.kind === "delivered" || outcome.kind === "withheld") ? { kind: "skipped" } : outcome;
  });
}

async function prepare(entry: LedgerEntry, destination: Destination, now: () => string): Promise<Ready> {
  try {
    return { kind: "ready", decision: await decide(entry, destination, now) };
  } catch (error) {
    if (error instanceof MapError) return { kind: "dead", reason: error.message };
    throw error;
  }
}

function placeKey({ audience, profileId }: { readonly audience: string; readonly profileId: string }): string {
  return `${audience}\n${profileId}`;
}

/** Seconds until the next try of a message that has been received so often: 4, 16, 64 … at most 15 minutes. */
export function backoffSeconds(receiveCount: number): number {
  return Math.min(4 ** Math.max(1, receiveCount), 900);
}
