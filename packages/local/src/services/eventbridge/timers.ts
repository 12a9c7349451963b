import type { Kernel } from "../../kernel";
import type { ScheduleTimes } from "./schedule";

/** Timers take at most about 24 days. */
const longestWaitMs = 2 ** 31 - 1;

/**
 * Fires schedules by the kernel's clock while the runtime is up. What fell due while it was down is not made up for.
 * One timer per name; setting a name again replaces it.
 */
export class ScheduleTimers {
  private readonly timers = new Map<string, NodeJS.Timeout>();

  constructor(private readonly kernel: Kernel) {
    kernel.onClose(() => {
      for (const timer of this.timers.values()) clearTimeout(timer);
      this.timers.clear();
    });
  }

  /** `fire` gets the time that was due; the next is set when it has ended. */
  set(name: string, times: ScheduleTimes, fire: (due: number) => Promise<void>): void {
    this.clear(name);
    if (this.kernel.options.schedules === false) return;
    const due = times.next(this.kernel.now());
    if (due === undefined) return;
    const wait = Math.min(Math.max(0, due - this.kernel.now()), longestWaitMs);
    const timer = setTimeout(() => {
      if (this.kernel.now() < due) return this.set(name, times, fire);
      fire(due)
        .catch((error: Error) => this.kernel.log.warn(`schedule ${name}: ${error.message}`))
        .finally(() => {
          if (this.timers.get(name) === timer) this.set(name, times, fire);
        });
    }, wait);
    // A schedule alone keeps no process alive.
    timer.unref();
    this.timers.set(name, timer);
  }

  clear(name: string): void {
    clearTimeout(this.timers.get(name));
    this.timers.delete(name);
  }
}
