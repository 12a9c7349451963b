import { shortHash } from "../canonical";
import type { EvidenceNode } from "./evidence";

/** The id of the profile whose first identifier this is: at most 38 characters of `[a-zA-Z0-9_-]`, as Entity Resolution asks. */
export function profileIdOf(key: string): string {
  return `p_${shortHash(key)}`;
}

/** An identifier that takes part, with its place in the arrays of one resolution. */
export interface Member {
  readonly key: string;
  readonly node: EvidenceNode;
  /** Rank of its type: 0 is the strongest. */
  readonly rank: number;
}
