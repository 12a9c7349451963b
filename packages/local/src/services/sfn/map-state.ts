import type { Json } from "@tributary/model";
import { runDistributed } from "./distributed-map";
import type { Interpreter } from "./interpreter";
import { itemsOf } from "./map-items";
import { childResult, type MapResult, resultOf } from "./map-result";
import { failureDetails, together } from "./parallel-state";
import { Aborted, runtimeError, StateError } from "./state-error";
import { numberOf, type Step } from "./step";
import { childOf } from "./strand";

/** Iterations of an inline Map that run at once where the definition sets no limit, as on AWS. */
const inlineConcurrency = 40;

/** How many items of a Map may fail. */
export interface Tolerance {
  readonly count: number | undefined;
  readonly percentage: number | undefined;
}

/** Whether a Map has failed: by default any failed item is too much. */
export function exceeded({ count, percentage }: Tolerance, failed: number, total: number): boolean {
  if (count === undefined && percentage === undefined) return failed > 0;
  return (count !== undefined && failed > count) || (percentage !== undefined && failed * 100 > percentage * total);
}

export const thresholdExceeded = (failed: number, total: number, first: StateError) =>
  new StateError(
    "States.ExceedToleratedFailureThreshold",
    `The specified tolerated failure threshold was exceeded: ${failed} of ${total} items failed, the first with ${first.message}`,
  );

/** Runs the processor of a Map for each of its items. */
export async function runMap(interpreter: Interpreter, step: Step, args: Json): Promise<Json> {
  const { state, name } = step;
  const { host } = interpreter;
  const processor = state.ItemProcessor ?? state.Iterator;
  if (!processor) throw runtimeError(`Map ${name} has no ItemProcessor`);
  const work = await itemsOf(host, step, args);
  const number = (field: "MaxConcurrency" | "ToleratedFailureCount" | "ToleratedFailurePercentage") =>
    numberOf(step, field, state[field], state[`${field}Path`], args);
  const lanes = (await number("MaxConcurrency")) ?? 0;
  const tolerance: Tolerance = {
    count: await number("ToleratedFailureCount"),
    percentage: await number("ToleratedFailurePercentage"),
  };
  if (processor.ProcessorConfig?.Mode === "DISTRIBUTED")
    return await runDistributed(interpreter, step, { args, processor, work, lanes, tolerance });

  const { strand } = step;
  interpreter.record(strand, "MapStateStarted", { length: work.count }, name);
  const startedAt = host.kernel.now();
  let failed = 0;
  const tolerant = tolerance.count !== undefined || tolerance.percentage !== undefined;
  const iterate = async (index: number, signal: AbortSignal): Promise<MapResult> => {
    const child = childOf(strand, name, index, signal, work.mapOf(index));
    const done = host.marks.get(child.path);
    if (done && "output" in done) return childResult(host, String(index), startedAt, { output: done.output });
    let input: Json = null;
    interpreter.record(child, "MapIterationStarted", { name, index }, name);
    try {
      input = await work.inputOf(index);
      const output = await interpreter.run(processor, input, child);
      interpreter.record(child, "MapIterationSucceeded", { name, index }, name);
      return childResult(host, String(index), startedAt, { input, output });
    } catch (error) {
      if (error instanceof Aborted || !(error instanceof StateError)) throw error;
      interpreter.record(child, "MapIterationFailed", { name, index }, name);
      failed += work.itemsIn(index);
      if (exceeded(tolerance, failed, work.total))
        throw tolerant ? thresholdExceeded(failed, work.total, error) : error;
      return childResult(host, String(index), startedAt, { input, error });
    }
  };
  try {
    const results = await together(interpreter, step, work.count, lanes || inlineConcurrency, iterate);
    const result = await resultOf(host, step, args, results, undefined);
    interpreter.record(strand, "MapStateSucceeded", {}, name);
    return result;
  } catch (error) {
    if (!strand.signal.aborted) interpreter.record(strand, "MapStateFailed", failureDetails(error), name);
    throw error;
  }
}
