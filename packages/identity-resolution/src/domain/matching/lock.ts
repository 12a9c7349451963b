/**
 * Entity Resolution runs one matching job in an account and Region. Executions of the state machine queue for this lock,
 * so that the second waits instead of failing; another stack's job is met by Entity Resolution's own refusal.
 */
export interface MatchingLock {
  /** Takes the lock for a run unless somebody holds it, or the run was finished before. */
  take(request: LockRequest): Promise<LockAnswer>;
  /** Gives it back, and remembers a run that was finished. Nothing happens where somebody else has it by now. */
  giveBack(request: { readonly owner: string; readonly finishedRun?: string }): Promise<void>;
}

export interface LockRequest {
  /** ARN of the execution. */
  readonly owner: string;
  /** What one run is called: the scheduled time, so that a start that was delivered twice is one run. */
  readonly run: string;
  /** Epoch seconds. */
  readonly now: number;
  /** Epoch seconds after which the lock is nobody's, whatever became of its owner. */
  readonly until: number;
  /** A holder whose execution has ended without giving back: its lock may be taken. */
  readonly ended?: string;
}

export type LockAnswer =
  | { readonly state: "taken" }
  | { readonly state: "held"; readonly holder: string }
  /** This very run was finished before. */
  | { readonly state: "finished" };
