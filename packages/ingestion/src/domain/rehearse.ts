import type { CollectedRecord, CustomerEvent } from "@tributary/model";
import { type Plan, type ProcessorParts, planBatch } from "./process";

/** Asks the processor what it would do with records, the user's callback included; it writes nothing. */
export interface Rehearsal {
  readonly rehearse: readonly CollectedRecord[];
}

/** What the processor would do with one record. */
export type Rehearsed =
  | {
      readonly kind: "store";
      /** Key and fingerprint tell whether the events table has it already. */
      readonly items: readonly { readonly id: string; readonly fingerprint: string; readonly event: CustomerEvent }[];
    }
  | { readonly kind: "quarantine"; readonly reason: string; readonly detail: string }
  | { readonly kind: "dropped"; readonly reason: string }
  | { readonly kind: "later" };

export interface RehearsalAnswer {
  readonly rehearsed: readonly Rehearsed[];
}

/** Told from a batch of the stream, which has `Records`. */
export function isRehearsal(event: object): event is Rehearsal {
  return "rehearse" in event && Array.isArray(event.rehearse);
}

function told(plan: Plan): Rehearsed {
  if (plan.kind === "quarantine") {
    return { kind: "quarantine", reason: plan.entry.reason, detail: plan.entry.detail };
  }
  if (plan.kind !== "store") return plan;
  const items = plan.items.map(({ id, fingerprint, event }) => ({
    id,
    fingerprint,
    event: JSON.parse(event) as CustomerEvent,
  }));
  return { kind: "store", items };
}

/** Goes the way of a batch up to the point where something would be written, and tells what that would be. */
export async function rehearse(
  { rehearse: records }: Rehearsal,
  parts: Pick<ProcessorParts, "onEvent" | "plans" | "retentionDays" | "until">,
): Promise<RehearsalAnswer> {
  const sources = records.map((record) => ({ data: Buffer.from(JSON.stringify(record)), arrivedAt: Date.now() }));
  return { rehearsed: (await planBatch(sources, parts)).map(told) };
}
