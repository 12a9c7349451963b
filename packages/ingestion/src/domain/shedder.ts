import { NotDurable } from "./stream-writer";

/** For so long nothing is tried once the stream was found overloaded, in milliseconds. */
const pauseMs = 1_000;

/**
 * Answers for a stream that takes nothing: for a moment requests are turned away at once (429) in place of five tries
 * each, which would only add to its load. One instance of the function has one, and finds out for itself.
 */
export class Shedder {
  private until = 0;

  /** Whole seconds until the stream is tried again; 0: now. Epoch milliseconds in. */
  secondsLeft(now: number): number {
    return now < this.until ? Math.ceil((this.until - now) / 1000) : 0;
  }

  /** Tells of a write that failed. */
  refused(error: unknown, now: number): void {
    if (error instanceof NotDurable && error.overloaded) this.until = now + pauseMs;
  }
}
