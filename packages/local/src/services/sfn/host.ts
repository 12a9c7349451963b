import type { Json } from "@tributary/model";
import type { Kernel, Principal } from "../../kernel";
import type { QueryLanguage } from "./definition";
import type { Journal, Mark } from "./journal";
import type { ChildExecutions } from "./map-run";
import type { TaskTokens } from "./task-tokens";

/** What an execution gives its interpreter. */
export interface Host {
  readonly kernel: Kernel;
  readonly principal: Principal;
  readonly executionArn: string;
  readonly machineArn: string;
  /** `$$.Execution` and `$$.StateMachine`. */
  readonly context: { readonly [key: string]: Json };
  readonly queryLanguage: QueryLanguage;
  /** Seconds of a Wait or a retry above one second are multiplied by this. */
  readonly timeScale: number;
  readonly journal: Journal;
  readonly tokens: TaskTokens;
  /** Where the strands of an earlier run of this execution stood. */
  readonly marks: ReadonlyMap<string, Mark>;
  /** A redrive: what failed is tried anew. Otherwise what a restart cut short goes on where it was. */
  readonly redriven: boolean;
  readonly children: ChildExecutions;
  /** Tells of strands that begin (+1) and end or rest on others (−1). */
  strands(change: 1 | -1): void;
  /** Work that is somebody else's: while all strands are in such, the execution is no work in progress. */
  idle<T>(work: Promise<T>): Promise<T>;
  /** Whether the runtime is being closed: what is cut short then goes on at the next start. */
  closing(): boolean;
  /** Waits for another execution to end; its description in the API's words. */
  settledExecution(executionArn: string): Promise<Record<string, unknown>>;
}

/** Waits above this many seconds run on the scaled clock. */
const unscaledSeconds = 1;

/** Milliseconds that a wait takes here. */
export const scaledMs = (seconds: number, scale: number): number =>
  seconds > unscaledSeconds ? seconds * scale * 1000 : seconds * 1000;
