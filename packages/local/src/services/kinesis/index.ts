import type { Kernel, Realiser } from "../../kernel";
import { streamRealiser } from "./realiser";
import { KinesisService } from "./service";

export { KinesisService } from "./service";
export type { StoredRecord, Stream } from "./streams";

/** How often records past their retention are dropped. */
const trimEveryMs = 60_000;

/** Registers Kinesis Data Streams; every stream of the data folder works at once. */
export function install(kernel: Kernel): Realiser[] {
  const kinesis = new KinesisService(kernel);
  kernel.register(kinesis);
  let trimming: Promise<void> = Promise.resolve();
  const timer = setInterval(() => {
    trimming = trimming
      .then(() => kinesis.streams.trim())
      .catch((error) => kernel.log.warn(`kinesis: trimming failed and is tried again: ${String(error)}`));
  }, trimEveryMs);
  timer.unref();
  kernel.onClose(async () => {
    clearInterval(timer);
    await trimming;
  });
  return [streamRealiser(kinesis)];
}
