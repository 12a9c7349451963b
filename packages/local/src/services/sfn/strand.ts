import type { Json } from "@tributary/model";
import type { Variables } from "./journal";

/** A strand of work in an execution: the machine itself, a branch, or an iteration. */
export interface Strand {
  /** Where it hangs: `$` for the machine, `$/Map/3` for an iteration, `$/Map/3/Parallel/0` for a branch in that. */
  readonly path: string;
  /** Variables of the scopes around it, which it reads. */
  readonly outer: Variables;
  /** Its own variables. */
  own: Variables;
  /** `$$.Map` */
  readonly map?: Json;
  /** Aborted when the execution is stopped or a sibling has failed. */
  readonly signal: AbortSignal;
  /** Number of its newest event. */
  last: number;
}

export const variablesOf = (strand: Strand): Variables => ({ ...strand.outer, ...strand.own });

/** Where the strands below a state hang. */
export const below = (strand: Strand, state: string): string => `${strand.path}/${encodeURIComponent(state)}/`;

/** A strand below a state: sees the variables around it, and keeps its own to itself. */
export function childOf(
  strand: Strand,
  state: string,
  index: number,
  signal: AbortSignal,
  map: Json | undefined = strand.map,
): Strand {
  return {
    path: below(strand, state) + index,
    outer: variablesOf(strand),
    own: {},
    signal,
    last: strand.last,
    ...(map !== undefined && { map }),
  };
}
