import type { Json } from "@tributary/model";

/** An error in the sense of the Amazon States Language: a name that Retry and Catch match, and a cause for people. */
export class StateError extends Error {
  constructor(
    readonly error: string,
    readonly causeText: string,
  ) {
    super(`${error}: ${causeText}`);
    this.name = "StateError";
  }

  /** What a Catcher puts into the state's data. */
  get output(): { [key: string]: Json } {
    return { Error: this.error, Cause: this.causeText };
  }
}

export const runtimeError = (cause: string) => new StateError("States.Runtime", cause);

/** Thrown inside a branch when its execution was stopped or a sibling branch failed; never caught by a state. */
export class Aborted extends Error {}
