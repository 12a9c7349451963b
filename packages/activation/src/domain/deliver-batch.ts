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

/** How often a delivery that lost a race looks again before its message goes back to the queue. */
const maxRounds = 5;

interface Place {
  readonly audience: string;
  readonly profileId: string;
}

/** A profile whose next state was told (or needed no telling), to be kept in the ledger. */
interface Settled {
  readonly place: Place;
  readonly next: DeliveryState;
  /** Whether the destination was called. */
  readonly told: boolean;
  readonly outcome: DeliveryOutcome;
}

/**
 * Brings one destination up to date about the profiles of a batch of messages; one outcome per message, in order.
 * What the destination was told is kept after it said yes: a crash between the two repeats the call under the same
 * idempotency key, it never loses one.
 */
export async function deliverBatch(
  messages: readonly DeliveryMessage[],
  destination: Destination,
  ports: DeliveryPorts,
): Promise<DeliveryOutcome[]> {
  let open = new Map<string, Place>(
    messages.map(({ audience, profileId }) => [placeKey({ audience, profileId }), { audience, profileId }]),
  );
  const outcomes = new Map<string, DeliveryOutcome>();
  const lost = new Map<string, Settled>();
  for (let round = 0; open.size > 0 && round < maxRounds; round++) {
    const entries = await ports.ledger.load(destination.name, [...open.values()]);
    const settled: Settled[] = [];
    await mapLimit(entries, entries.length, async (loaded) => {
      const entry = afterRace(loaded, lost.get(placeKey(loaded)));
      const result = entry ? await deliverOne(entry, destination, ports) : ({ kind: "skipped" } as const);
      if ("next" in result) settled.push(result);
      else outcomes.set(placeKey(loaded), result);
    });
    open = await keep(settled, destination, ports.ledger, outcomes, lost);
  }
  return messages.map(outcomeOf(outcomes));
}

/** Keeps what was told; gives the places where another delivery was faster. */
async function keep(
  settled: readonly Settled[],
  destination: Destination,
  ledger: Ledger,
  outcomes: Map<string, DeliveryOutcome>,
  lost: Map<string, Settled>,
): Promise<Map<string, Place>> {
  const raced = new Map<string, Place>();
  if (settled.length === 0) return raced;
  const entries = settled.map(({ place, next }) => ({ ...place, next }));
  const kept = await ledger.record(destination.name, entries);
  settled.forEach((one, index) => {
    const key = placeKey(one.place);
    if (kept[index]) outcomes.set(key, one.outcome);
    else {
      raced.set(key, one.place);
      if (one.told) lost.set(key, one);
    }
  });
  return raced;
}

/**
 * What to believe that the destination knows after a call of ours whose record came too late. Where the faster delivery
 * told the same, all is well (undefined). Otherwise our call may have been the last to arrive, so the destination is
 * taken to know what we said, in words that are never the current ones: it will be told anew.
 */
function afterRace(loaded: LedgerEntry, ours: Settled | undefined): LedgerEntry | undefined {
  if (!ours || !loaded.delivered) return loaded;
  const { state, checksum } = loaded.delivered;
  if (state === ours.next.state && checksum === ours.next.checksum) return undefined;
  return { ...loaded, delivered: { ...loaded.delivered, state: ours.next.state, checksum: "" } };
}

async function deliverOne(
  entry: LedgerEntry,
  destination: Destination,
  { post, now }: DeliveryPorts,
): Promise<DeliveryOutcome | Settled> {
  const place = { audience: entry.audience, profileId: entry.profileId };
  let decision: Decision;
  try {
    decision = await decide(entry, destination, now);
  } catch (error) {
    if (error instanceof MapError) return { kind: "dead", reason: error.message };
    throw error;
  }
  if (decision.kind === "nothing") return { kind: "skipped" };
  const { next } = decision;
  if (decision.kind === "withhold") return { place, next, told: false, outcome: { kind: "withheld" } };
  const answer = await post(decision.body, decision.idempotencyKey);
  if (answer.kind === "rejected") return { kind: "dead", reason: answer.reason };
  if (answer.kind === "retry") return answer;
  return { place, next, told: true, outcome: { kind: "delivered", withheld: next.state === "withheld" } };
}

/** The outcome of each message. Several about one profile are one delivery; what failed fails for all, or one would be lost. */
function outcomeOf(outcomes: ReadonlyMap<string, DeliveryOutcome>): (message: DeliveryMessage) => DeliveryOutcome {
  const first = new Set<string>();
  return (message) => {
    const key = placeKey(message);
    const outcome = outcomes.get(key);
    if (!outcome) return { kind: "retry", reason: "other deliveries kept being faster", afterSeconds: 1 };
    const repeated = first.has(key);
    first.add(key);
    return repeated && (outcome.kind === "delivered" || outcome.kind === "withheld") ? { kind: "skipped" } : outcome;
  };
}

function placeKey({ audience, profileId }: Place): string {
  return `${audience}\n${profileId}`;
}

/** Seconds until the next try of a message that has been received so often: 4, 16, 64 … at most 15 minutes. */
export function backoffSeconds(receiveCount: number): number {
  return Math.min(4 ** Math.max(1, receiveCount), 900);
}
