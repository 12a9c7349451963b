import { createHash } from "node:crypto";

/** A stable id in UUID's shape for resources that live in the engine alone (explicit providers). */
export function autoId(urn: string): string {
  const hex = createHash("sha256").update(urn).digest("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join("-");
}
