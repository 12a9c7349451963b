import { setTimeout as setTimer } from "node:timers/promises";
import { Aborted } from "./state-error";

/** The longest that one timer of Node runs. */
const longestTimer = 2 ** 31 - 1;

/** Waits on the real clock, however long; rejects with `Aborted` when the signal says so. */
export async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  try {
    for (let left = ms; left > 0; left -= longestTimer) {
      await setTimer(Math.min(left, longestTimer), undefined, { signal });
    }
  } catch (error) {
    throw signal.aborted ? new Aborted() : error;
  }
  if (signal.aborted) throw new Aborted();
}

/** A signal that follows another and can be aborted on its own. `release` lets go of the other. */
export function linked(parent: AbortSignal): { signal: AbortSignal; abort(): void; release(): void } {
  const controller = new AbortController();
  const abort = () => controller.abort();
  if (parent.aborted) abort();
  parent.addEventListener("abort", abort, { once: true });
  return { signal: controller.signal, abort, release: () => parent.removeEventListener("abort", abort) };
}

/** Rejects with `Aborted` once the signal is; `release` lets go of it. */
export function abortion(signal: AbortSignal): { promise: Promise<never>; release(): void } {
  let release = () => {};
  const promise = new Promise<never>((_, reject) => {
    const tell = () => reject(new Aborted());
    if (signal.aborted) tell();
    signal.addEventListener("abort", tell, { once: true });
    release = () => signal.removeEventListener("abort", tell);
  });
  // Raced against other work; alone it is nobody's error.
  promise.catch(() => {});
  return { promise, release };
}

/** Longest that states run without letting anything else run, milliseconds. */
const slice = 8;
let lastYield = performance.now();

/** Lets timers and input run now and then: states that only compute would keep the process to themselves. */
export async function giveWay(): Promise<void> {
  if (performance.now() - lastYield < slice) return;
  await new Promise((resolve) => setImmediate(resolve));
  lastYield = performance.now();
}
