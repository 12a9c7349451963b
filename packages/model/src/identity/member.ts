import { shortHash } from "../canonical";
import type { Fact } from "./evidence";

/** The id of the profile whose first identifier this is: at most 38 characters of `[a-zA-Z0-9_-]`, as Entity Resolution asks. */
export function profileIdOf(key: string): string {
  return `p_${shortHash(key)}`;
}

/** An identifier with the times at which it was seen, by itself or beside a stronger one. */
export interface SeenNode {
  readonly type: string;
  readonly value: string;
  /** Epoch milliseconds. */
  readonly firstSeen: number;
  /** Epoch milliseconds, floored to the rules' `lastSeenResolutionSeconds`. */
  readonly lastSeen: number;
  readonly traits: ReadonlyMap<string, Fact>;
  readonly consent: ReadonlyMap<string, Fact>;
}

/** An identifier that takes part, with its place in the arrays of one resolution. */
export interface Member {
  readonly key: string;
  readonly node: SeenNode;
  /** Rank of its type: 0 is the strongest. */
  readonly rank: number;
}
