/** So many requests at a time are a crowd: a lone client and its polling are none. */
const crowd = 4;
/** While there is a crowd, background work rests for so many times as long as it took, in milliseconds at most `longest`. */
const rest = { share: 3, longest: 1_000 };

/**
 * Who comes first on a machine that one process has to share. On AWS an API's latency does not hang on how busy the
 * stream's consumers are; here requests that wait for an answer go before batches that nobody waits for. Batches always
 * get their share, so a backlog shrinks even under load that never ends.
 */
export class Foreground {
  private requests = 0;

  /** Counts a request while it is answered. */
  async serve(request: () => Promise<void>): Promise<void> {
    this.requests += 1;
    try {
      await request();
    } finally {
      this.requests -= 1;
    }
  }

  /** Holds background work back where there is a crowd, by how long its last piece took. */
  async giveWay(tookMs: number): Promise<void> {
    if (this.requests < crowd || tookMs === 0) return;
    await new Promise((resolve) => setTimeout(resolve, Math.min(rest.longest, tookMs * rest.share)));
  }
}
