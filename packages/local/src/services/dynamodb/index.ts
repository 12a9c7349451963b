import type { Kernel, Realiser } from "../../kernel";
import { sweepExpired, trimStreams } from "./background";
import { resourcePolicyRealiser, tableRealiser } from "./realiser";
import { DynamoDbService } from "./service";
import { DynamoDbStreamsService } from "./streams-service";

export { sweepExpired, trimStreams } from "./background";
export { DynamoDbService } from "./service";

/** How often expired items, old stream records and old request tokens are looked for. */
const tidyEveryMs = 60_000;

/** Registers DynamoDB and DynamoDB Streams; every table of the data folder works at once. */
export function install(kernel: Kernel): Realiser[] {
  const dynamodb = new DynamoDbService(kernel);
  kernel.register(dynamodb);
  kernel.register(new DynamoDbStreamsService(kernel, dynamodb.tables));
  const tidy = async () => {
    await sweepExpired(kernel, dynamodb.tables);
    await trimStreams(kernel, dynamodb.tables);
    await dynamodb.transactions.forgetTokens();
  };
  let tidying: Promise<void> = Promise.resolve();
  const timer = setInterval(() => {
    tidying = tidying
      .then(tidy)
      .catch((error) => kernel.log.warn(`dynamodb: tidying up failed and is tried again: ${String(error)}`));
  }, tidyEveryMs);
  timer.unref();
  kernel.onClose(async () => {
    clearInterval(timer);
    await tidying;
  });
  return [tableRealiser(dynamodb), resourcePolicyRealiser(dynamodb)];
}
