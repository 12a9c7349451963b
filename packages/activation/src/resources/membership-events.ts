import { join } from "node:path";
import type { CustomResourceOptions } from "@pulumi/pulumi";
import {
  DeadLetterQueue,
  type FoundationRef,
  handlerBundle,
  LambdaFunction,
  SecureEventBus,
  type SecureTable,
} from "@tributary/core";
import { activationDefaults as defaults } from "../defaults";

const source = join(__dirname, "..");

/**
 * An event bus that is told who enters and leaves audiences, for any number of readers. A DynamoDB stream has room for
 * two readers; the other of the memberships' stream fills the destinations' queues.
 */
export function makeMembershipEvents(
  name: string,
  args: { readonly foundation: FoundationRef; readonly memberships: SecureTable },
  opts: CustomResourceOptions,
): SecureEventBus {
  const { foundation, memberships } = args;
  const bus = new SecureEventBus(
    `${name}-audiences`,
    { foundation, description: `Who enters and leaves the audiences of ${name}` },
    opts,
  );
  const announce = new LambdaFunction(
    `${name}-announce`,
    {
      foundation,
      bundle: handlerBundle(source, "announce"),
      calls: ["eventbridge"],
      description: "Tells the event bus who enters and leaves audiences.",
      environment: { EVENT_BUS: bus.name },
      timeoutSeconds: 60,
    },
    opts,
  );
  bus.grantPut(announce);
  const failures = new DeadLetterQueue(
    `${name}-unannounced`,
    { foundation, of: `the audience events of ${name}; its log names the memberships` },
    opts,
  );
  announce.consumeTable("memberships", memberships.ref, {
    batchSize: defaults.dispatchBatchSize,
    windowSeconds: 0,
    onFailure: failures.ref,
  });
  return bus;
}
