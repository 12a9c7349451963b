import type { Kernel, Realiser } from "../../kernel";
import { attributeRealisers, queueRealiser } from "./realiser";
import { SqsService } from "./service";

export { type QueueHandle, queueByArn, queueDepth, type SqsEventRecord } from "./handle";
export { SqsService } from "./service";

/** How often messages past their retention are dropped. */
const expireEveryMs = 60_000;

/** Registers SQS; every queue of the data folder works at once. */
export function install(kernel: Kernel): Realiser[] {
  const sqs = new SqsService(kernel);
  kernel.register(sqs);
  let expiring: Promise<void> = Promise.resolve();
  const timer = setInterval(() => {
    expiring = expiring
      .then(() => sqs.deliveries.expire())
      .catch((error) => kernel.log.warn(`sqs: dropping old messages failed and is tried again: ${String(error)}`));
  }, expireEveryMs);
  timer.unref();
  kernel.onClose(async () => {
    clearInterval(timer);
    sqs.polls.close();
    sqs.queues.stop();
    await expiring;
  });
  return [queueRealiser(sqs), ...attributeRealisers(sqs)];
}
