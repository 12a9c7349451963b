import { createHash } from "node:crypto";
import type { RuntimeHandle } from "@tributary/local";
import type { ConsentState, PlatformContract, ProfileIdentifier } from "@tributary/model";
import { scan } from "./scan";

export interface StateHash {
  readonly hash: string;
  readonly profiles: number;
  readonly events: number;
}

/** JSON with sorted keys, so that equal content gives equal text. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${entries.map(([key, member]) => `${JSON.stringify(key)}:${canonical(member)}`).join(",")}}`;
  }
  return JSON.stringify(value) ?? "null";
}

/**
 * One hash over everything that the same events must lead to, whatever their order, batching and repetition: every
 * distinct event by id and content, every profile (id, identifiers, traits, consent) and every audience membership.
 * Times are left out: they may depend on when an event arrived.
 */
export async function stateHash(runtime: RuntimeHandle, platform: PlatformContract): Promise<StateHash> {
  const lines: string[] = [];
  let events = 0;
  let profiles = 0;
  for await (const { id, fingerprint } of scan(runtime, platform.ingestion.eventsTableName, ["id", "fingerprint"])) {
    events += 1;
    lines.push(canonical(["event", id, fingerprint]));
  }
  const attributes = ["profileId", "kind", "identifiers", "traits", "consent"];
  for await (const item of scan(runtime, platform.identities.profilesTableName, attributes)) {
    if (item.kind !== "profile") continue; // Where a merged profile went is history, not state.
    profiles += 1;
    const identifiers = (item.identifiers as ProfileIdentifier[]).map(({ type, value }) => `${type}:${value}`).sort();
    const consent = Object.entries(item.consent as Record<string, ConsentState>).map(([purpose, { granted }]) => [
      purpose,
      granted,
    ]);
    lines.push(canonical(["profile", item.profileId, identifiers, item.traits, Object.fromEntries(consent)]));
  }
  for await (const item of scan(runtime, platform.activation.membershipsTableName, [
    "audience",
    "profileId",
    "member",
  ])) {
    if (item.member !== false) lines.push(canonical(["membership", item.audience, item.profileId]));
  }
  const hash = createHash("sha256");
  for (const line of lines.sort()) hash.update(line).update("\n");
  return { hash: hash.digest("hex"), profiles, events };
}
