import { type Options, SingleBar } from "cli-progress";

export interface Progress {
  /** `done` of `total` (0 where unknown), with a word on what is going on. */
  update(done: number, total: number, note?: string): void;
  stop(): void;
}

/** A progress bar on stderr when that is a terminal; silent in a pipe. */
export function progress(label: string): Progress {
  if (!process.stderr.isTTY) return { update() {}, stop() {} };
  const options: Options = {
    format: `${label} {bar} {value}/{total} {note}`,
    stream: process.stderr,
    hideCursor: true,
    clearOnComplete: true,
    barsize: 24,
  };
  const bar = new SingleBar(options);
  let started = false;
  return {
    update(done, total, note = "") {
      if (!started) bar.start(total, done, { note });
      started = true;
      bar.setTotal(Math.max(total, done));
      bar.update(done, { note });
    },
    stop() {
      if (started) bar.stop();
    },
  };
}
