import { setMaxListeners } from "node:events";
import type { Json } from "@tributary/model";
import { linked } from "./clock";
import type { Interpreter } from "./interpreter";
import { runtimeError } from "./state-error";
import type { Step } from "./step";
import { childOf } from "./strand";

/** Runs the branches of a Parallel state side by side. */
export async function runParallel(interpreter: Interpreter, step: Step, args: Json): Promise<Json> {
  const { state, strand, name } = step;
  const { Branches: branches } = state;
  interpreter.record(strand, "ParallelStateStarted", {}, name);
  try {
    const results = await together(interpreter, step, branches.length, branches.length, (index, signal) => {
      const branch = branches[index];
      if (!branch) throw runtimeError(`There is no branch ${index}`);
      return interpreter.run(branch, args, childOf(strand, name, index, signal));
    });
    interpreter.record(strand, "ParallelStateSucceeded", {}, name);
    return results;
  } catch (error) {
    if (!strand.signal.aborted) interpreter.record(strand, "ParallelStateFailed", failureDetails(error), name);
    throw error;
  }
}

export const failureDetails = (error: unknown): { [key: string]: Json } =>
  typeof error === "object" && error !== null && "error" in error && "causeText" in error
    ? { error: String(error.error), cause: String(error.causeText) }
    : { cause: String(error) };

/** Runs strands side by side, at most `lanes` at once and in order of their index; the first failure stops the others. */
export async function together<T>(
  { host }: Interpreter,
  step: Step,
  count: number,
  lanes: number,
  run: (index: number, signal: AbortSignal) => Promise<T>,
): Promise<T[]> {
  const group = linked(step.strand.signal);
  setMaxListeners(0, group.signal);
  const results: T[] = new Array<T>(count);
  let next = 0;
  const lane = async () => {
    host.strands(1);
    try {
      while (next < count && !group.signal.aborted) {
        const index = next++;
        results[index] = await run(index, group.signal);
      }
    } finally {
      host.strands(-1);
    }
  };
  host.strands(-1);
  try {
    await Promise.all(Array.from({ length: Math.min(lanes, count) }, lane));
  } catch (error) {
    group.abort();
    throw error;
  } finally {
    group.release();
    host.strands(1);
  }
  return results;
}
