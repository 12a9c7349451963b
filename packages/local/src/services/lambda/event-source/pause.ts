/** Waits for so many milliseconds, or less where the owner stops. */
export type Pause = (ms: number) => Promise<void>;

/** Waits that end together when their owner stops, so that stopping is not held up by a backoff. */
export class Pauses {
  private readonly waiting = new Map<NodeJS.Timeout, () => void>();
  private ended = false;

  readonly pause: Pause = (ms) => {
    if (this.ended) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.waiting.delete(timer);
        resolve();
      }, ms);
      this.waiting.set(timer, resolve);
    });
  };

  end(): void {
    this.ended = true;
    for (const [timer, resolve] of this.waiting) {
      clearTimeout(timer);
      resolve();
    }
    this.waiting.clear();
  }
}
