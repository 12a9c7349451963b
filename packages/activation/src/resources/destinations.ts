import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import {
  DeadLetterQueue,
  type FoundationRef,
  grantSecretRead,
  grantStatements,
  grantTableRead,
  handlerBundle,
  LambdaFunction,
  type ProfileStoreRef,
  SecureQueue,
  type SecureTable,
} from "@tributary/core";
import { activationDefaults as defaults } from "../defaults";
import type { ResolvedActivation, ResolvedDestination } from "../normalize";
import { type ComputedStores, computedEnvironment, showComputed } from "./computed-stores";

const source = join(__dirname, "..");

export interface DestinationsArgs {
  readonly foundation: FoundationRef;
  readonly profiles: ProfileStoreRef;
  readonly memberships: SecureTable;
  readonly deliveries: SecureTable;
  readonly resolved: ResolvedActivation;
  readonly computed: ComputedStores | undefined;
}

/**
 * A queue, a dead-letter queue and a delivering function per destination; one function that fills the queues from the
 * memberships' stream; and the ledger, which alone reads DynamoDB for the deliveries: so the ledger can live in the
 * private network, and what talks to the internet need not.
 */
export function makeDestinations(name: string, args: DestinationsArgs, opts: pulumi.CustomResourceOptions): void {
  const { foundation, memberships, resolved } = args;
  const { destinations } = resolved;
  if (destinations.length === 0) return;
  const ledger = makeLedger(name, args, opts);
  const queues = destinations.map((destination) => ({
    destination,
    queue: makeDelivery(name, destination, foundation, ledger, opts),
  }));
  const dispatch = new LambdaFunction(
    `${name}-dispatch`,
    {
      foundation,
      bundle: handlerBundle(source, "dispatch"),
      calls: ["sqs"],
      description: "Reads membership changes into the destinations' queues.",
      environment: {
        QUEUE_URLS: pulumi.jsonStringify(
          Object.fromEntries(queues.map(({ destination, queue }) => [destination.name, queue.url])),
        ),
      },
      config: {
        destinations: Object.fromEntries(
          destinations.map(({ name: destination, audiences }) => [destination, audiences]),
        ),
      },
      timeoutSeconds: 60,
    },
    opts,
  );
  for (const { queue } of queues) queue.grantSend(dispatch);
  const failures = new DeadLetterQueue(
    `${name}-undispatched`,
    { foundation, of: `the queues of ${name}'s destinations; its log names the memberships` },
    opts,
  );
  dispatch.consumeTable("memberships", memberships.ref, {
    batchSize: defaults.dispatchBatchSize,
    windowSeconds: 0,
    onFailure: failures.ref,
  });
}

function makeLedger(name: string, args: DestinationsArgs, opts: pulumi.CustomResourceOptions): LambdaFunction {
  const { foundation, profiles, memberships, deliveries, resolved, computed } = args;
  const ledger = new LambdaFunction(
    `${name}-ledger`,
    {
      foundation,
      bundle: handlerBundle(source, "ledger"),
      calls: ["dynamodb"],
      description: "What destinations should know and what they know.",
      environment: {
        MEMBERSHIPS_TABLE: memberships.name,
        DELIVERIES_TABLE: deliveries.name,
        PROFILES_TABLE: profiles.profiles.name,
        GRAPH_TABLE: profiles.graph.name,
        ...computedEnvironment(computed),
      },
      config: resolved.computed ? { computed: resolved.computed } : {},
      timeoutSeconds: 10,
    },
    opts,
  );
  memberships.grantRead(ledger);
  deliveries.grantReadWrite(ledger);
  grantTableRead(ledger, profiles.profiles);
  if (computed) {
    grantTableRead(ledger, profiles.graph);
    showComputed(ledger, computed);
  }
  return ledger;
}

function makeDelivery(
  name: string,
  destination: ResolvedDestination,
  foundation: FoundationRef,
  ledger: LambdaFunction,
  opts: pulumi.CustomResourceOptions,
): SecureQueue {
  const { secret, map } = destination;
  // The calls of a batch go out together; the rest is for the ledger, asked twice, and the user's `map`.
  const timeoutSeconds = destination.timeoutSeconds + 20;
  const queue = new SecureQueue(
    `${name}-${destination.name}`,
    { foundation, consumerTimeoutSeconds: timeoutSeconds, maxReceiveCount: destination.maxAttempts },
    opts,
  );
  const deliver = new LambdaFunction(
    `${name}-${destination.name}-deliver`,
    {
      foundation,
      bundle: handlerBundle(source, "deliver"),
      calls: ["sqs", "internet", ...(secret ? (["secretsmanager"] as const) : [])],
      description: `Tells the destination ${destination.name} who enters, changes in and leaves its audiences.`,
      environment: {
        DESTINATION: destination.name,
        URL: destination.url,
        QUEUE_URL: queue.url,
        DEAD_LETTER_URL: queue.deadLetters.url,
        LEDGER_FUNCTION: ledger.name,
        TIMEOUT_MS: String(destination.timeoutSeconds * 1_000),
        ...(secret ? { SECRET_ARN: secret.arn } : {}),
      },
      config: {
        purpose: destination.purpose,
        headers: destination.headers,
        ...(secret ? { secretHeader: secret.header } : {}),
      },
      ...(map ? { callbacks: { "map.cjs": map } } : {}),
      timeoutSeconds,
    },
    opts,
  );
  grantStatements(deliver, "lambda-ledger", [{ actions: ["lambda:InvokeFunction"], resources: [ledger.arn] }]);
  // Refused for good: the delivery puts it there itself, with the reason.
  queue.deadLetters.grantSend(deliver);
  if (secret) grantSecretRead(deliver, secret.arn, secret.keyArn);
  deliver.consumeQueue("deliveries", queue.ref, {
    batchSize: defaults.deliverBatchSize,
    maximumConcurrency: destination.maximumConcurrency,
  });
  return queue;
}
